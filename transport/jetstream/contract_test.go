package jetstream

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/transport"
	"sluice/transport/transporttest"
)

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, storage := range map[string]api.StorageType{"a stream in files": api.FileStorage, "a stream in memory": api.MemoryStorage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transporttest.Run(t, transporttest.Harness{
				Open: func(t *testing.T) (transport.Transport, func() []transport.Record) {
					w := start(t, func(o *server.Options) { o.MaxPayload = 100_000 })
					w.stream(func(c *api.StreamConfig) { c.Storage = storage })
					return open(t, w.address(), nil), w.readBack
				},
				Missing: func(t *testing.T) transport.Transport { return open(t, start(t, nil).address(), nil) },
				Unreachable: func(t *testing.T) transport.Transport {
					return open(t, unused(t), nil)
				},
				Silent: func(t *testing.T) transport.Transport {
					w := start(t, nil)
					w.stream(nil)
					p := transporttest.NewProxy(t, w.address())
					tr := open(t, p.Address(), nil)
					p.Mute()
					return tr
				},
			})
		})
	}
}

func TestLimitsComeFromServerAndStream(t *testing.T) {
	t.Parallel()
	general := transport.Capabilities{MaxRecords: 100, MaxBytes: 8 << 20, MaxInFlight: 256, Ordered: true}
	for name, tc := range map[string]struct {
		stream func(*api.StreamConfig)
		none   bool
		size   int
		dedup  time.Duration
	}{
		"the server's limit":                 {nil, false, 50_000, time.Minute},
		"the stream's limit, which is lower": {func(c *api.StreamConfig) { c.MaxMsgSize = 3000 }, false, 3000, time.Minute},
		"another window":                     {func(c *api.StreamConfig) { c.Duplicates = 5 * time.Second }, false, 50_000, 5 * time.Second},
		"no stream yet":                      {nil, true, 50_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, func(o *server.Options) { o.MaxPayload = 50_000 })
			if !tc.none {
				w.stream(tc.stream)
			}
			want := general
			want.MaxRecordBytes, want.Dedup = tc.size, tc.dedup
			if got := opened(t, w.address(), nil).Capabilities(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	t.Run("no server yet", func(t *testing.T) {
		t.Parallel()
		if got := opened(t, unused(t), nil).Capabilities(); got != general {
			t.Errorf("got %+v, want %+v: what is not known is no limit", got, general)
		}
	})
}

func TestRepeatsAreAcceptedAndDropped(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), nil)
	for range 3 {
		wantAccepted(t, tr.Send(t.Context(), transporttest.Records(10)))
	}
	if got := w.readBack(); len(got) != 10 {
		t.Errorf("%d messages after sending 10 records three times, want each once", len(got))
	}
}

// TestOrder checks what Capabilities.Ordered claims.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), nil)
	recs := transporttest.Records(1000)
	for from := 0; from < len(recs); {
		to := min(from+1+from%100, len(recs))
		wantAccepted(t, tr.Send(t.Context(), recs[from:to]))
		from = to
	}
	got := w.readBack()
	if len(got) != len(recs) {
		t.Fatalf("%d messages, want %d", len(got), len(recs))
	}
	for i, r := range got {
		if r.ID != recs[i].ID {
			t.Fatalf("message %d is %s, want %s", i, r.ID, recs[i].ID)
		}
	}
}
