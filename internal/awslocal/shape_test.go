package awslocal

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/awslocal/faults"
)

const page = `{"items":[1,2,3,4,5,6,7,8,9]}`

// source is a server of one page that goes wrong by the rules, on a real connection.
func source(t *testing.T, rules ...faults.Rule) (*httptest.Server, *Server) {
	t.Helper()
	s, err := New(Options{BaseURL: "http://127.0.0.1:1", Faults: faults.Script{Rules: rules}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Source(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })))
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return server, s
}

// get returns the answer, and what went wrong while its body was read.
func get(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/items?page=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// TestFaultsAtTheSource: each action that can act on a page, as a client on a real connection sees it.
func TestFaultsAtTheSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   faults.Rule
		status int    // 0: no answer at all
		body   string // what has arrived of it
		broken bool   // reading the body fails
	}{
		"refused":            {faults.Rule{Do: faults.FailRequest, Status: 503}, 503, "Service Unavailable\n", false},
		"an error":           {faults.Rule{Do: faults.FailRequest}, 500, "Internal Server Error\n", false},
		"throttled":          {faults.Rule{Do: faults.Throttle, Rate: 1e-9, Burst: 1, Headers: map[string]string{"Retry-After": "30"}}, 200, page, false},
		"reset":              {faults.Rule{Do: faults.Reset}, 0, "", true},
		"a page for people":  {faults.Rule{Do: faults.Answer, Headers: map[string]string{"Content-Type": "text/html"}, Body: "<html>"}, 200, "<html>", false},
		"nothing":            {faults.Rule{Do: faults.Answer}, 200, "", false},
		"a redirect":         {faults.Rule{Do: faults.AcceptThenAnswer, Status: 302, Headers: map[string]string{"Location": "http://127.0.0.1:1/"}}, 302, "", false},
		"cut, by length":     {faults.Rule{Do: faults.Truncate, Bytes: 10}, 200, page[:10], true},
		"cut, in chunks":     {faults.Rule{Do: faults.Truncate, Bytes: 10, Framing: faults.Chunked}, 200, page[:10], true},
		"cut, by its end":    {faults.Rule{Do: faults.Truncate, Bytes: 10, Framing: faults.Close}, 200, page[:10], false},
		"cut after its end":  {faults.Rule{Do: faults.Truncate, Bytes: 10_000}, 200, page, false},
		"in drops":           {faults.Rule{Do: faults.Slow, BytesPerSecond: 1000}, 200, page, false},
		"later":              {faults.Rule{Do: faults.Latency, Latency: time.Millisecond}, 200, page, false},
		"by another clock":   {faults.Rule{Do: faults.ClockSkew, Skew: time.Hour}, 200, page, false},
		"not on this call":   {faults.Rule{Do: faults.Reset, Calls: []string{"GET /other"}}, 200, page, false},
		"on this call":       {faults.Rule{Do: faults.Answer, Calls: []string{"GET /items"}, Body: "x"}, 200, "x", false},
		"on the source":      {faults.Rule{Do: faults.Answer, Calls: []string{faults.Source}, Body: "x"}, 200, "x", false},
		"on the gateway":     {faults.Rule{Do: faults.Answer, Calls: []string{faults.APIGateway}, Body: "x"}, 200, page, false},
		"of a service alone": {faults.Rule{Do: faults.ExpireCredentials}, 200, page, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := source(t, c.rule)
			res, body, err := get(t, server.URL)
			status := 0
			if res != nil {
				status = res.StatusCode
			}
			if status != c.status || body != c.body || (err != nil) != c.broken {
				t.Errorf("got %d %q, %v; want %d %q, broken: %v", status, body, err, c.status, c.body, c.broken)
			}
			if c.broken && res != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
			}
			if name == "by another clock" {
				at, err := http.ParseTime(res.Header.Get("Date"))
				if off := time.Until(at); err != nil || off < 50*time.Minute {
					t.Errorf("Date %s is %v ahead, want an hour", res.Header.Get("Date"), off)
				}
			}
		})
	}
}

// TestThrottledSourceSaysWhen: the headers of a rule come with its refusals.
func TestThrottledSourceSaysWhen(t *testing.T) {
	t.Parallel()
	server, s := source(t, faults.Rule{Do: faults.Throttle, Calls: []string{faults.Source}, Rate: 1e-9, Headers: map[string]string{"Retry-After": "30"}})
	for i, want := range []string{"", "30"} {
		res, _, err := get(t, server.URL)
		if err != nil || res.Header.Get("Retry-After") != want || (res.StatusCode == 429) != (want != "") {
			t.Errorf("page %d: got %v, %v; want Retry-After %q", i+1, res, err, want)
		}
	}
	if n := s.FaultCounts()[0].Fired; n != 1 {
		t.Errorf("the rule is said to have acted %d times, want 1", n)
	}
}

// TestHangingSource: no answer until the client gives up.
func TestHangingSource(t *testing.T) {
	t.Parallel()
	server, _ := source(t, faults.Rule{Do: faults.AcceptThenHang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v; want the end of the client's patience", res, err)
	}
}

// TestBomb: a few bytes on the wire become what the rule says.
func TestBomb(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	server, _ := source(t, faults.Rule{Do: faults.Bomb, Bytes: size})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip") // so that net/http leaves it as it is
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	wire := &counting{r: res.Body}
	z, err := gzip.NewReader(wire)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, z)
	if err != nil || n != size+1 || wire.n*100 > n {
		t.Errorf("%d bytes became %d, %v; want %d of less than a hundredth", wire.n, n, err, size+1)
	}
}

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// TestAnswersAtWill: the services answer what the rule says, and do what was asked only where it says so.
func TestAnswersAtWill(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		for _, id := range []string{"not done", "done"} {
			got, err := v.record(t.Context(), id, id)
			if err != nil || got.status != 504 || got.body != "<html>" || got.header.Get("Retry-After") != "7" {
				t.Errorf("%s: got %+v, %v; want 504 with the rule's body and header", id, got, err)
			}
		}
		if out, err := v.batch(t.Context(), "x", "y"); err != nil || len(out.Successful) != 2 ||
			*out.Successful[0].Id != "a" || *out.Successful[1].Id != "b-unknown" {
			t.Errorf("got %+v, %v; want an entry that nobody has sent in place of the second", out, err)
		}
		if _, err := v.send("z"); err == nil || !strings.Contains(err.Error(), "EOF") && code(err) != "reset" {
			t.Errorf("got %v, want an answer that ends too early", err)
		}
		if out, err := v.batch(t.Context(), "p", "q"); err != nil || len(out.Successful) != 1 || *out.Successful[0].Id != "b" || len(out.Failed) != 0 {
			t.Errorf("got %+v, %v; want an answer without the first, which is not done", out, err)
		}
		v.wantBodies("done", "q", "x", "y", "z")
	},
		faults.Rule{Do: faults.Answer, Calls: []string{"POST /records"}, Times: 1, Status: 504, Body: "<html>", Headers: map[string]string{"Retry-After": "7"}},
		faults.Rule{Do: faults.AcceptThenAnswer, Calls: []string{"POST /records"}, Status: 504, Body: "<html>", Headers: map[string]string{"Retry-After": "7"}},
		faults.Rule{Do: faults.Partial, Reply: faults.Unknown, Times: 1, Entries: faults.Entries{Positions: []int{2}}},
		faults.Rule{Do: faults.Truncate, Calls: []string{"SendMessage"}, Bytes: 10},
		faults.Rule{Do: faults.Partial, Reply: faults.Ignored, Entries: faults.Entries{Positions: []int{1}}},
	)
}
