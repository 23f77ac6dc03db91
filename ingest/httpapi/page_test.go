package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/internal/fault"
)

func TestItemsAreTheExactBytes(t *testing.T) {
	t.Parallel()
	records := []string{`{"id":12345678901234567890, "x" : 1.50e+2 }`, `{"s":"\u00e9\/é<>&"}`, `[1, 2]`, `"text"`, `null`, `-0.0`}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "\xef\xbb\xbf{ \"a\":{\"b\" : [ %s\n] } }", strings.Join(records, " ,\n "))
	}, func(c *Config) { c.Records = "a.b" })
	if got, _ := drain(t, s, ""); !slices.Equal(got, records) {
		t.Errorf("got  %q\nwant %q", got, records)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, records, body string
		status              int
		want                []string
		code                string // of the error
		class               fault.Class
	}{
		{"array is the body", "", `[1,{"a":2}]`, 200, []string{"1", `{"a":2}`}, "", 0},
		{"object is the body", "", ` {"a":2} `, 200, []string{`{"a":2}`}, "", 0},
		{"null is the body", "", `null`, 200, nil, "", 0},
		{"empty array", "r", `{"r":[]}`, 200, nil, "", 0},
		{"null at the path", "r", `{"r":null}`, 200, nil, "", 0},
		{"no content", "r", ``, 204, nil, "", 0},
		{"nothing at the path", "r", `{"x":[]}`, 200, nil, "no_records", fault.Blocked},
		{"object at the path", "r", `{"r":{"a":1}}`, 200, nil, "no_records", fault.Blocked},
		{"text is the body", "", `"hello"`, 200, nil, "no_records", fault.Blocked},
		{"empty answer", "", ``, 200, nil, "bad_page", fault.Transient},
		{"html", "", "<!DOCTYPE html>\n<html>\x1b[31m", 200, nil, "bad_page", fault.Transient},
		{"cut off", "r", `{"r":[{"id":1},{"id":2`, 200, nil, "bad_page", fault.Transient},
		{"two values", "", `[1] [2]`, 200, nil, "bad_page", fault.Transient},
		{"nested without end", "", strings.Repeat("[", 200_000), 200, nil, "bad_page", fault.Transient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}, func(c *Config) { c.Records = tc.records })
			if tc.code == "" {
				if got, _ := drain(t, s, ""); !slices.Equal(got, tc.want) {
					t.Errorf("got %q, want %q", got, tc.want)
				}
				return
			}
			err := readErr(t, s)
			if f := fault.From(err); f.Code() != tc.code || f.Class != tc.class {
				t.Errorf("error = %v (%v, %s), want %v, %s", err, f.Class, f.Code(), tc.class, tc.code)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 800 {
				t.Errorf("the text is not fit for a log: %q", err)
			}
			if tc.name == "cut off" && !strings.Contains(err.Error(), "byte 22 of 22") {
				t.Errorf("error = %v, want the position", err)
			}
		})
	}
}

func FuzzPageJSON(f *testing.F) {
	for _, body := range []string{`{"data":[1,{"a":"]"}]}`, `{"data":null}`, `[`, `{"data":"x"}`, "{\"data\":[\"\xff\"]}"} {
		f.Add([]byte(body))
	}
	s := open(f, (&api{mode: paginationNone}).config("http://127.0.0.1:1", 0, false))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := s.split(answer{url: s.base, body: body})
		if err != nil {
			return
		}
		got := p.items
		var want struct {
			Data []json.RawMessage `json:"data"`
		}
		// gjson takes the first of two members with one name, and the exact case; encoding/json neither.
		if json.Unmarshal(body, &want) != nil || strings.Count(strings.ToLower(string(body)), `data"`) != 1 || strings.Contains(string(body), `\`) {
			return
		}
		if len(got) != len(want.Data) {
			t.Fatalf("split(%q) = %d records, want %d", body, len(got), len(want.Data))
		}
		for i := range got {
			if string(got[i]) != strings.TrimSpace(string(want.Data[i])) {
				t.Fatalf("record %d of %q is %q, want %q", i, body, got[i], want.Data[i])
			}
		}
	})
}

func TestMessagesAboutPagesHoldNoRecords(t *testing.T) {
	t.Parallel()
	const private = "078-05-1120"
	for _, tc := range []struct{ name, records, body, want string }{
		{"wrong path", "data", `{"items":[{"ssn":"078-05-1120"}],"total":1}`, "the names items, total;"},
		{"wrong path into an array", "data", `[{"ssn":"078-05-1120"}]`, "the page is an array;"},
		{"many names", "r", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":"078-05-1120"}`, "g, h, …;"},
		{"no names", "r", `{}`, "without any names;"},
		{"single value", "", `"078-05-1120"`, "the page is a single value;"},
		{"cut off", "", `[{"ssn":"078-05-1120"},{"id`, "unexpected end of JSON input"},
		{"lines of JSON", "", "{\"ssn\":\"078-05-1120\"}\n{}", "after top-level value"},
		{"comma-separated", "", "078-05-1120,7", "is not JSON"},
		{"XML", "", "<records><ssn>078-05-1120</ssn></records>", "is not JSON"},
		{"a page for people", "", " <!DOCTYPE html><title>Log in</title>", `begins "<!DOCTYPE html><title>Log in</title>": see whether a login`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.body) },
				func(c *Config) { c.Records = tc.records })
			got := readErr(t, s).Error()
			if !strings.Contains(got, tc.want) || strings.Contains(got, private) {
				t.Errorf("error = %q, want %q in it and nothing of a record", got, tc.want)
			}
		})
	}
}
