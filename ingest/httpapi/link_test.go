package httpapi

import (
	"strings"
	"testing"
)

func TestNextLink(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"none", nil, ""},
		{"token", []string{`</b>; rel=next`}, "/b"},
		{"single quotes", []string{`</a>; rel='prev', </b>; rel='next'; title="x"`}, "/b"},
		{"quoted, any case", []string{`<b>; REL="NEXT"`}, "b"},
		{"among others", []string{`</a>; rel="first", </b>; rel="next", </c>; rel="last"`}, "/b"},
		{"second header", []string{`</a>; rel="prev"`, `</b>; rel="next"`}, "/b"},
		{"several relations", []string{`</b>; rel="last next"`}, "/b"},
		{"no relation of that name", []string{`</b>; rel="nextish"`}, ""},
		{"comma and semicolon in the target", []string{`</b?a=1,2;3>; rel="next"`}, "/b?a=1,2;3"},
		{"comma and quote in a title", []string{`</a>; title="x, \"</z>; rel=next\""; rel="prev", </b>; rel=next`}, "/b"},
		{"only the first rel counts", []string{`</b>; rel="prev"; rel="next"`}, ""},
		{"spaces", []string{` , < /b > ; rel = "next" `}, "/b"},
		{"parameter without value", []string{`</b>; crossorigin; rel=next`}, "/b"},
		{"about another resource", []string{`</b>; rel=next; anchor="#other"`}, ""},
		{"malformed", []string{`/b; rel=next`, `</b; rel=next`, `</b>; rel="next`, `</c> rel=next`}, ""},
	} {
		if got := nextLink(tc.headers); got != tc.want {
			t.Errorf("%s: nextLink(%q) = %q, want %q", tc.name, tc.headers, got, tc.want)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`</a>; rel="first", </b>; rel="next"; title="x\"", <c>`)
	f.Fuzz(func(t *testing.T, header string) {
		got := nextLink([]string{header})
		if got != "" && (!strings.Contains(header, got) || !strings.Contains(strings.ToLower(header), "next")) {
			t.Errorf("nextLink(%q) = %q, which is not there", header, got)
		}
	})
}
