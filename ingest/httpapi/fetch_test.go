package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/secret"
)

func TestBodiesCutOff(t *testing.T) {
	t.Parallel()
	page := `{"r":[{"id":1},{"id":2},{"id":3}]}`
	for _, tc := range []struct{ name, answer, code string }{
		{"content-length", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(page), page[:20]), "truncated"},
		{"chunked", fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 20, page[:20]), "truncated"},
		{"until close", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + page[:20], "bad_page"},
		{"gzip", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n" + zipped(page)[:25], "truncated"},
		{"header", "HTTP/1.1 200 O", "truncated"},
		{"nothing", "", "network"},
		{"no http", "SSH-2.0-OpenSSH_9.6\r\n", "network"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			t.Cleanup(func() { _ = l.Close(); wg.Wait() })
			wg.Go(func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = io.WriteString(conn, tc.answer)
					_ = conn.Close()
				}
			})
			c := Default()
			c.URL, c.Records = "http://"+l.Addr().String()+"/?key=c4n4ry", "r"
			err = readErr(t, open(t, c))
			if f := fault.From(err); f.Class != fault.Transient || f.Code() != tc.code {
				t.Errorf("error = %v (%v, %s), want transient %s", err, f.Class, f.Code(), tc.code)
			}
			if strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("the error shows a query value: %v", err)
			}
		})
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

func TestPageBytesAreBoundedAfterDecompression(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		bytes  int
		zip    bool
		refuse bool
	}{
		{"at the bound", 1000, false, false},
		{"at the bound, compressed", 1000, true, false},
		{"one more, in a part", 1001, false, false},
		{"one more, in a part, compressed", 1001, true, false},
		{"a record of more", 1003, false, true},
		{"a record of more, compressed", 1003, true, true},
		{"bomb", 64 << 20, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := `["` + strings.Repeat("x", tc.bytes-4) + `"]`
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.zip {
					w.Header().Set("Content-Encoding", "gzip")
					body = zipped(body)
				}
				_, _ = io.WriteString(w, body)
			}, func(c *Config) { c.MaxPageBytes = 1000 })
			b, err := s.Read(t.Context(), "")
			if !tc.refuse && (err != nil || len(b.Items) != 1) {
				t.Errorf("Read = %d items, %v; want the page", len(b.Items), err)
			}
			if tc.refuse && (fault.From(err).Code() != "page_too_large" || !fault.Is(err, fault.Blocked)) {
				t.Errorf("Read = %v, want Blocked page_too_large", err)
			}
		})
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"https://h/a", "https://H:443/b?c", true},
		{"http://h", "http://h:80", true},
		{"http://[::1]:8080", "http://[::1]:8080/x", true},
		{"https://h", "http://h", false},
		{"http://h:8443", "https://h:8443", false},
		{"https://h", "https://h:444", false},
		{"https://h", "https://h.example", false},
	} {
		a, err := url.Parse(tc.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(tc.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameOrigin(a, b); got != tc.want {
			t.Errorf("sameOrigin(%s, %s) = %v, want %v", a, b, got, tc.want)
		}
	}
}

// TestSecretsStayAtTheOrigin watches a second server that a page, a header or a redirect points to.
func TestSecretsStayAtTheOrigin(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.URL, r.Header))
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(foreign.Close)
	headers, err := ParseHeaders("X-Api-Key: canary-header")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, mode, code string }{
		{"redirect", paginationNone, "foreign_redirect"},
		{"next in the body", paginationNext, "foreign_next_link"},
		{"link header", paginationLink, "foreign_next_link"},
	} {
		for _, to := range []string{foreign.URL, strings.Replace(foreign.URL, "http:", "https:", 1), strings.Replace(foreign.URL, "http:", "", 1)} {
			t.Run(tc.name+" to "+to[:6], func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("X-Api-Key") != "canary-header" || r.Header.Get("Authorization") != "Bearer canary-token" {
						t.Errorf("the origin got no credentials: %v", r.Header)
					}
					if tc.mode == paginationNone {
						w.Header().Set("Location", to+"/x?canary-query")
						w.WriteHeader(http.StatusTemporaryRedirect)
						return
					}
					w.Header().Set("Link", "<"+to+"/x?canary-query>; rel=next")
					fmt.Fprintf(w, `{"r":[1],"n":"%s/x?canary-query"}`, to)
				}, func(c *Config) {
					c.Token, c.Headers, c.Pagination, c.NextPath = secret.New("canary-token"), headers, tc.mode, "n"
					if tc.mode != paginationNone {
						c.Records = "r"
					}
				})
				err := readErr(t, s)
				if f := fault.From(err); f.Class != fault.Blocked || f.Code() != tc.code {
					t.Errorf("error = %v (%v, %s), want Blocked %s", err, f.Class, f.Code(), tc.code)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows a secret: %v", err)
				}
			})
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) > 0 {
		t.Errorf("the other server was asked: %q", seen)
	}
}

