package apigateway

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
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
	"sluice/transport/transporttest"
)

// openThrough opens the driver on a server at an address with an HTTP client. The address may have a name, which the
// settings allow for https only.
func openThrough(t *testing.T, address string, client *awshttp.BuildableClient) *Transport {
	t.Helper()
	a, err := awscreds.New(aws.Config{Region: "eu-west-1", Credentials: numbered(), HTTPClient: client}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	cfg := config("http://127.0.0.1:1/v1/records")
	cfg.Timeout = time.Second
	tr, err := Open(cfg, a)
	if err != nil {
		t.Fatal(err)
	}
	if tr.url, err = url.Parse(address + "/v1/records"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

// keeping is a server that takes everything; it has not started.
func keeping(k *store) *server {
	return unstarted(func(w http.ResponseWriter, r seen, _ int) { k.well(w, r) })
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, f := range transporttest.WireFaults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			s := keeping(k)
			l := &transporttest.TroubledListener{Listener: s.Listener}
			s.Listener = l
			s.Start()
			t.Cleanup(s.Close)
			l.Arm(f, 2)
			d := deliverTo(t, s, k, openThrough(t, s.URL, awshttp.NewBuildableClient()))
			d.noneDies()
			d.ledger.Retried(t, f.Reason)
			if l.Fired() != 2 || d.ledger.Sends() != 2+5 {
				t.Errorf("%d connections in trouble and %d requests, want 2 and 7", l.Fired(), d.ledger.Sends())
			}
			if got := len(k.all()); (got > 5) != f.Sent {
				t.Errorf("%d records stored, want more than five: %v", got, f.Sent)
			}
			for _, r := range s.seen() {
				if r.Header.Get("Expect") != "" {
					t.Error("a request waits for 100 Continue, which a gateway may never say")
				}
			}
			proof.Fault(t, f.Name, l.Fired())
			d.report(f.Name, proof.Retry, f.Reason, "P1 P5 P10")
		})
	}
}

func TestFaultsBeforeAConnection(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func() error{
		"connection refused": func() error { // nobody listens on port 1
			conn, err := net.Dial("tcp", "127.0.0.1:1")
			if err == nil {
				_ = conn.Close()
			}
			return err
		},
		"no route to the host": func() error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			s := keeping(k)
			s.Start()
			t.Cleanup(s.Close)
			var dials atomic.Int32
			client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
				normal := tr.DialContext
				tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if dials.Add(1) <= 3 {
						if err := trouble(); err != nil {
							return nil, err
						}
					}
					return normal(ctx, network, address)
				}
			})
			d := deliverTo(t, s, k, openThrough(t, s.URL, client))
			d.noneDies()
			d.ledger.Retried(t, "network")
			if e := d.ledger.First(); e.Ambiguous {
				t.Error("nothing was sent, and the outcome is called unknown")
			}
			if got := len(k.all()); got != 5 {
				t.Errorf("%d records stored, want each once", got)
			}
			d.report(name, proof.Retry, "network", "P10 P11")
		})
	}
}

// resolving returns a client that asks names.
func resolving(names *transporttest.NameServer) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Resolver = names.Resolver() })
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
			trouble(names)
			s := keeping(k)
			s.Start()
			t.Cleanup(s.Close)
			tr := openThrough(t, strings.Replace(s.URL, "127.0.0.1", "gateway.test", 1), resolving(names))
			var resolved atomic.Int32
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{DNSStart: func(httptrace.DNSStartInfo) { resolved.Add(1) }})
			ledger := new(transporttest.Ledger).Then(func(n int) {
				if n == 3 {
					names.Point([4]byte{127, 0, 0, 1})
				}
			})
			d := deliverWith(ctx, t, s, k, tr, ledger)
			d.noneDies()
			ledger.Retried(t, "network")
			if got := resolved.Load(); got != 4 { // the others go over the connection that was made
				t.Errorf("the name was resolved %d times in three failures and a success, want once for each", got)
			}
			d.report(name, proof.Retry, "network", "P10 P11")
		})
	}
}

func TestFaultOfAHostThatHasMoved(t *testing.T) {
	t.Parallel()
	names, k := transporttest.NewNameServer(t), &store{}
	names.Point([4]byte{127, 0, 0, 1})
	var moved atomic.Bool
	old := newServer(t, func(w http.ResponseWriter, r seen, _ int) {
		if moved.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken(w, r, 0)
	})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(old.URL, "http://"))
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("SKIPPED: there is no second address: %v", err)
	}
	fresh := keeping(k)
	_ = fresh.Listener.Close()
	fresh.Listener = l
	fresh.Start()
	t.Cleanup(fresh.Close)
	tr := openThrough(t, "http://gateway.test:"+port, resolving(names))
	if err := send(t, tr, record("{}")).Err; err != nil {
		t.Fatal(err) // there has to be a connection to the old host
	}
	moved.Store(true)
	names.Point([4]byte{127, 0, 0, 2})
	d := deliverTo(t, old, k, tr)
	d.noneDies()
	d.ledger.Retried(t, "service_error")
	if got := d.ledger.Sends(); got > 6+5 {
		t.Errorf("%d requests until the new host was found, want a few", got)
	}
	d.report("host moved, the old one answers 503 on kept connections", proof.Retry, "service_error", "P10")
}

func TestFaultOfACertificate(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := keeping(k)
	m := transporttest.NewMasquerade(t, s.Server)
	s.StartTLS()
	t.Cleanup(s.Close)
	options, address := m.Client(t, s.Server)
	ledger := new(transporttest.Ledger).Then(func(n int) {
		if n == 3 {
			m.Right()
		}
	})
	d := deliverWith(t.Context(), t, s, k, openThrough(t, address, awshttp.NewBuildableClient().WithTransportOptions(options)), ledger)
	d.noneDies()
	ledger.Paused(t, "tls_untrusted", probe)
	if e := ledger.First(); e.Ambiguous {
		t.Error("a request that never left has an unknown outcome")
	}
	d.report("certificate of another host", proof.Pause, "tls_untrusted", "P11 P12")
}

// A firewall has forgotten a connection that was idle: what is written to it goes nowhere, and nobody says so.
func TestFaultOfAnIdleConnectionThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := keeping(k)
	s.Start()
	t.Cleanup(s.Close)
	p := transporttest.NewProxy(t, s.Listener.Addr().String())
	tr := openThrough(t, "http://"+p.Address(), awshttp.NewBuildableClient())
	if err := send(t, tr, five()[0]).Err; err != nil {
		t.Fatal(err)
	}
	k.clear()
	p.Stall()
	d := deliverWith(t.Context(), t, s, k, tr, new(transporttest.Ledger).Then(func(int) { p.Pass() }))
	p.Cut() // so that nothing is still on its way
	d.noneDies()
	d.ledger.Retried(t, "timeout")
	if got := d.ledger.Sends(); got != 6 {
		t.Errorf("%d requests, want the one that was lost and one for each record", got)
	}
	d.report("idle connection that leads nowhere (half-open)", proof.Retry, "timeout", "P5 P10")
}
