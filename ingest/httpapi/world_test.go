package httpapi

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/memory"
)

// A world is an API and a Pipeline that reads it, in virtual time: the real source, real HTTP over pipes, the real loop.
// It is made inside a bubble and ends with it.
type world struct {
	t     *testing.T
	api   http.Handler
	src   *Source
	parse ingest.Parser
	began time.Time
	dial  func(context.Context) (net.Conn, error) // in the place of the network; nil: as it should be

	oneByOne bool // one batch in flight, so that each is saved by itself

	conns chan net.Conn
	to    memory.Transport

	mu      sync.Mutex
	asked   []request
	dialed  []string
	dead    []string
	why     []string // reason codes of the dead
	reasons []reason // of the source and the dead letters
	cursor  ingest.Cursor
	saves   []ingest.Cursor
	fetched int
}

type request struct {
	at     time.Duration
	uri    string
	header http.Header
}

type reason struct {
	at    time.Duration
	code  string // "": well again
	class fault.Class
	text  string
}

const worldURL = "http://example.com"

// newWorld reads api with the configuration.
func newWorld(t *testing.T, api http.Handler, c Config) *world {
	t.Helper()
	w := &world{t: t, api: api, src: open(t, c), began: time.Now(), conns: make(chan net.Conn)}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	_ = srv.Listener.Close()
	srv.Listener = &pipes{conns: w.conns}
	if strings.HasPrefix(c.URL, "https:") {
		srv.StartTLS()
		w.src.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		w.src.transport.TLSClientConfig.RootCAs.AddCert(srv.Certificate())
	} else {
		srv.Start()
	}
	t.Cleanup(func() { w.src.transport.CloseIdleConnections(); srv.CloseClientConnections(); srv.Close() })
	w.src.transport.Proxy = nil
	w.src.transport.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		w.mu.Lock()
		w.dialed = append(w.dialed, addr)
		w.mu.Unlock()
		if w.dial != nil {
			return w.dial(ctx)
		}
		return w.connect()
	}
	w.parse = ingest.Naming{Stream: "matrix", MaxBytes: c.MaxRecordBytes}.Parser()
	return w
}

// connect opens a connection to the API.
func (w *world) connect() (net.Conn, error) {
	near, far := net.Pipe()
	w.conns <- far
	return near, nil
}

// serve notes a request and answers it.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, request{time.Since(w.began), r.URL.RequestURI(), r.Header.Clone()})
	w.mu.Unlock()
	w.api.ServeHTTP(rw, r)
}

// pipes is a listener for the far ends of pipes.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Load and Save are the checkpoint of the world.
func (w *world) Load(context.Context) (ingest.Cursor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cursor, nil
}

func (w *world) Save(_ context.Context, c ingest.Cursor) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursor, w.saves = c, append(w.saves, c)
	return nil
}

// Put keeps a dead letter.
func (w *world) Put(_ context.Context, r ingest.Refused) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead, w.why = append(w.dead, string(r.Item)), append(w.why, fault.From(r.Reason).Code())
	return nil
}

// run lets the pipeline read for so long, from the checkpoint.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	inFlight := 2
	if w.oneByOne {
		inFlight = 1
	}
	p := &ingest.Pipeline{
		Source: w.src, Parse: w.parse, Deliverer: &transport.Deliverer{Transport: &w.to}, Checkpoint: w, DeadLetter: w,
		InFlight: inFlight, Idle: time.Minute, Drain: time.Minute,
		Backoff: backoff.Policy{Rand: func() float64 { return 0.5 }}, // the middle of the jitter: 15 s in the end
		Observe: ingest.Observer{
			Read: func(items, _ int, _ time.Duration, _ error) { w.mu.Lock(); w.fetched += items; w.mu.Unlock() },
			Trouble: func(_ ingest.Part, err error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				if err == nil {
					w.reasons = append(w.reasons, reason{at: time.Since(w.began)})
					return
				}
				f := fault.From(err)
				w.reasons = append(w.reasons, reason{time.Since(w.began), f.Code(), f.Class, err.Error()})
			},
		},
	}
	if err := p.Run(ctx); err != nil && !errors.Is(err, ingest.ErrUnsettled) {
		w.t.Errorf("Run = %v, want nil at the end of its time", err)
	}
	synctest.Wait() // for handlers that have not noticed yet
}

// settled checks that every item of want was delivered or set aside, byte for byte, and nothing else; at most dups copies
// more than once. It reports what it has counted.
func (w *world) settled(want []string, dups int) {
	w.t.Helper()
	copies := map[string]int{}
	for _, r := range w.to.Records() {
		copies[string(r.Body)]++
	}
	for _, item := range w.dead {
		copies[item]++
	}
	lost, extra := 0, 0
	for _, item := range want {
		if copies[item] == 0 {
			lost++
			w.t.Errorf("lost: %.80s", item)
		}
		extra += max(0, copies[item]-1)
		delete(copies, item)
	}
	for item := range copies {
		w.t.Errorf("nobody issued %.80q", item)
	}
	if extra > dups {
		w.t.Errorf("%d duplicates, want at most %d", extra, dups)
	}
	if w.fetched != w.to.Count()+len(w.dead) {
		w.t.Errorf("%d items read, %d accepted and %d set aside: they do not add up", w.fetched, w.to.Count(), len(w.dead))
	}
	proof.Count(w.t, proof.Obligations, len(want))
	proof.Count(w.t, proof.Lost, lost)
	proof.Count(w.t, proof.Altered, len(copies))
	proof.Count(w.t, proof.Duplicates, extra)
	proof.Count(w.t, proof.DuplicateBound, dups)
	proof.Count(w.t, proof.DeadLetters, len(w.dead))
	proof.Count(w.t, proof.VirtualSeconds, int(time.Since(w.began).Seconds()))
}

// codes lists the reason codes in order, each once in a row with its class: "server_error/transient"; "well" for none.
func (w *world) codes() []string {
	var out []string
	for _, r := range w.reasons {
		code := cmp.Or(r.code, "well")
		if r.code != "" {
			code += "/" + r.class.String()
		}
		if len(out) == 0 || out[len(out)-1] != code {
			out = append(out, code)
		}
	}
	return out
}

// nineRecords is an API with nine records in three pages, and the items.
func nineRecords(mode string) (*api, []string) {
	a := &api{mode: mode, size: 3, n: 9}
	return a, a.items(9)
}

// items are the first n.
func (a *api) items(n int) []string {
	var out []string
	for i := range n {
		out = append(out, string(a.item(i)))
	}
	return out
}

// raw answers a request with bytes of the test's own, and hangs up.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprint(conn, text)
	_ = conn.Close()
}