func TestRedirectsOnTheSameOrigin(t *testing.T) {
	t.Parallel()
	for hops, code := range map[int]string{0: "", 5: "", 6: "redirect_loop"} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			var at int
			_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &at)
			if at < hops {
				http.Redirect(w, r, fmt.Sprintf("/hop/%d", at+1), http.StatusFound)
				return
			}
			if r.URL.Query().Has("more") {
				_, _ = io.WriteString(w, `{"r":[2]}`)
				return
			}
			_, _ = io.WriteString(w, `{"r":[1],"n":"?more"}`)
		}, func(c *Config) { c.Records, c.Pagination, c.NextPath = "r", paginationNext, "n" })
		if code != "" {
			if err := readErr(t, s); fault.From(err).Code() != code {
				t.Errorf("%d redirects: %v, want %s", hops, err, code)
			}
			continue
		}
		if got, _ := drain(t, s, ""); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%d redirects: got %q, want both pages, the second resolved against where the first was", hops, got)
		}
	}
}

func TestErrorsHideSecretsAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	headers, err := ParseHeaders(`X-Api-Key: canary-k3y\nAuthorization: Basic canary+b64==`)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{400, 401, 403, 404, 410, 429, 500, 200} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			if status == 200 {
				_, _ = io.WriteString(w, "<html>") // of what may hold records nothing is shown
			}
			fmt.Fprintf(w, "Error:\x00\r\n\x1b[2J no good: %s %s %s %s", r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"), r.URL, strings.Repeat("long ", 200))
		}, func(c *Config) {
			c.URL += "&api_key=canary%2Fq&colour=blue"
			c.Headers = headers
		})
		err := readErr(t, s)
		text := err.Error()
		if strings.Contains(text, "canary") {
			t.Errorf("%d: the error shows a secret: %s", status, text)
		}
		if !strings.Contains(text, "no good") || !strings.Contains(text, "/items?secretless=…&api_key=…&colour=…") {
			t.Errorf("%d: the error lacks the answer or the URL: %s", status, text)
		}
		if fault.Is(err, fault.Blocked) && !strings.Contains(text, "SLUICE_HTTP_") {
			t.Errorf("%d: the error does not say what to set: %s", status, text)
		}
		if strings.ContainsAny(text, "\x00\r\n\x1b") || len(text) > 700 {
			t.Errorf("%d: the text is not fit for a log: %q", status, text)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.URL = "http://" + l.Addr().String() + "/x?key=canary"
	_ = l.Close()
	err = readErr(t, open(t, c))
	if f := fault.From(err); f.Class != fault.Transient || f.Code() != "network" {
		t.Errorf("error = %v, want a passing network fault", err)
	}
	if strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "refused") || strings.Count(err.Error(), "http://") != 1 {
		t.Errorf("error = %v, want the cause, the URL once, and no query value", err)
	}
}

// A silent answers nothing, or a byte now and then.
type silent struct{ drip time.Duration }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.drip == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: dripBody{r.Context(), s.drip}, ContentLength: -1, Request: r}, nil
}

type dripBody struct {
	ctx   context.Context
	every time.Duration
}

func (d dripBody) Close() error { return nil }
func (d dripBody) Read(p []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(d.every):
		p[0] = ' '
		return 1, nil
	}
}

func TestTimeoutCoversTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for _, drip := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := Default()
			c.URL = "http://127.0.0.1:1/"
			s := open(t, c)
			s.client = &http.Client{Transport: silent{drip}}
			began := time.Now()
			err := readErr(t, s)
			if f := fault.From(err); f.Class != fault.Transient || f.Code() != "timeout" {
				t.Errorf("error = %v (%s), want a passing timeout", err, f.Code())
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("the error passes for the end of the caller's context")
			}
			if took := time.Since(began); took != c.Timeout {
				t.Errorf("took %v, want %v", took, c.Timeout)
			}
		})
	}
}
