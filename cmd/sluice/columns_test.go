package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFoldKeepsToTheScreenAndWordsWhole(t *testing.T) {
	t.Parallel()
	url := "http://a.example/?" + strings.Repeat("x", 100)
	for name, tt := range map[string]struct {
		text   string
		indent int
		want   string
	}{
		"what fits stays":        {strings.Repeat("é", 71), 9, strings.Repeat("é", 71)},
		"a word too many":        {strings.Repeat("a", 69) + " bc", 9, strings.Repeat("a", 69) + "\n         bc"},
		"a long word stays":      {"GET " + url + " twice", 2, "GET " + url + "\n  twice"},
		"spaces in what is said": {`"a  b"`, 2, `"a  b"`},
		"nothing":                {"", 9, ""},
	} {
		if got := fold(tt.text, tt.indent); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}

func TestALongCursorShowsItsTwoEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ cursor, want string }{
		"the beginning": {"", "(the beginning)"},
		"one that fits": {strings.Repeat("c", 71), strings.Repeat("c", 71)},
		"a long one":    {"{" + strings.Repeat("ü", 400) + "}", "{" + strings.Repeat("ü", 28) + "…" + strings.Repeat("ü", 28) + "} (802 bytes)"},
		"no terminal":   {"a\x1b]b", "a·]b"},
	} {
		got := shortCursor(tt.cursor, 71)
		if got != tt.want || utf8.RuneCountInString(got) > 71 {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
