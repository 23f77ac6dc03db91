package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"sluice/internal/awslocal"
)

// TestOrderByKeyThroughAFIFOQueue: every fifth request fails and every seventh loses its answer, and still the records of
// each key lie in the queue in the order of the feed, each once.
func TestOrderByKeyThroughAFIFOQueue(t *testing.T) {
	t.Parallel()
	const keyPath = "properties.net"
	w := startWorld(t, 60, awslocal.Options{Queue: "records.fifo"})
	var sends atomic.Int64
	w.beforeAWS(func(out http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if !isSend(r) {
			serve(out, r)
			return
		}
		switch n := sends.Add(1); {
		case n%5 == 0:
			http.Error(out, "{}", http.StatusServiceUnavailable)
		case n%7 == 0:
			serve(&nowhere{}, r)
			moods["gone"](out, r, nil)
		default:
			serve(out, r)
		}
	})
	p := start(t, with(daemonSettings(t, w), "SLUICE_ADMIN_ADDR", "off", "SLUICE_ORDER", "key", "SLUICE_RECORD_KEY", keyPath), "run", "--once")
	if code := p.wait(t, soon); code != 0 {
		t.Fatalf("ended with %d", code)
	}
	got, err := w.bodies("")
	if err != nil {
		t.Fatal(err)
	}
	byKey := func(bodies [][]byte) map[string][]string {
		out := map[string][]string{}
		for _, b := range bodies {
			key := gjson.GetBytes(b, keyPath).String()
			out[key] = append(out[key], gjson.GetBytes(b, "id").String())
		}
		return out
	}
	var fed [][]byte
	for _, r := range w.want {
		fed = append(fed, r)
	}
	if a, b := jsonOf(t, byKey(got)), jsonOf(t, byKey(fed)); !bytes.Equal(a, b) {
		t.Errorf("in the queue, by key:\n%s\nwant the order of the feed:\n%s", a, b)
	}
	if n := sends.Load(); n < 20 {
		t.Errorf("%d requests for 60 records of few keys, want far more than the six that they take in any order", n)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// nowhere is where an answer goes that is lost.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}
