package telemetry

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever text comes from outside, what is shown is one clean line that is short enough, and no more than was there.
func FuzzTextSanitize(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\nb\r\nc", "\x1b[2J", "\xff\xfe", "\u202eabc", "a\u2028b", strings.Repeat("é", 600), "\x00\x00x"} {
		f.Add(seed, 500)
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 0 || most > 1<<16 {
			return
		}
		got := Sanitize(text, most)
		if len(got) > most || !utf8.ValidString(got) {
			t.Errorf("%q cut at %d: %d bytes, %q", text, most, len(got), got)
		}
		for _, c := range got {
			if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' {
				t.Errorf("%q: %U is left in %q", text, c, got)
			}
		}
		if again := Sanitize(got, most); again != got {
			t.Errorf("%q: %q, and done again %q", text, got, again)
		}
	})
}
