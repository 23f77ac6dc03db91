package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// fold breaks text between words into lines that, behind an indent of so many columns, keep to the screen. A word that is
// longer than a line stays whole where it is: it may be an address that somebody copies.
func fold(text string, indent int) string {
	var out strings.Builder
	column := indent
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i > 0 && column+1+n > screen && indent+n <= screen:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		case i > 0:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}

// shortCursor is a cursor on one line of so many columns: of a long one the two ends.
func shortCursor(cursor string, columns int) string {
	if cursor == "" {
		return "(the beginning)"
	}
	text := []rune(oneLine([]byte(cursor), len(cursor)))
	if len(text) <= columns {
		return string(text)
	}
	said := fmt.Sprintf(" (%s)", count(len(cursor), "byte", "bytes"))
	room := max(columns-len(said)-len("…")+2, 2)
	return string(text[:room-room/2]) + "…" + string(text[len(text)-room/2:]) + said
}
