package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/internal/awslocal"
)

// A flood is a source of large or of very many records, and a queue that only counts what it gets, so that this process
// holds none of it.
type flood struct {
	page  int // records in a page
	size  int // bytes of a record
	pages int // 0: without end

	world *world
	pad   string

	mu       sync.Mutex
	held     chan struct{} // while the queue takes nothing; else nil
	flap     func() bool   // whether a request is refused; nil: none is
	copies   map[int]int   // by number of the record; nil: they are not counted one by one
	received int
	altered  int
	refused  int
}

// startFlood starts the servers of f.
func startFlood(t *testing.T, f *flood) *flood {
	t.Helper()
	f.world = startWorld(t, 1, awslocal.Options{})
	f.pad = strings.Repeat("x", f.size)
	if f.pages > 0 {
		f.copies = map[int]int{}
	}
	f.world.beforeSource(f.source)
	f.world.beforeAWS(f.queue)
	return f
}

func (f *flood) settings(t *testing.T) map[string]string {
	return with(daemonSettings(t, f.world), "SLUICE_HTTP_URL", f.world.sourceServer.URL+"/flood", "SLUICE_HTTP_RECORDS", "records", "SLUICE_HTTP_PAGINATION", "cursor",
		"SLUICE_HTTP_CURSOR_PATH", "next", "SLUICE_HTTP_CURSOR_PARAM", "from", "SLUICE_HTTP_SINCE_PARAM", "", "SLUICE_HTTP_SINCE_PATH", "",
		"SLUICE_HTTP_SINCE_TYPE", "", "SLUICE_HTTP_SINCE_FORMAT", "", "SLUICE_HTTP_LIMIT", "", "SLUICE_RECORD_ID", "id", "SLUICE_RECORD_KEY", "",
		"SLUICE_HTTP_MAX_RECORD_BYTES", fmt.Sprint(f.size+1000), "SLUICE_STATE_DIR", filepath.Join(t.TempDir(), "state"))
}

// record is the n-th of the flood, the same each time.
func (f *flood) record(n int) string {
	head := fmt.Sprintf(`{"id":"%d","pad":"`, n)
	return head + f.pad[:max(0, f.size-len(head)-2)] + `"}`
}

func (f *flood) source(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"records":[`)
	for i := range f.page {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		_, _ = io.WriteString(w, f.record(from+i))
	}
	next := "null"
	if f.pages == 0 || from+f.page < f.page*f.pages {
		next = strconv.Itoa(from + f.page)
	}
	_, _ = io.WriteString(w, `],"next":`+next+`}`)
}

// hold makes the queue take nothing, or take it again.
func (f *flood) hold(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on {
		f.held = make(chan struct{})
		return
	}
	close(f.held)
	f.held = nil
}

func (f *flood) queue(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if !isSend(r) {
		serve(w, r)
		return
	}
	var in struct {
		Entries []struct{ Id, MessageBody string } //nolint:staticcheck // as SQS spells it
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	held, refuse := f.held, f.flap != nil && f.flap()
	f.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if err != nil || refuse {
		f.mu.Lock()
		f.refused++
		f.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"later"}`)
		return
	}
	var out bytes.Buffer
	out.WriteString(`{"Successful":[`)
	f.mu.Lock()
	for i, e := range in.Entries {
		f.count(e.MessageBody)
		sum := md5.Sum([]byte(e.MessageBody)) // SQS: the digest of the body in each entry of the answer
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"Id":%q,"MessageId":"m-%d","MD5OfMessageBody":%q}`, e.Id, f.received, hex.EncodeToString(sum[:]))
	}
	f.mu.Unlock()
	out.WriteString(`],"Failed":[]}`)
	_, _ = w.Write(out.Bytes())
}

// count notes one record that has arrived. The caller holds mu.
func (f *flood) count(body string) {
	f.received++
	if f.copies == nil {
		return
	}
	var rec struct{ ID string }
	n := -1
	if json.Unmarshal([]byte(body), &rec) == nil {
		n, _ = strconv.Atoi(rec.ID)
	}
	if n < 0 || body != f.record(n) {
		f.altered++
		return
	}
	f.copies[n]++
}

// wantWhole fails unless the first n records have arrived as they were sent.
func (f *flood) wantWhole(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := 0
	for i := range n {
		if f.copies[i] == 0 {
			lost++
		}
	}
	if lost > 0 || f.altered > 0 || len(f.copies) != n {
		t.Errorf("%d of %d lost, %d altered, %d different ones arrived; want all of them and nothing else", lost, n, f.altered, len(f.copies))
	}
}
