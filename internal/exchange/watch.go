package exchange

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Seen is one request that was made, and what came of it.
type Seen struct {
	Exchange       // Body is decompressed, if it can be, and empty if it was not kept
	Bytes    int64 // of the answer's body, as they came
	Took     time.Duration
	Err      error // there was no answer, or not all of it
}

// A Watch is a RoundTripper that tells of every exchange when the body of its answer is closed, or when there is none.
type Watch struct {
	Next http.RoundTripper
	Keep bool // the bodies too
	Tell func(Seen)
}

// RoundTrip makes the request.
func (w *Watch) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	seen := Seen{Exchange: Exchange{Method: req.Method, URL: req.URL, Asked: req.Header.Clone()}}
	if w.Keep && req.Body != nil {
		sent, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		copied := req.Clone(req.Context())
		copied.Body = io.NopCloser(bytes.NewReader(sent))
		seen.Sent, req = sent, copied
	}
	resp, err := w.Next.RoundTrip(req)
	if err != nil {
		seen.Err, seen.Took = err, time.Since(start)
		w.Tell(seen)
		return nil, err
	}
	seen.Status, seen.Header = resp.StatusCode, resp.Header.Clone()
	resp.Body = &watched{from: resp.Body, keep: w.Keep, done: func(b *watched) {
		seen.Bytes, seen.Err, seen.Took = b.n, b.failed, time.Since(start)
		seen.Body = plain(seen.Header, b.kept.Bytes())
		w.Tell(seen)
	}}
	return resp, nil
}

// CloseIdleConnections is for http.Client.
func (w *Watch) CloseIdleConnections() {
	if c, ok := w.Next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// watched is the body of an answer.
type watched struct {
	from   io.ReadCloser
	keep   bool
	kept   bytes.Buffer
	n      int64
	failed error
	once   sync.Once
	done   func(*watched)
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.n += int64(n)
	if b.keep {
		b.kept.Write(p[:n])
	}
	if err != nil && err != io.EOF { //nolint:errorlint // one that is wrapped tells of a broken connection
		b.failed = err
	}
	return n, err
}

func (b *watched) Close() error {
	err := b.from.Close()
	b.once.Do(func() { b.done(b) })
	return err
}

// maxPlain bounds a body after decompression. More is left as it came.
const maxPlain = 256 << 20

// plain undoes the compression of a body, and takes the headers away that speak of it. A body that it cannot undo stays.
func plain(h http.Header, body []byte) []byte {
	if coding := strings.ToLower(h.Get("Content-Encoding")); coding == "gzip" || coding == "x-gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return body
		}
		text, err := io.ReadAll(io.LimitReader(z, maxPlain+1))
		if err != nil || len(text) > maxPlain {
			return body
		}
		h.Del("Content-Encoding")
		return text
	}
	return body
}
