package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	evil := map[string]value{"cursor": {text: "a\"}\n</x>&b=/../é"}, "page": {"3", true}, "since": {text: "12345678901234567890"}, "limit": {"x", true}}
	for _, tc := range []struct {
		name, text string
		style      int
		values     map[string]value
		want       string
	}{
		{"a string in JSON", `{"a":"x{{cursor|}}y"}`, asJSON, evil, `{"a":"xa\"}\n</x>&b=/../éy"}`},
		{"a value in JSON", `{"a":{{cursor|null}}}`, asJSON, evil, `{"a":"a\"}\n</x>&b=/../é"}`},
		{"no value yet", `{"a":{{ cursor |null}}}`, asJSON, nil, `{"a":null}`},
		{"no value yet, in a string", `{"a":"{{cursor|}}"}`, asJSON, nil, `{"a":""}`},
		{"a number by its nature", `[{{page}}]`, asJSON, evil, `[3]`},
		{"a number within a string", `["{{page}}"]`, asJSON, evil, `["3"]`},
		{"digits are a string", `[{{since|null}}]`, asJSON, evil, `["12345678901234567890"]`},
		{"digits are a number where one stands beside", `[{{since|0}}]`, asJSON, evil, `[12345678901234567890]`},
		{"what says to be a number and is none", `[{{limit}}]`, asJSON, evil, `["x"]`},
		{"an escaped quote does not end a string", `{"a\"":"{{page}}"}`, asJSON, evil, `{"a\"":"3"}`},
		{"a form", `a={{cursor|}}&p={{page}}`, asQuery, evil, `a=a%22%7D%0A%3C%2Fx%3E%26b%3D%2F..%2F%C3%A9&p=3`},
		{"XML", `<a b="{{cursor|}}"/>`, asXML, evil, `<a b="a&#34;}&#xA;&lt;/x&gt;&amp;b=/../é"/>`},
		{"text", `after {{cursor|}}.`, asText, evil, "after a\"}\n</x>&b=/../é."},
		{"a path and a query", `https://h/a/{{cursor|}}/b?c={{cursor|}}`, asPath, evil, `https://h/a/a%22%7D%0A%3C%2Fx%3E&b=%2F..%2F%C3%A9/b?c=a%22%7D%0A%3C%2Fx%3E%26b%3D%2F..%2F%C3%A9`},
		{"no placeholder", `{"a":{"b":{}}}`, asJSON, evil, `{"a":{"b":{}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parsed, err := parseTemplate(tc.text, tc.style)
			if err != nil {
				t.Fatal(err)
			}
			got := parsed.fill(tc.values)
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if tc.style == asJSON && !json.Valid([]byte(got)) {
				t.Errorf("%s is not JSON", got)
			}
		})
	}
	for _, text := range []string{"{{", "{{page", "{{nothing}}", "{{.page}}", "{{page}} {{Page}}", "{{}}", "{{|x}}"} {
		if _, err := parseTemplate(text, asText); err == nil {
			t.Errorf("%q is taken for a template", text)
		}
	}
}

// FuzzTemplateJSON fills any values into a body: what comes out is JSON, and as many values as there were.
func FuzzTemplateJSON(f *testing.F) {
	f.Add(`a"b`, "\x00\u2028", "12")
	f.Add("\xff", "}}{{", "-0")
	body, err := parseTemplate(`{"a":{{cursor|null}},"b":"<{{since|}}>","c":[{{limit}},{{window_start|0}}]}`, asJSON)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		filled := body.fill(map[string]value{"cursor": {text: a}, "since": {text: b}, "limit": {c, true}, "window_start": {text: c}})
		var got map[string]any
		if err := json.Unmarshal([]byte(filled), &got); err != nil || len(got) != 3 {
			t.Fatalf("%q %q %q make %s: %v", a, b, c, filled, err)
		}
		if text, _ := got["a"].(string); text != strings.ToValidUTF8(a, "\ufffd") && strings.ToValidUTF8(a, "") == a {
			t.Errorf("%q has become %q", a, text)
		}
	})
}

