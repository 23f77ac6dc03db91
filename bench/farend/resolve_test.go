package farend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/bench/load"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/drivers"
	"sluice/transport"
)

// TestMain is a sender too, when it is told to be one.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_SENDER") == "" {
		os.Exit(m.Run())
	}
	Resolve()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	if err := load.Serve(ctx, os.Stdin, os.Stdout, openTestSender, func(error) int { return 1 }); err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// openTestSender opens the driver that the environment configures.
func openTestSender(ctx context.Context, job load.Job) (*load.Sender, func(), error) {
	w, err := workload.Parse([]byte(job.Workload))
	if err != nil {
		return nil, nil, err
	}
	pool, err := w.Pool(nil)
	if err != nil {
		return nil, nil, err
	}
	s, err := drivers.Load(drivers.ForTransport)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.Transport(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &load.Sender{Transport: d, Timeout: longTimeout, Clock: clock.New(), Sleep: clock.Sleep, Record: func(seq int) transport.Record {
		body := pool.Body(seq)
		return transport.Record{ID: audit.ID(job.Run, job.Trial, seq, body), Key: pool.Key(seq), Body: body}
	}}, func() { _ = d.Close() }, d.Check(ctx)
}

// apart lets the bed's trials have a sender in a process of its own.
func (b *bed) apart(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b.runner.Sender = func(ctx context.Context, far *trial.FarEnd, number int) (trial.Sender, error) {
		cmd := exec.Command(program)
		cmd.Env = append(append(Clean(os.Environ()), far.Env...), "TEST_SENDER=1")
		return load.Start(ctx, cmd, load.Job{Run: "run", Trial: number, Workload: b.runner.Workload.Doc()})
	}
}

// While its name cannot be found, no connection to the destination can be made; none is kept, so nothing passes. Then the
// name is found again, and so is every record, once.
func TestNamesFailAndComeBack(t *testing.T) {
	t.Parallel()
	whole(t)
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBed(t, name, small+"faults: [{kind: dns_failure, at: 100ms, for: 300ms}]\n")
			b.apart(t)
			const half = 150 // of the failure, in ms
			got := b.run(t)
			for range 5 { // a busy machine may sleep through the window of a fault
				if got.Faults[dnsFailure] > 0 && got.Phases[0].Latency.Accept.Max >= half {
					break
				}
				got = b.run(t)
			}
			t.Logf("failed %v, errors %v, %+v", got.Faults, got.Errors, got.Audit)
			if got.Faults[dnsFailure] == 0 {
				t.Error("no lookup failed")
			}
			if wrong := got.Audit.Check(audit.ExpectationFor(dnsFailure)); len(wrong) > 0 || len(got.Unexpected) > 0 {
				t.Errorf("%q, %q", wrong, got.Unexpected)
			}
			if got.Audit.Sent < 300 || got.Audit.Accepted != got.Audit.Sent {
				t.Errorf("%d of %d records accepted, want some hundred, and all", got.Audit.Accepted, got.Audit.Sent)
			}
			if failed := got.Errors["transient: network"]; failed == 0 || count(got, "") != failed || got.Audit.UnknownAttempts > 0 {
				t.Errorf("errors %v, %d attempts with an unknown outcome; want errors of the network only, and none in doubt", got.Errors, got.Audit.UnknownAttempts)
			}
			if late := got.Phases[0].Latency.Accept.Max; late < half {
				t.Errorf("the longest accept latency is %v ms, want half of the failure at least", late)
			}
		})
	}
}

// Without the fault, everything is as it always was; with it, nothing is left when the run is over.
func TestANameIsThereForItsFaultOnly(t *testing.T) {
	t.Parallel()
	ofName := func(pair string) bool {
		return strings.Contains(pair, standInName) || strings.HasPrefix(pair, nameServerVariable+"=") || strings.HasPrefix(pair, "AWS_CA_BUNDLE=")
	}
	for _, name := range []string{"sqs", "apigateway"} {
		with := optionsOf(t, "workload: 1\ntransports: ["+name+"]\n"+small+"faults: [{kind: dns_failure, at: 100ms, for: 1s}]\n", true)
		far, err := Open(t.Context(), name, with)
		if err != nil {
			t.Fatal(err)
		}
		if err := far.Allows(with.Workload.Faults); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var file string
		named := 0
		for _, pair := range far.Env {
			if strings.Contains(pair, "://127.0.0.1") {
				t.Errorf("%s: %s needs no lookup", name, pair)
			}
			if ofName(pair) {
				named++
			}
			if path, found := strings.CutPrefix(pair, "AWS_CA_BUNDLE="); found {
				file = path
			}
		}
		if _, err := os.Stat(file); err != nil || named < 4 {
			t.Errorf("%s: %v; %d variables have to do with the name", name, err, named)
		}
		if len(Clean([]string{nameServerVariable + "=127.0.0.1:53"})) > 0 {
			t.Errorf("a user's own %s reaches senders", nameServerVariable)
		}
		if err := far.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s: the certificate is still there: %v", name, err)
		}

		without := newBed(t, name, small+"faults: [{kind: stall, at: 100ms, for: 1s}]\n")
		if i := slices.IndexFunc(without.far.Env, ofName); i >= 0 || without.far.Target.Settings != nil {
			t.Errorf("%s without the fault: %q, %v", name, without.far.Env, without.far.Target)
		}
		if err := without.far.Allows(with.Workload.Faults); err == nil || err.Error() != name+": "+errNames.Error() {
			t.Errorf("%s: got %v, want it to say that there is no name", name, err)
		}
	}
}

