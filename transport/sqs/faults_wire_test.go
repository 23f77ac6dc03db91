package sqs

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/awscreds"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// openThrough opens the driver on a server at an address, with an HTTP client and a source of credentials; nil: such as
// have no end.
func openThrough(t *testing.T, address string, client *awshttp.BuildableClient, p aws.CredentialsProvider) *Transport {
	t.Helper()
	if p == nil {
		p = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "secret"}, nil
		})
	}
	a, err := awscreds.New(aws.Config{Region: "eu-west-1", Credentials: p, BaseEndpoint: aws.String(address), HTTPClient: client}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	tr, err := Open(t.Context(), Config{QueueURL: address + "/123456789012/q", Timeout: time.Second}, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, f := range transporttest.WireFaults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s, k := unstarted(), &store{}
			l := &transporttest.TroubledListener{Listener: s.Listener}
			s.Listener = l
			s.on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
			s.Start()
			t.Cleanup(s.Close)
			tr := openThrough(t, s.URL, awshttp.NewBuildableClient(), nil)
			tr.http.CloseIdleConnections()
			l.Arm(f, 2)
			d := deliverTo(t, s, k, tr, ten())
			d.noneDies()
			d.ledger.Retried(t, f.Reason)
			if l.Fired() != 2 || d.ledger.Sends() != 3 {
				t.Errorf("%d connections in trouble and %d requests, want 2 and 3", l.Fired(), d.ledger.Sends())
			}
			if got := len(k.all()); (got > 10) != f.Sent {
				t.Errorf("%d messages stored, want more than ten: %v", got, f.Sent)
			}
			proof.Fault(t, f.Name, l.Fired())
			d.report(f.Name, proof.Retry, f.Reason, "P1 P5 P10")
		})
	}
}

// dialling returns a client whose connections are made by dial once it is armed.
func dialling(armed *atomic.Bool, dial func(n int32) error) *awshttp.BuildableClient {
	var n atomic.Int32
	return awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		normal := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if armed.Load() {
				if err := dial(n.Add(1)); err != nil {
					return nil, err
				}
			}
			return normal(ctx, network, address)
		}
	})
}

func TestFaultsBeforeAConnection(t *testing.T) {
	t.Parallel()
	refused := func(int32) error { // nobody listens on port 1
		conn, err := net.Dial("tcp", "127.0.0.1:1")
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	for name, dial := range map[string]func(n int32) error{
		"connection refused": refused,
		"no route to the host": func(int32) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, armed := &store{}, &atomic.Bool{}
			s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
			tr := openThrough(t, s.URL, dialling(armed, func(n int32) error {
				if n > 3 {
					return nil
				}
				return dial(n)
			}), nil)
			tr.http.CloseIdleConnections()
			armed.Store(true)
			d := deliverTo(t, s, k, tr, ten())
			d.noneDies()
			d.ledger.Retried(t, "network")
			if d.ledger.Sends() != 4 || d.ledger.Unknown("r0") != 0 {
				t.Errorf("%d requests, %d with an unknown outcome; want 4 and none: nothing was sent", d.ledger.Sends(), d.ledger.Unknown("r0"))
			}
			d.report(name, proof.Retry, "network", "P10 P11")
		})
	}
}

func TestFaultsOfNames(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(*transporttest.NameServer){
		"the name does not exist (NXDOMAIN)": (*transporttest.NameServer).NoSuchName,
		"the name server fails (SERVFAIL)":   (*transporttest.NameServer).Broken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, k := transporttest.NewNameServer(t), &store{}
			names.Point([4]byte{127, 0, 0, 1})
			s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
			address := strings.Replace(s.URL, "127.0.0.1", "sqs.test", 1)
			client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Resolver = names.Resolver() })
			tr := openThrough(t, address, client, nil)
			tr.http.CloseIdleConnections()
			trouble(names)
			var resolved atomic.Int32
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{DNSStart: func(httptrace.DNSStartInfo) { resolved.Add(1) }})
			ledger := new(transporttest.Ledger).Then(func(n int) {
				if n == 3 {
					names.Point([4]byte{127, 0, 0, 1})
				}
			})
			deliverer := &transport.Deliverer{Transport: tr, Backoff: quick}
			ledger.Keep(deliverer)
			recs := ten()
			results := deliverer.Deliver(ctx, recs)
			d := &drill{T: t, ledger: ledger, dead: ledger.Settled(t, recs, results, k.all())}
			d.noneDies()
			ledger.Retried(t, "network")
			if got := int(resolved.Load()); got != ledger.Sends() || got != 4 {
				t.Errorf("%d requests, %d times the name was resolved; want 4 of both: one for each backoff", ledger.Sends(), got)
			}
			d.report(name, proof.Retry, "network", "P10 P11")
		})
	}
}

