package faults

import "unicode/utf8"

// Flip returns body with one bit changed, as near to its middle as can be. Its length stays, and what was UTF-8 that a
// queue can hold still is: the bit is the last one of a character that is no control character. A body without such a
// character gets a space for its first byte; an empty one stays empty.
func Flip(body string) string {
	if body == "" {
		return body
	}
	b := []byte(body)
	if !utf8.Valid(b) {
		b[len(b)/2] ^= 1
		return string(b)
	}
	for n := range len(b) {
		i := (len(b)/2 + n) % len(b)
		last := i == len(b)-1 || utf8.RuneStart(b[i+1])
		if last && b[i] >= ' ' {
			b[i] ^= 1
			return string(b)
		}
	}
	b[0] = ' '
	return string(b)
}
