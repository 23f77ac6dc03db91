package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/bench/audit"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// TestMain is the sender too, when it is told to be one.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_SENDER") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // as the command does: a second interrupt kills
	if err := Serve(ctx, os.Stdin, os.Stdout, openTestSender, func(error) int { return 78 }); err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		os.Exit(1)
	}
	if file := os.Getenv("TEST_SENDER"); file != "1" {
		_ = os.WriteFile(file, []byte("ended"), 0o600)
	}
	os.Exit(0)
}

// openTestSender makes a sender of the kind that the job names as its workload.
func openTestSender(_ context.Context, job Job) (*Sender, func(), error) {
	switch job.Workload {
	case "refused":
		return nil, nil, errors.New("the queue is not there")
	case "panics":
		panic("out of luck")
	case "hangs":
		return senderTo(transporttest.Script(transporttest.Hang())), func() {}, nil
	}
	return senderTo(&memory.Transport{Discard: true}), func() {}, nil
}

func command(t *testing.T, value string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "TEST_SENDER="+value)
	return cmd
}

func start(ctx context.Context, t *testing.T, workload string) *Process {
	t.Helper()
	p, err := Start(ctx, command(t, "1"), Job{Run: "run", Trial: 1, Workload: workload})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestAProcessSendsPhases(t *testing.T) {
	t.Parallel()
	p := start(t.Context(), t, "memory")
	for first := range 3 {
		r, err := p.Send(t.Context(), Phase{First: first * 10, Due: every(100*time.Microsecond, 10), MaxRecords: 1, Patience: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		wantFates(t, r, map[audit.Fate]int{audit.Accepted: 10})
		if r.Cost.CPU <= 0 || r.Cost.PeakRSS <= 0 || r.Cost.Wall < 900*time.Microsecond || r.Cost.Procs < 1 {
			t.Errorf("the cost is not that of a process: %+v", r.Cost)
		}
	}
	p.Close()
	p.Close()
	if !p.cmd.ProcessState.Success() {
		t.Errorf("the sender ended with %v", p.cmd.ProcessState)
	}
}

func TestARefusalHasItsCode(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), command(t, "1"), Job{Workload: "refused"})
	var refused *Refusal
	if !errors.As(err, &refused) || refused.Text != "the queue is not there" || refused.Code != 78 {
		t.Errorf("got %v, want the refusal with code 78", err)
	}
}

func TestASenderThatDiesIsOneSentence(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		_, err := Start(t.Context(), command(t, "1"), Job{Workload: "panics"})
		if err == nil || !strings.HasPrefix(err.Error(), "the sender ended: ") || !strings.Contains(err.Error(), "out of luck") {
			t.Errorf("got %v, want what it said at its end", err)
		}
	})
	t.Run("killed in a phase", func(t *testing.T) {
		t.Parallel()
		p := start(t.Context(), t, "hangs")
		time.AfterFunc(50*ms, func() { _ = p.cmd.Process.Kill() })
		_, err := p.Send(t.Context(), Phase{Due: every(ms, 10), MaxRecords: 1, Patience: time.Hour})
		if err == nil || err.Error() != "the sender ended before it was done: signal: killed" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not started", func(t *testing.T) {
		t.Parallel()
		_, err := Start(t.Context(), exec.Command("/nowhere/sender"), Job{})
		if err == nil || !strings.HasPrefix(err.Error(), "start the sender: ") {
			t.Errorf("got %v", err)
		}
	})
}

// An interrupt that comes while a phase is sent gives the report of what was sent so far, whether or not the command was
// made with the same context, which by itself would kill.
func TestAnInterruptGivesAPartialReport(t *testing.T) {
	t.Parallel()
	for name, withContext := range map[string]bool{"plain command": false, "command with a context": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cmd := command(t, "1")
			if withContext {
				env := cmd.Env
				cmd = exec.CommandContext(ctx, cmd.Path)
				cmd.Env = env
			}
			p, err := Start(ctx, cmd, Job{Workload: "memory"})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			due := []time.Duration{0, time.Hour}
			time.AfterFunc(500*ms, cancel) // a busy machine has sent the first one by then
			r, err := p.Send(ctx, Phase{Due: due, MaxRecords: 1, Patience: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			wantFates(t, r, map[audit.Fate]int{audit.Accepted: 1, audit.Unsent: 1})
		})
	}
}

// A benchmark that is killed closes its end of the pipes and can do no more. Its sender must not go on sending.
func TestASenderEndsWithItsParent(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/ended"
	cmd := command(t, file)
	p, err := Start(t.Context(), cmd, Job{Workload: "memory"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.encoder.Encode(Phase{Due: []time.Duration{0, time.Hour}, MaxRecords: 1, Patience: time.Hour}); err != nil {
		t.Fatal(err)
	}
	_ = p.in.Close() // as the kernel does for a killed parent
	answered := make(chan error, 1)
	go func() {
		var m message
		answered <- p.decoder.Decode(&m)
	}()
	select {
	case err := <-answered:
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("the sender did not end well: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the sender is still sending")
	}
	p.Close()
	if text, _ := os.ReadFile(file); string(text) != "ended" {
		t.Errorf("the sender was killed, want it to end by itself")
	}
}

// The keys of a terminal reach every process of its group, and the parent passes them on as well: two interrupts kill.
func TestASenderIsInAGroupOfItsOwn(t *testing.T) {
	t.Parallel()
	p := start(t.Context(), t, "memory")
	group, err := syscall.Getpgid(p.cmd.Process.Pid)
	if err != nil || group != p.cmd.Process.Pid {
		t.Errorf("group %d (%v), want %d, its own", group, err, p.cmd.Process.Pid)
	}
}

func TestServeFailsForNonsense(t *testing.T) {
	t.Parallel()
	err := Serve(t.Context(), strings.NewReader("nonsense"), io.Discard, openTestSender, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "read the job: ") {
		t.Errorf("got %v", err)
	}
}
