package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// generated is a page of so many bytes that exists nowhere as a whole; it counts what is taken of it.
type generated struct{ size, taken int }

func (g *generated) Close() error { return nil }
func (g *generated) Read(p []byte) (int, error) {
	n := min(len(p), g.size-g.taken)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = `{"id":1},`[(g.taken+i)%9]
	}
	g.taken += n
	return n, nil
}

// zip is what the first n bytes of r become by compression.
func zip(t *testing.T, r io.Reader, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.CopyN(z, r, n); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHugePagesTakeNoMoreMemoryThanAllowed is not parallel: it counts what the whole process allocates.
// readPage is what a page of one file holds.
func readPage(resp *http.Response, limit int) ([]byte, error) {
	var b bytes.Buffer
	c, err := unpack(resp, resp.Body, limit, true)
	if err == nil {
		err = c.each(func(r io.Reader, _ int) error { _, err := b.ReadFrom(r); return err })
	}
	return b.Bytes(), err
}

func TestHugePagesTakeNoMoreMemoryThanAllowed(t *testing.T) {
	const limit = 1 << 20
	bomb := zip(t, &generated{size: 16 << 20}, 16<<20)
	for _, tc := range []struct {
		name   string
		body   io.ReadCloser
		length int64
		coding string
		want   error
	}{
		{"a page of a GiB", &generated{size: 1 << 30}, -1, "", errTooLarge},
		{"a page of a GiB that says so", &generated{size: 1 << 30}, 1 << 30, "", errTooLarge},
		{"a page that says it is short", &generated{size: 1 << 30}, 10, "", errTooLarge},
		{"16 MiB out of little", io.NopCloser(bytes.NewReader(bomb)), -1, "gzip", errTooLarge},
	} {
		h := http.Header{}
		h.Set("Content-Encoding", tc.coding)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readPage(&http.Response{Header: h, Body: tc.body, ContentLength: tc.length}, limit)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16*limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", tc.name, took, 16*limit)
		}
		if g, ok := tc.body.(*generated); ok && g.taken > limit+1 {
			t.Errorf("%s: %d bytes were read, want at most %d", tc.name, g.taken, limit+1)
		}
	}
}

func TestCompressedPages(t *testing.T) {
	t.Parallel()
	zeros := strings.NewReader(strings.Repeat("0", 4<<20))
	records := strings.NewReader(`[` + strings.Repeat(`{"id":12345,"place":"here","magnitude":1.5},`, 20_000) + `1]`)
	for _, tc := range []struct {
		name, coding string
		body         []byte
		want         int // bytes
		err          error
	}{
		{"more than 100 times larger, in little", "gzip", zip(t, zeros, 1<<20), 1 << 20, nil},
		{"more than 100 times larger", "gzip", zip(t, zeros, 2<<20), 0, errBomb},
		{"records much alike", "gzip", zip(t, records, records.Size()), int(records.Size()), nil},
		{"the old name", "X-GZip", zip(t, strings.NewReader("[]"), 2), 2, nil},
		{"nothing at all", "gzip", nil, 0, nil},
		{"not compressed as it says", "gzip", []byte("[1,2,3,4,5,6,7,8,9]"), 0, gzip.ErrHeader},
		{"half a header", "gzip", zip(t, strings.NewReader("[]"), 2)[:5], 0, io.ErrUnexpectedEOF},
		{"a wrong checksum", "gzip", append(zip(t, strings.NewReader("[]"), 2)[:18], 1, 2, 3, 4, 2, 0, 0, 0), 2, gzip.ErrChecksum},
	} {
		h := http.Header{}
		h.Set("Content-Encoding", tc.coding)
		got, err := readPage(&http.Response{Header: h, Body: io.NopCloser(bytes.NewReader(tc.body)), ContentLength: int64(len(tc.body))}, 16<<20)
		if !errors.Is(err, tc.err) || err == nil && len(got) != tc.want {
			t.Errorf("%s: %d bytes, %v; want %d, %v", tc.name, len(got), err, tc.want, tc.err)
		}
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	var sent []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Values("Cookie")...)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: strings.Repeat("x", 4000)})
		_, _ = io.WriteString(w, "[]")
	}, nil)
	for range 3 {
		if _, err := s.Read(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) > 0 {
		t.Errorf("cookies were sent: %q", sent)
	}
}