func TestValidateFurtherSettings(t *testing.T) {
	t.Parallel()
	post := func(body string) func(*Config) {
		return func(c *Config) { c.Method, c.Body = "POST", body }
	}
	window := func(change func(*Config)) func(*Config) {
		return func(c *Config) {
			c.WindowStart, c.WindowStartParam, c.WindowEndParam = "2024-01-01", "a", "b"
			change(c)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string // in the text; "": valid
	}{
		{"windows", window(func(*Config) {}), ""},
		{"windows from Unix seconds", window(func(c *Config) { c.WindowStart = "1700000000" }), ""},
		{"windows by placeholders", window(func(c *Config) {
			c.WindowStartParam, c.WindowEndParam, c.URL = "", "", "https://h/{{window_start}}/x?to={{window_end}}"
		}), ""},
		{"a window without a start", func(c *Config) { c.WindowEndParam = "b" }, "without WINDOW_START"},
		{"a window without an end", window(func(c *Config) { c.WindowEndParam = "" }), "WINDOW_END_PARAM"},
		{"a window whose start is no time", window(func(c *Config) { c.WindowStart = "yesterday" }), "WINDOW_START is no time"},
		{"a window and since", window(func(c *Config) { c.SinceParam, c.SincePath = "s", "t" }), "either windows or a bound"},
		{"seconds cut finer", window(func(c *Config) { c.WindowFormat, c.WindowGranularity = sinceUnix, 500*time.Millisecond }), "WINDOW_GRANULARITY"},
		{"days cut finer", window(func(c *Config) { c.WindowFormat = formatDate }), "WINDOW_GRANULARITY"},
		{"a start between days", window(func(c *Config) {
			c.WindowFormat, c.WindowGranularity, c.WindowStart = formatDate, 24*time.Hour, "2024-01-01T01:00:00Z"
		}), "WINDOW_START is not on a multiple"},
		{"a step between grains", window(func(c *Config) { c.WindowStep = 1500 * time.Millisecond }), "WINDOW_STEP"},
		{"a negative look-back", window(func(c *Config) { c.WindowLookback = -1 }), "WINDOW_LOOKBACK"},
		{"a window parameter that is another's", window(func(c *Config) { c.WindowEndParam = "a" }), "WINDOW_START_PARAM and WINDOW_END_PARAM"},
		{"a look-back of text", func(c *Config) { c.SinceParam, c.SincePath, c.SinceLookback = "s", "t", time.Hour }, "SINCE_LOOKBACK needs"},
		{"a look-back of nothing", func(c *Config) { c.SinceType, c.SinceLookback = sinceUnix, time.Hour }, "SINCE_LOOKBACK is set without"},
		{"two places of the cursor", func(c *Config) {
			c.Pagination, c.CursorParam, c.CursorPath, c.CursorHeader = paginationCursor, "c", "x", "X"
		}, "more than one is set"},
		{"no place of the cursor", func(c *Config) { c.Pagination, c.CursorParam = paginationCursor, "c" }, "CURSOR_PATH"},
		{"a cursor header without cursors", func(c *Config) { c.CursorHeader = "X" }, "PAGINATION is not cursor"},
		{"a total without numbers", func(c *Config) { c.TotalPath = "x" }, "neither page nor offset"},
		{"two totals", func(c *Config) { c.Pagination, c.TotalPath, c.TotalHeader = paginationPage, "x", "X" }, "TOTAL_PATH and TOTAL_HEADER"},
		{"more of one page", func(c *Config) { c.MorePath = "x" }, "PAGINATION is none"},
		{"capped pages without since", func(c *Config) { c.Pagination, c.MaxPages = paginationPage, 10 }, "MAX_PAGES needs SINCE_PATH"},
		{"a body without POST", func(c *Config) { c.Body = "{}" }, "METHOD is not POST"},
		{"another method", func(c *Config) { c.Method = "PUT" }, "METHOD is"},
		{"a body that is no JSON", post(`{"a":}`), "BODY is not JSON"},
		{"an unknown placeholder", post(`{"a":{{next}}}`), "{{next}}, which there is not"},
		{"a placeholder that never has a value", post(`{"a":{{page}}}`), "PAGINATION is not page"},
		{"a placeholder without a first value", func(c *Config) {
			c.Pagination, c.CursorPath = paginationCursor, "x"
			post(`{"a":"{{cursor}}"}`)(c)
		}, "{{cursor|null}}"},
		{"a fallback that makes no JSON", func(c *Config) {
			c.Pagination, c.CursorPath = paginationCursor, "x"
			post(`{"a":{{cursor|}}}`)(c)
		}, "BODY is not JSON"},
		{"a text body", func(c *Config) { post("x")(c); c.BodyType = "text/plain" }, ""},
		{"no content type", func(c *Config) { post("x")(c); c.BodyType = "/" }, "BODY_TYPE"},
		{"two content types", func(c *Config) { post("{}")(c); _ = c.Headers.Decode("content-type: x/y") }, "Content-Type header"},
		{"csv", func(c *Config) { c.Format, c.Delimiter, c.Columns = "csv", `\t`, "a, b" }, ""},
		{"another format", func(c *Config) { c.Format = "yaml" }, "FORMAT is"},
		{"a delimiter of two", func(c *Config) { c.Format, c.Delimiter = "csv", ";;" }, "DELIMITER is"},
		{"a quote for a delimiter", func(c *Config) { c.Format, c.Delimiter = "csv", `"` }, "DELIMITER or COLUMNS"},
		{"columns of one name", func(c *Config) { c.Format, c.Columns = "csv", "a,a" }, "DELIMITER or COLUMNS"},
		{"columns of JSON", func(c *Config) { c.Columns = "a" }, "only FORMAT=csv has columns"},
		{"XML without an element", func(c *Config) { c.Format = "xml" }, "FORMAT=xml needs RECORDS"},
		{"records in lines", func(c *Config) { c.Format, c.Records = "lines", "data" }, "RECORDS is set"},
		{"a path into lines", func(c *Config) { c.Format, c.ErrorPath = "lines", "x" }, "ERROR_PATH points into"},
		{"a detail", func(c *Config) { c.DetailURL, c.DetailInto = "/i/{id}", "d" }, ""},
		{"a detail elsewhere", func(c *Config) { c.DetailURL = "https://x/{id}" }, "DETAIL_URL has to be a path"},
		{"a detail of lines", func(c *Config) { c.DetailURL, c.Format = "/i/{id}", "lines" }, "DETAIL_URL needs FORMAT=json"},
		{"a field without a detail", func(c *Config) { c.DetailInto = "d" }, "without DETAIL_URL"},
		{"children", func(c *Config) { c.ChildURL, c.ParentRecords = "/i/{id}/x", "data" }, ""},
		{"children of all alike", func(c *Config) { c.ChildURL = "/i" }, "CHILD_URL names nothing"},
		{"parents without children", func(c *Config) { c.ParentRecords = "data" }, "without CHILD_URL"},
		{"children of a POST", func(c *Config) { c.ChildURL = "/i/{id}"; post("{}")(c) }, "CHILD_URL needs METHOD=GET"},
		{"children of windows of parents", window(func(c *Config) {
			c.ChildURL, c.URL = "/i/{id}", "https://h/{{window_start}}"
		}), "URL has placeholders"},
		{"a placeholder in the host", func(c *Config) {
			c.URL, c.SincePath = "https://h{{since|.evil}}/x", "t"
		}, "URL is not a URL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := Default()
			c.URL = "https://h/"
			tc.change(&c)
			err := c.Validate()
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("Validate = %v, want %q in it", err, tc.want)
			}
		})
	}
}

// TestAPostIsNotTurnedIntoAGet: 303 and its like ask for something else than what was asked.
func TestAPostIsNotTurnedIntoAGet(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		asked := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if asked++; r.URL.Path == "/there" && r.Method == http.MethodPost {
				var body [8]byte
				n, _ := r.Body.Read(body[:])
				_, _ = w.Write(body[:n])
				return
			}
			http.Redirect(w, r, "/there", status)
		}, func(c *Config) { c.Method, c.Body = http.MethodPost, "[1,2]" })
		if status >= 307 {
			if got, _ := drain(t, s, ""); len(got) != 2 {
				t.Errorf("%d: %d records, want 2", status, len(got))
			}
			continue
		}
		if err := readErr(t, s); !fault.Is(err, fault.Blocked) || asked != 1 || !strings.Contains(err.Error(), "http.POST") {
			t.Errorf("%d: %v after %d requests, want a Blocked fault of http.POST after one", status, err, asked)
		}
	}
}
