package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// legible writes JSON so that a terminal obeys nothing in it: what does not print, such as the control characters that JSON
// lets through and those that change the direction of text, is escaped. The value stays the same: such characters stand in
// strings only.
func legible(data string) string {
	var out strings.Builder
	for _, r := range data {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}
