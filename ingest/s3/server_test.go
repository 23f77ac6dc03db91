package s3_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/ingest/s3"
	"sluice/internal/awscreds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// skip skips the test with a word, or fails it where MUST_RUN, a list of names, demands it.
func skip(t testing.TB, why string) {
	t.Helper()
	if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
		t.Fatalf("must run: %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

const (
	bucket = "my-bucket"
	secret = "wJalrXUtnFEMI-canary-EXAMPLEKEY"
)

// A server is gofakes3, an S3 that others wrote, with what a test does to its answers.
type server struct {
	address string
	backend *s3mem.Backend
	clock   *clock

	mu       sync.Mutex
	requests []string                                          // what was asked for: "list <start-after>" or "get <key> <range>"
	before   func(w http.ResponseWriter, r *http.Request) bool // nil; true: it has answered
	maxKeys  int                                               // of a page; 0: 1,000
}

// A clock says when objects are written.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{clock: &clock{at: time.Now().Add(-time.Hour)}}
	s.backend = s3mem.New(s3mem.WithTimeSource(s.clock))
	if err := s.backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(s.backend, gofakes3.WithTimeSkewLimit(0)).Server()
	s.address = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		s.mu.Lock()
		before := s.before
		if q.Has("list-type") {
			s.requests = append(s.requests, strings.TrimSpace("list "+q.Get("start-after")))
			if s.maxKeys > 0 {
				q.Set("max-keys", fmt.Sprint(s.maxKeys))
				r.URL.RawQuery = q.Encode()
			}
		} else {
			s.requests = append(s.requests, strings.TrimSpace("get "+strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")+" "+r.Header.Get("Range")))
		}
		s.mu.Unlock()
		if before == nil || !before(w, r) {
			fake.ServeHTTP(w, r)
		}
	}))
	return s
}

// meddle has every request go through f first.
func (s *server) meddle(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// asked returns the requests since the last call.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests
	s.requests = nil
	return r
}

func (s *server) put(t testing.TB, key, text string) {
	t.Helper()
	if _, err := s.backend.PutObject(bucket, key, nil, strings.NewReader(text), int64(len(text)), nil); err != nil {
		t.Fatal(err)
	}
}

func (s *server) remove(t testing.TB, key string) {
	t.Helper()
	if _, err := s.backend.DeleteObject(bucket, key); err != nil {
		t.Fatal(err)
	}
}

// identity are credentials for what is at an address.
func identity(t testing.TB, address string) *awscreds.AWS {
	t.Helper()
	a, err := awscreds.New(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secret, ""), BaseEndpoint: aws.String(address),
	}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open opens a Source of what is at an address, which is closed at the end of the test.
func open(t testing.TB, address string, change func(*s3.Config)) *s3.Source {
	t.Helper()
	c := s3.Default()
	c.Bucket, c.PathStyle, c.Lag, c.Batch, c.Timeout = bucket, true, 0, 5, 20*time.Second
	if change != nil {
		change(&c)
	}
	a := identity(t, address)
	s, err := s3.New(c, a)
	if err != nil {
		a.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// read reads one batch.
func read(t testing.TB, s *s3.Source, after ingest.Cursor) ingest.Batch {
	t.Helper()
	b, err := s.Read(t.Context(), after)
	if err != nil {
		t.Fatalf("Read(%s) = %v", after, err)
	}
	return b
}

// drain reads until the source is caught up.
func drain(t testing.TB, s *s3.Source, after ingest.Cursor) (items []string, next ingest.Cursor) {
	t.Helper()
	for range 10_000 {
		b := read(t, s, after)
		items = append(items, texts(b)...)
		if after = b.Next; b.CaughtUp {
			return items, after
		}
	}
	t.Fatalf("no end after 10,000 reads and %d items", len(items))
	return nil, ""
}

func texts(b ingest.Batch) (out []string) {
	for _, item := range b.Items {
		out = append(out, string(item))
	}
	return out
}

func gz(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zst(t testing.TB, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// line is item i of an origin of ndjson.
func line(i int) []byte { return fmt.Appendf(nil, `{"id":%d,"text":"a line"}`, i) }

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%s\n", line(i))
	}
	return b.String()
}

func md5sum(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// serve serves on an address of its own until the end of the test.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web.URL
}
