package faults

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Shape serves a request whose rule is about the answer as it comes over the wire, and reports whether it is. serve
// carries the call out. What takes time ends when the client goes, or with done.
func (h *Hit) Shape(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc, done <-chan struct{}) bool {
	switch h.Do {
	case Answer:
		h.answer(w)
	case AcceptThenAnswer:
		serve(Discard(), r)
		h.answer(w)
	case Truncate:
		h.truncate(w, record(w, r, serve))
	case Slow:
		h.drip(r.Context(), w, record(w, r, serve), done)
	case Bomb:
		h.explode(r.Context(), w)
	default:
		return false
	}
	return true
}

// answer is the rule's own, 200 where it names no status.
func (h *Hit) answer(w http.ResponseWriter) {
	for name, value := range h.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(cmp.Or(h.Status, http.StatusOK))
	_, _ = w.Write([]byte(h.Body)) // refused where the status has no body
}

// A recording is an answer that has not been sent yet.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// record carries a call out and keeps its answer. The headers begin with those that w has already.
func record(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) *recording {
	rec := &recording{header: w.Header().Clone(), status: http.StatusOK}
	serve(rec, r)
	return rec
}

// Header, Write and WriteHeader make a recording an http.ResponseWriter.
func (rec *recording) Header() http.Header         { return rec.header }
func (rec *recording) Write(b []byte) (int, error) { return rec.body.Write(b) }
func (rec *recording) WriteHeader(status int)      { rec.status = status }

// begin writes the headers; length is what they say of the body, none if it is negative.
func (rec *recording) begin(w http.ResponseWriter, length int) {
	maps.Copy(w.Header(), rec.header)
	w.Header().Del("Content-Length")
	if length >= 0 {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(rec.status)
}

// truncate sends the first bytes of an answer. One that is not longer comes as it is.
func (h *Hit) truncate(w http.ResponseWriter, rec *recording) {
	body := rec.body.Bytes()
	if len(body) <= h.Bytes {
		rec.begin(w, len(body))
		_, _ = w.Write(body)
		return
	}
	switch h.Framing {
	case Chunked:
		rec.begin(w, -1)
	case Close:
		rec.header.Set("Transfer-Encoding", "identity") // net/http: the connection's end is the body's
		rec.begin(w, -1)
	default:
		rec.begin(w, len(body))
	}
	_, _ = w.Write(body[:h.Bytes])
	_ = http.NewResponseController(w).Flush()
	if h.Framing != Close {
		panic(http.ErrAbortHandler)
	}
}

// drop is the time between two pieces of an answer that comes slowly.
const drop = 100 * time.Millisecond

// drip sends an answer at the rule's speed.
func (h *Hit) drip(ctx context.Context, w http.ResponseWriter, rec *recording, done <-chan struct{}) {
	body := rec.body.Bytes()
	rec.begin(w, len(body))
	size, every := int(int64(h.BytesPerSecond)*int64(drop)/int64(time.Second)), drop
	if size == 0 {
		size, every = 1, time.Second/time.Duration(h.BytesPerSecond)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for len(body) > 0 {
		n := min(size, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		body = body[n:]
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-done:
			return
		}
	}
}

// explode sends an array of JSON that never ends, compressed about a thousand times.
func (h *Hit) explode(ctx context.Context, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	_, err := z.Write([]byte("["))
	for left := h.Bytes; left > 0 && err == nil && ctx.Err() == nil; left -= len(blanks) {
		_, err = z.Write(blanks[:min(left, len(blanks))])
	}
	_ = z.Close()
}
