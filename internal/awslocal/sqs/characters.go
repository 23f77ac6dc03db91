package sqs

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// badCharacter returns the first character of s that SQS does not let into a message, such as "#x0", and false if there
// is none. SQS: #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF. s is valid UTF-8 on this side of
// the decoders.
func badCharacter(s string) (string, bool) {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
				return fmt.Sprintf("#x%X", c), true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && n == 1 {
			return fmt.Sprintf("#x%X", r), true
		}
		i += n
	}
	return "", false
}

// isID reports whether s can be a message group id, a deduplication id or a receive attempt id.
// SQS: 1 to 128 letters, digits and ASCII punctuation; no space.
func isID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// loneSurrogate reports whether the JSON text has an escaped half of a surrogate pair without the other half. The decoder
// would turn it into U+FFFD, which is an allowed character, and so store something nobody sent.
func loneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		text = text[i:]
		unit, ok := escapedUnit(text)
		switch {
		case !ok:
			text = text[2:] // another escape
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			low, ok := escapedUnit(text[6:])
			if !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			text = text[12:]
		default:
			text = text[6:]
		}
	}
}

// escapedUnit reads the \uXXXX that text begins with.
func escapedUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		unit <<= 4
		switch {
		case '0' <= c && c <= '9':
			unit |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			unit |= rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			unit |= rune(c-'A') + 10
		default:
			return 0, false
		}
	}
	return unit, true
}
