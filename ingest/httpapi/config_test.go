package httpapi

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"sluice/internal/secret"
)

func TestDefaultIsWhatTheTagsSay(t *testing.T) {
	t.Parallel()
	v := reflect.ValueOf(Default())
	for _, field := range reflect.VisibleFields(v.Type()) { // those of embedded structs too
		if field.Tag.Get("ignored") == "true" || field.Anonymous {
			continue
		}
		got := strings.Trim(fmt.Sprint(v.FieldByIndex(field.Index).Interface()), "[]")
		want := field.Tag.Get("default")
		if d, err := time.ParseDuration(want); err == nil && field.Type == reflect.TypeFor[time.Duration]() {
			want = d.String()
		}
		if field.Type.Kind() == reflect.Int && want == "" {
			want = "0"
		}
		if got != want {
			t.Errorf("%s is %q in Default, %q in its tag", field.Name, got, want)
		}
		if field.Tag.Get("split_words") != "true" || field.Tag.Get("desc") == "" {
			t.Errorf("%s lacks split_words or desc", field.Name)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   []string // in the text; none: valid
	}{
		{"nothing set", func(c *Config) { *c = Config{} }, []string{"URL is not set", "PAGINATION", "SINCE_TYPE", "SINCE_FORMAT", "INTERVAL", "TIMEOUT", "MAX_PAGE_BYTES", "MAX_RECORD_BYTES"}},
		{"no url", func(c *Config) { c.URL = "http://[::1" }, []string{"URL is not a URL"}},
		{"other scheme", func(c *Config) { c.URL = "ftp://h/" }, []string{`scheme "ftp"`}},
		{"no host", func(c *Config) { c.URL = "https:///x" }, []string{"no host"}},
		{"password in url", func(c *Config) { c.URL = "https://u:canary@h/" }, []string{"user name or password"}},
		{"fragment", func(c *Config) { c.URL = "https://h/#x" }, []string{"fragment"}},
		{"semicolon in query", func(c *Config) { c.URL = "https://h/?a=1;b=2" }, []string{"query"}},
		{"token over plain http", func(c *Config) { c.URL, c.Token = "http://h/", secret.New("canary") }, []string{"plain http"}},
		{"authorization over plain http", func(c *Config) { c.URL = "http://h/"; _ = c.Headers.Decode("authorization: canary") }, []string{"plain http"}},
		{"token over plain http to this host", func(c *Config) { c.URL, c.Token = "http://127.0.0.1:80/", secret.New("canary") }, nil},
		{"token over plain http to localhost", func(c *Config) { c.URL, c.Token = "http://localhost/", secret.New("canary") }, nil},
		{"api key over plain http", func(c *Config) { c.URL = "http://h/"; _ = c.Headers.Decode("X-Api-Key: canary") }, []string{"plain http", "X-Api-Key"}},
		{"cookie over plain http", func(c *Config) { c.URL = "http://h/"; _ = c.Headers.Decode("Cookie: canary") }, []string{"plain http", "Cookie"}},
		{"key in the query over plain http", func(c *Config) { c.URL = "http://h/?api_key=canary&q=1" }, []string{"plain http", "the parameter api_key"}},
		{"nothing secret over plain http", func(c *Config) { c.URL = "http://h/?q=1&code=DE"; _ = c.Headers.Decode("Accept-Language: de") }, nil},
		{"api key over plain http to this host", func(c *Config) { c.URL = "http://[::1]/?token=canary"; _ = c.Headers.Decode("X-Api-Key: canary") }, nil},
		{"the metadata service", func(c *Config) { c.URL = "http://169.254.169.254/latest/" }, []string{"metadata service"}},
		{"the metadata service, mapped", func(c *Config) { c.URL = "http://[::ffff:a9fe:a9fe]/" }, []string{"metadata service"}},
		{"two authorizations", func(c *Config) { c.Token = secret.New("canary"); _ = c.Headers.Decode("Authorization: canary") }, []string{"both TOKEN and"}},
		{"token with a line break", func(c *Config) { c.Token = secret.New("canary\n") }, []string{"TOKEN has a character"}},
		{"headers", func(c *Config) { _ = c.Headers.Decode("canary\n(: canary\nHost: canary\nX: a\nx: b\nY: canary\x01") },
			[]string{"line 1", "line 2", "line 3: Host", "line 5: x is there twice", "line 6"}},
		{"cursor without names", func(c *Config) { c.Pagination = "cursor" }, []string{"CURSOR_PATH", "CURSOR_PARAM"}},
		{"next without path", func(c *Config) { c.Pagination = "next" }, []string{"NEXT_PATH"}},
		{"page without name", func(c *Config) { c.Pagination, c.PageParam, c.PageStart = "page", "", -1 }, []string{"PAGE_PARAM", "PAGE_START"}},
		{"offset without name", func(c *Config) { c.Pagination, c.OffsetParam, c.OffsetStart = "offset", "", -1 }, []string{"OFFSET_PARAM", "OFFSET_START"}},
		{"limit", func(c *Config) { c.Limit = -1 }, []string{"LIMIT is -1"}},
		{"limit without name", func(c *Config) { c.Limit, c.LimitParam = 5, "" }, []string{"LIMIT_PARAM"}},
		{"one name for two", func(c *Config) {
			c.Pagination, c.PageParam, c.Limit, c.LimitParam = "page", "n", 5, "n"
		}, []string{`LIMIT_PARAM and PAGE_PARAM are both "n"`}},
		{"since without path", func(c *Config) { c.SinceParam = "s" }, []string{"SINCE_PATH"}},
		{"path without since", func(c *Config) { c.SincePath, c.SinceStart = "s", "x" }, []string{"SINCE_PATH is set without", "SINCE_START is set without"}},
		{"text as a time", func(c *Config) { c.SinceParam, c.SincePath, c.SinceFormat = "s", "s", "unix" }, []string{"SINCE_FORMAT=unix needs"}},
		{"time as a time", func(c *Config) {
			c.SinceParam, c.SincePath, c.SinceType, c.SinceFormat = "s", "s", "unix_ms", "rfc3339"
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Default()
			c.URL = "https://example.org/"
			tc.change(&c)
			err := c.Validate()
			if len(tc.want) == 0 && err != nil {
				t.Fatalf("Validate = %v, want nil", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("Validate = %v, want it to say %q", err, want)
				}
			}
			if strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("Validate shows a secret: %v", err)
			}
			if _, newErr := New(c); (newErr == nil) != (err == nil) {
				t.Errorf("New = %v, Validate = %v", newErr, err)
			}
		})
	}
}