// A load balancer that has moved away may go on answering 503 on the connections that it has.
func TestFaultOfAHostThatHasMoved(t *testing.T) {
	t.Parallel()
	names, k := transporttest.NewNameServer(t), &store{}
	names.Point([4]byte{127, 0, 0, 1})
	old := newServer(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(old.URL, "http://"))
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("SKIPPED: there is no second address: %v", err)
	}
	fresh := unstarted()
	_ = fresh.Listener.Close()
	fresh.Listener = l
	fresh.on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
	fresh.Start()
	t.Cleanup(fresh.Close)
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Resolver = names.Resolver() })
	tr := openThrough(t, "http://sqs.test:"+port, client, nil) // and has a connection to the old host
	old.on("SendMessageBatch", func(w http.ResponseWriter, _ request, _ int) { w.WriteHeader(http.StatusServiceUnavailable) })
	names.Point([4]byte{127, 0, 0, 2})
	d := deliverTo(t, old, k, tr, ten())
	d.noneDies()
	d.ledger.Retried(t, "service_error")
	if got := d.ledger.Sends(); got > 6 {
		t.Errorf("%d requests until the new host was found, want a few", got)
	}
	d.report("host moved, the old one answers 503 on kept connections", proof.Retry, "service_error", "P10")
}

func TestFaultOfACertificate(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := unstarted()
	s.on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
	m := transporttest.NewMasquerade(t, s.Server)
	s.StartTLS()
	t.Cleanup(s.Close)
	options, address := m.Client(t, s.Server)
	tr := openThrough(t, address, awshttp.NewBuildableClient().WithTransportOptions(options), nil)
	ledger := new(transporttest.Ledger).Then(func(n int) {
		if n == 3 {
			m.Right()
		}
	})
	deliverer := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: probe}
	ledger.Keep(deliverer)
	recs := ten()
	d := &drill{T: t, ledger: ledger, recs: recs}
	d.dead = ledger.Settled(t, recs, deliverer.Deliver(t.Context(), recs), k.all())
	d.noneDies()
	ledger.Paused(t, "tls_untrusted", probe)
	if ledger.Unknown("r0") != 0 {
		t.Error("a request that never left has an unknown outcome")
	}
	d.report("certificate of another host", proof.Pause, "tls_untrusted", "P11 P12")
}

// A firewall has forgotten a connection that was idle: what is written to it goes nowhere, and nobody says so.
func TestFaultOfAnIdleConnectionThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
	p := transporttest.NewProxy(t, s.Listener.Addr().String())
	tr := openThrough(t, "http://"+p.Address(), awshttp.NewBuildableClient(), nil) // and keeps its connection
	p.Stall()
	ledger := new(transporttest.Ledger).Then(func(int) { p.Pass() })
	deliverer := &transport.Deliverer{Transport: tr, Backoff: quick}
	ledger.Keep(deliverer)
	recs := ten()
	results := deliverer.Deliver(t.Context(), recs)
	p.Cut() // so that nothing is still on its way
	d := &drill{T: t, ledger: ledger, dead: ledger.Settled(t, recs, results, k.all())}
	d.noneDies()
	ledger.Retried(t, "timeout")
	if got := ledger.Sends(); got != 2 {
		t.Errorf("%d requests, want the one that was lost and one over a new connection", got)
	}
	d.report("idle connection that leads nowhere (half-open)", proof.Retry, "timeout", "P5 P10")
}
