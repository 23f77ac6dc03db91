package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine makes foreign text fit for a log and a terminal: one line, no control or invisible characters, at most n bytes.
func OneLine(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