func TestHeadersArePrintedWithoutValues(t *testing.T) {
	t.Parallel()
	h, err := ParseHeaders("X-Api-Key: canary: 1\\naccept:application/vnd.x+json; q=1\n\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, struct{ H Headers }{h}); strings.Contains(text, "canary") || !strings.Contains(text, "X-Api-Key: ***") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	got := map[string][]string{}
	h.apply(got)
	want := map[string][]string{"X-Api-Key": {"canary: 1"}, "Accept": {"application/vnd.x+json; q=1"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("headers are %v, want %v", got, want)
	}
}

func TestFingerprintChangesWithTheMeaningOfACursor(t *testing.T) {
	t.Parallel()
	base := func() Config {
		c := Default()
		c.URL, c.Pagination = "https://h/x?q=1&api_key=canary", paginationPage
		return c
	}
	print := func(change func(*Config)) string {
		c := base()
		change(&c)
		return open(t, c).Fingerprint()
	}
	same := print(func(*Config) {})
	for name, change := range map[string]func(*Config){
		"interval": func(c *Config) { c.Interval = time.Hour },
		"timeout":  func(c *Config) { c.Timeout = time.Hour },
		"token":    func(c *Config) { c.Token = secret.New("x") },
		"headers":  func(c *Config) { _ = c.Headers.Decode("X: y") },
		"limits":   func(c *Config) { c.MaxPageBytes, c.MaxRecordBytes = 1, 1 },
		"key":      func(c *Config) { c.URL = "https://h/x?q=1&api_key=other" },
		"unused":   func(c *Config) { c.CursorPath, c.OffsetStart = "x", 1 },
		"stops":    func(c *Config) { c.MorePath, c.ErrorPath, c.TotalPath = "x", "y", "z" },
	} {
		if got := print(change); got != same {
			t.Errorf("another %s changes the fingerprint", name)
		}
	}
	// What it was before there were windows, bodies and formats: its cursors go on working.
	if want := "f52c214a44bdfa5473b5fdfd565ac1e9"; same != want {
		t.Errorf("the fingerprint of an old configuration is %s, want %s", same, want)
	}
	seen := map[string]string{same: "the first"}
	for name, change := range map[string]func(*Config){
		"host":       func(c *Config) { c.URL = "https://g/x?q=1" },
		"path":       func(c *Config) { c.URL = "https://h/y?q=1" },
		"query":      func(c *Config) { c.URL = "https://h/x?q=2" },
		"records":    func(c *Config) { c.Records = "r" },
		"pagination": func(c *Config) { c.Pagination = paginationOffset },
		"page param": func(c *Config) { c.PageParam = "p" },
		"page start": func(c *Config) { c.PageStart = 0 },
		"page size":  func(c *Config) { c.Limit = 10 },
		"since":      func(c *Config) { c.SinceParam, c.SincePath = "s", "t" },
		"since path": func(c *Config) { c.SinceParam, c.SincePath = "s", "u" },
		"since start": func(c *Config) {
			c.SinceParam, c.SincePath, c.SinceStart = "s", "t", "5"
		},
		"window": func(c *Config) { c.WindowStart, c.WindowStartParam, c.WindowEndParam = "2024-01-01", "a", "b" },
		"window start": func(c *Config) {
			c.WindowStart, c.WindowStartParam, c.WindowEndParam = "2024-01-02", "a", "b"
		},
		"method":        func(c *Config) { c.Method = "POST" },
		"format":        func(c *Config) { c.Format = "ndjson" },
		"csv":           func(c *Config) { c.Format = "csv" },
		"delimiter":     func(c *Config) { c.Format, c.Delimiter = "csv", ";" },
		"columns":       func(c *Config) { c.Format, c.Columns = "csv", "a,b" },
		"body":          func(c *Config) { c.Method, c.Body = "POST", "{}" },
		"cursor header": func(c *Config) { c.Pagination, c.CursorParam, c.CursorHeader = paginationCursor, "c", "X" },
		"cursor record": func(c *Config) {
			c.Pagination, c.CursorParam, c.CursorRecordPath = paginationCursor, "c", "X"
		},
	} {
		got := print(change)
		if other, known := seen[got]; known {
			t.Errorf("another %s has the fingerprint of %s", name, other)
		}
		seen[got] = name
	}
}

func TestStreamHasNoQueryAndNoCredentials(t *testing.T) {
	t.Parallel()
	c := Default()
	c.URL = "https://example.org:8443/a/b%20c?key=canary"
	if got, want := open(t, c).Stream(), "https://example.org:8443/a/b%20c"; got != want {
		t.Errorf("Stream() = %q, want %q", got, want)
	}
}

// FuzzConfig gives any text to the settings of a source: every problem is one line that shows no secret, and what is valid
// makes a source whose first address keeps the origin of the URL.
func FuzzConfig(f *testing.F) {
	f.Add("https://h/x?key=c4n4ry-7Q9z", "X-Key: c4n4ry-7Q9z", "c4n4ry-7Q9z", "r", "page", "p", 3)
	f.Add("http://[::1%25x]:0/%zz?a;b", "\\n:\r\n", "\x00", "..", "offset", "limit", -1)
	f.Add("//h", "Host: x", "c4n4ry-7Q9z ", "#(a==\"b\")", "cursor", "\u2028", 1<<40)
	f.Fuzz(func(t *testing.T, address, headers, token, records, pagination, param string, limit int) {
		const canary = "c4n4ry-7Q9z"
		c := Default()
		c.URL, c.Records, c.Pagination, c.Limit, c.Token = address, records, pagination, limit, secret.New(token)
		c.CursorPath, c.CursorParam, c.NextPath, c.PageParam, c.OffsetParam = param, param, param, param, param
		_ = c.Headers.Decode(headers)
		if err := c.Validate(); err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unicode.IsControl) || strings.Contains(line, canary) && !strings.Contains(param+pagination, canary) {
					t.Errorf("the problem %q shows a secret or is no line", line)
				}
			}
			return
		}
		s, err := New(c)
		if err != nil {
			t.Fatalf("%q was found valid, and then %v", address, err)
		}
		defer s.Close()
		if first := s.target(state{}); !sameOrigin(first, s.base) {
			t.Errorf("the first address of %q is %v", address, first)
		}
		if stream := s.Stream(); strings.ContainsFunc(stream, unicode.IsControl) || strings.Contains(stream, "?") {
			t.Errorf("%q: the stream is called %q", address, stream)
		}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, s.cfg.Headers); strings.Contains(headers, ": "+canary) && strings.Contains(text, canary) {
				t.Errorf("%s of the headers is %s", verb, text)
			}
		}
	})
}
