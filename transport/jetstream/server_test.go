package jetstream

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A world is a server, and a connection of its owner.
type world struct {
	t       *testing.T
	options *server.Options
	server  *server.Server
	nc      *nats.Conn
	js      api.JetStream
}

const (
	subject = "records.in"
	stream  = "RECORDS"
)

// start starts a server without a stream; change may alter its options.
func start(t *testing.T, change func(*server.Options)) *world {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	if change != nil {
		change(o)
	}
	w := &world{t: t, options: o}
	w.up()
	t.Cleanup(w.down)
	o.Port = w.server.Addr().(*net.TCPAddr).Port // for another start
	return w
}

func (w *world) up() {
	w.t.Helper()
	s, err := server.NewServer(w.options.Clone())
	if err != nil {
		w.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		w.t.Fatal("the server takes no connections")
	}
	w.server = s
}

func (w *world) down() {
	w.server.Shutdown()
	w.server.WaitForShutdown()
}

func (w *world) address() string { return "127.0.0.1:" + strconv.Itoa(w.options.Port) }

// admin connects as the owner.
func (w *world) admin(options ...nats.Option) api.JetStream {
	w.t.Helper()
	if w.js == nil {
		nc, err := nats.Connect("nats://"+w.address(), append(options, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))...)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(nc.Close)
		w.nc = nc
		if w.js, err = api.New(nc); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.js
}

// stream makes the stream, as change wants it.
func (w *world) stream(change func(*api.StreamConfig), options ...nats.Option) {
	w.t.Helper()
	cfg := api.StreamConfig{Name: stream, Subjects: []string{subject}, Duplicates: time.Minute}
	if change != nil {
		change(&cfg)
	}
	if _, err := w.admin(options...).CreateStream(w.t.Context(), cfg); err != nil {
		w.t.Fatal(err)
	}
}

// readBack returns all that the stream holds, in order.
func (w *world) readBack() []transport.Record {
	w.t.Helper()
	ctx := context.Background()
	s, err := w.admin().Stream(ctx, stream)
	if err != nil {
		w.t.Fatal(err)
	}
	var recs []transport.Record
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, api.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		r := transport.Record{ID: m.Header.Get("Nats-Msg-Id"), Key: m.Header.Get("Sluice-Key"), Body: m.Data, Headers: map[string]string{}}
		for name := range m.Header {
			if name != "Nats-Msg-Id" && name != "Sluice-Key" {
				r.Headers[name] = m.Header.Get(name)
			}
		}
		recs = append(recs, r)
	}
	return recs
}

// open opens the driver at address; change may alter its settings.
func open(t *testing.T, address string, change func(*Config)) *Transport {
	t.Helper()
	cfg := Config{URL: "nats://" + address, Subject: subject, Timeout: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	tr, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// opened is open, and closes the driver at the end of the test.
func opened(t *testing.T, address string, change func(*Config)) *Transport {
	t.Helper()
	tr := open(t, address, change)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

// wantAll fails unless all results carry the verdict.
func wantAll(t *testing.T, results []transport.Result, class fault.Class, reason string, ambiguous bool) {
	t.Helper()
	for i, r := range results {
		e := fault.From(r.Err)
		if e == nil {
			t.Errorf("record %d: accepted, want %v %s", i, class, reason)
			continue
		}
		if e.Class != class || e.Reason != reason || e.Ambiguous != ambiguous {
			t.Errorf("record %d: got %v %s (ambiguous %v): %v, want %v %s (ambiguous %v)", i, e.Class, e.Code(), e.Ambiguous, e, class, reason, ambiguous)
		}
	}
}

func wantAccepted(t *testing.T, results []transport.Result) {
	t.Helper()
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("record %d: %v, want accepted", i, r.Err)
		}
	}
}

func three() []transport.Record { return transporttest.Records(3) }

// quick is a backoff for tests.
var quick = backoff.Policy{Min: 5 * time.Millisecond, Max: 50 * time.Millisecond}
