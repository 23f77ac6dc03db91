package exchange_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/exchange"
	"sluice/internal/redact"
)

const canary = "c4n4ry-of-the-exchange"

// ask makes a request through rt and returns the body of the answer.
func ask(t *testing.T, rt http.RoundTripper, method, address, body string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body = nil
	}
	req.Header.Set("Authorization", "Bearer "+canary)
	req.Header.Set("User-Agent", "sluice")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), nil
}

// served answers with what it was sent, compressed.
func served(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Set-Cookie", "sid=of-the-cookie; Path=/")
		w.Header().Set("X-RateLimit-Remaining", "7")
		w.Header().Set("Server", "noise")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(`{"you sent":"` + r.Header.Get("Authorization") + `","body":` + string(body) + `,"refresh_token":"found-here","session":"sid=of-the-cookie"}`))
		_ = z.Close()
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestWhatIsSeenIsWrittenReadAndPlayed(t *testing.T) {
	t.Parallel()
	srv := served(t)
	var seen []exchange.Seen
	direct := http.DefaultTransport.(*http.Transport).Clone()
	direct.DisableCompression = true // as the source has it
	t.Cleanup(direct.CloseIdleConnections)
	watch := &exchange.Watch{Next: direct, Keep: true, Tell: func(x exchange.Seen) { seen = append(seen, x) }}
	answer, err := ask(t, watch, "POST", srv.URL+"/x?b=2&api_key="+canary+"&a=1", `{"a": 1}`)
	if err != nil || len(seen) != 1 {
		t.Fatalf("%d exchanges seen, %v; want one", len(seen), err)
	}
	if seen[0].Bytes != int64(len(answer)) || seen[0].Status != 200 {
		t.Errorf("seen %d bytes with %d, want the %d that came", seen[0].Bytes, seen[0].Status, len(answer))
	}
	clean, err := seen[0].Redacted(redact.Numbering([]string{canary}))
	if err != nil {
		t.Fatal(err)
	}
	file := clean.Marshal()
	want := "POST " + srv.URL + "/x?b=2&api_key=REDACTED-1&a=1 HTTP/1.1\nAuthorization: Bearer REDACTED-1\nContent-Length: 8\n\n{\"a\": 1}\n" +
		"HTTP/1.1 200 OK\nContent-Type: application/json\nDate: " + clean.Header.Get("Date") + "\nX-Ratelimit-Remaining: 7\n\n" +
		`{"you sent":"Bearer REDACTED-1","body":{"a": 1},"refresh_token":"REDACTED-4","session":"sid=REDACTED-2"}`
	if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Errorf("the file differs (-want +got):\n%s", diff)
	}
	back, err := exchange.Unmarshal(bytes.ReplaceAll(file, []byte("\nAuth"), []byte("\r\nAuth")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Marshal(), file) {
		t.Errorf("written again:\n%s\nwant\n%s", back.Marshal(), file)
	}
	player := exchange.NewPlayer([]exchange.Exchange{back}, redact.Hiding([]string{canary}).Query)
	got, err := ask(t, player, "POST", "http://elsewhere.example/x?a=1&b=2&api_key="+canary, `{"a": 1}`)
	if err != nil || got != string(back.Body) {
		t.Errorf("played: %q, %v; want what was recorded, whatever the order of parameters, the host and the secret", got, err)
	}
}

// TestTheFormOfARequestIsRecordedWithoutItsSecrets: nobody has named them, only the form does.
func TestTheFormOfARequestIsRecordedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("http://a.example/token")
	if err != nil {
		t.Fatal(err)
	}
	x := exchange.Exchange{Method: "POST", URL: u, Asked: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Sent: []byte("grant_type=refresh_token&refresh_token=of-nobody"), Status: 200}
	clean, err := x.Redacted(redact.Numbering(nil))
	if got, want := string(clean.Sent), "grant_type=refresh_token&refresh_token=REDACTED-1"; err != nil || got != want {
		t.Errorf("recorded %s, %v; want %s", got, err, want)
	}
}

// broken is a RoundTripper whose answer breaks off.
type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`[{"id":1},`), iotest.ErrReader(io.ErrUnexpectedEOF))
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}, nil
}