// ask packs a question and unpacks what the server makes of it.
func ask(t *testing.T, n *nameServer, name string, kind dnsmessage.Type) (dnsmessage.RCode, []dnsmessage.Resource) {
	t.Helper()
	q := dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}
	packed, err := (&dnsmessage.Message{Header: dnsmessage.Header{ID: 4711, RecursionDesired: true}, Questions: []dnsmessage.Question{q}}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(n.answer(packed)); err != nil {
		t.Fatal(err)
	}
	if m.ID != 4711 || !m.Response || !m.RecursionAvailable || len(m.Questions) != 1 || m.Questions[0] != q {
		t.Errorf("%s: the answer %+v does not belong to the question", name, m)
	}
	return m.RCode, m.Answers
}

func TestTheNameServerFailsInItsWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, other = standInName + ".", "example.com."
		n := &nameServer{name: standInName}
		n.arm([]workload.Fault{{Kind: dnsFailure, At: 10 * time.Second, For: 3 * time.Second}, {Kind: dnsFailure, At: 20 * time.Second, For: time.Second}})
		begun := time.Now()
		for _, c := range []struct {
			at    time.Duration
			fails bool
		}{{0, false}, {9999 * time.Millisecond, false}, {10 * time.Second, true}, {12999 * time.Millisecond, true}, {13 * time.Second, false},
			{20 * time.Second, true}, {21 * time.Second, false}, {time.Hour, false}} {
			time.Sleep(c.at - time.Since(begun))
			before, want := n.fired(), dnsmessage.RCodeSuccess
			if c.fails {
				want = dnsmessage.RCodeServerFailure
			}
			code, answers := ask(t, n, name, dnsmessage.TypeA)
			if code != want || len(answers) == 1 == c.fails || (n.fired() > before) != c.fails || n.striking() != c.fails {
				t.Errorf("after %v: got %v with %d answers, %d failed; want it to fail: %v", c.at, code, len(answers), n.fired(), c.fails)
			}
			if code, answers := ask(t, n, name, dnsmessage.TypeAAAA); code != want || len(answers) > 0 {
				t.Errorf("after %v: IPv6: got %v with %d answers, want %v with none", c.at, code, len(answers), want)
			}
			if code, _ := ask(t, n, other, dnsmessage.TypeA); code != dnsmessage.RCodeNameError {
				t.Errorf("after %v: got %v for %s, want that there is no such name", c.at, code, other)
			}
		}
		if n.fired() != 3 {
			t.Errorf("%d lookups failed, want 3", n.fired())
		}
		if n.arm(nil); n.fired() != 0 || n.striking() {
			t.Error("what was armed before is still at work")
		}
		_, answers := ask(t, n, strings.ToUpper(name), dnsmessage.TypeA)
		if a, ok := answers[0].Body.(*dnsmessage.AResource); !ok || a.A != [4]byte{127, 0, 0, 1} || answers[0].Header.TTL != 0 {
			t.Errorf("got %v, want 127.0.0.1, and not for later", answers)
		}
		if code, _ := ask(t, n, name, dnsmessage.TypeMX); code != dnsmessage.RCodeNameError {
			t.Errorf("mail: got %v, want that there is none", code)
		}
	})
}

// A port on loopback is open to everything on the machine.
func TestTheNameServerSurvivesNonsense(t *testing.T) {
	t.Parallel()
	n := &nameServer{name: standInName}
	answer, err := (&dnsmessage.Message{Header: dnsmessage.Header{Response: true}}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range [][]byte{nil, []byte("x"), make([]byte, 12), answer, []byte(strings.Repeat("\xff", 600))} {
		if got := n.answer(packet); got != nil {
			t.Errorf("%q is answered with %q", packet, got)
		}
	}
}