func TestAnAnswerThatBreaksOffIsSeenAsSuch(t *testing.T) {
	t.Parallel()
	var seen exchange.Seen
	watch := &exchange.Watch{Next: broken{}, Keep: true, Tell: func(x exchange.Seen) { seen = x }}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://a.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := watch.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the reader has got %v, want %v", err, io.ErrUnexpectedEOF)
	}
	resp.Body.Close()
	if !errors.Is(seen.Err, io.ErrUnexpectedEOF) || seen.Bytes != 10 {
		t.Errorf("seen %d bytes and %v, want 10 and %v", seen.Bytes, seen.Err, io.ErrUnexpectedEOF)
	}
}

func TestWhatIsNotRecordedIsNotAnswered(t *testing.T) {
	t.Parallel()
	at := func(address string) exchange.Exchange {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return exchange.Exchange{Method: "GET", URL: u, Status: 200, Header: http.Header{}, Body: []byte(u.RawQuery)}
	}
	list := []exchange.Exchange{at("http://a.example/x?p=1"), at("http://a.example/x?p=2"), at("http://a.example/x?p=1")}
	list[2].Body = []byte("the second time")
	p := exchange.NewPlayer(list, redact.Hiding(nil).Query)
	for _, tc := range []struct{ method, address, body, want string }{
		{"GET", "http://a.example/x?p=1", "", "p=1"},
		{"GET", "http://a.example/x?p=1", "", "the second time"},
		{"GET", "http://a.example/x?p=1", "", ""},
		{"POST", "http://a.example/x?p=2", "", ""},
		{"GET", "http://a.example/x?p=2", "body", ""},
		{"GET", "http://a.example/y?p=2", "", ""},
		{"GET", "http://a.example/x?p=2&token=" + canary, "", ""},
	} {
		got, err := ask(t, p, tc.method, tc.address, tc.body)
		if got != tc.want || (tc.want == "") != errors.Is(err, exchange.ErrNotRecorded) {
			t.Errorf("%s %s %q: %q, %v; want %q", tc.method, tc.address, tc.body, got, err, tc.want)
		}
	}
	if got, want := p.Missing(), "GET /x?p=1"; got != want {
		t.Errorf("missing %q, want %q", got, want)
	}
	if got := p.Left(); len(got) != 1 || got[0] != 1 {
		t.Errorf("left %v, want the second alone", got)
	}
	asked := p.Asked()
	if len(asked) != 7 || strings.Contains(strings.Join(asked, " "), canary) {
		t.Errorf("asked %q, want 7 requests without secrets", asked)
	}
}

func TestFilesThatAreNoExchange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"empty":              {"", "the request cannot be read"},
		"no host":            {"GET /x HTTP/1.1\n\nHTTP/1.1 200 OK\n\n", "the request names no host"},
		"no answer":          {"GET http://a.example/ HTTP/1.1\n\n", "there is no answer"},
		"no status":          {"GET http://a.example/ HTTP/1.1\n\nhello\n\n", "the answer cannot be read"},
		"body too short":     {"POST http://a.example/ HTTP/1.1\nContent-Length: 10\n\nabc", "shorter than its Content-Length"},
		"answer cut off":     {"GET http://a.example/ HTTP/1.1\n\nHTTP/1.1 200 OK\nContent-Length: 9\n\nabc", "reaches to the end of the file"},
		"header without end": {"GET http://a.example/ HTTP/1.1\nA", "the request cannot be read"},
	} {
		if _, err := exchange.Unmarshal([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
}

// FuzzUnmarshal: what can be read is written so that it is read the same.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("GET http://a.example/x?a=1 HTTP/1.1\nAccept: x\n\nHTTP/1.1 200 OK\nLink: <y>\n\n[1]"))
	f.Add([]byte("POST http://a.example/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\nHTTP/1.1 404 Not Found\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := exchange.Unmarshal(data)
		if err != nil {
			return
		}
		file := x.Marshal()
		if y, err := exchange.Unmarshal(file); err == nil && !bytes.Equal(y.Marshal(), file) {
			t.Fatalf("%q\nwritten %q\nread and written %q", data, file, y.Marshal())
		}
	})
}
