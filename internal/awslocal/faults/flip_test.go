package faults

import (
	"math/bits"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestFlip: a text that a queue holds stays one, of the same length, and is another; of bytes one bit changes.
func TestFlip(t *testing.T) {
	t.Parallel()
	storable := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("\t\n\r a~ä€😀\ufffd\ud7ff")), rapid.RuneFrom([]rune("{}\"0z"))))
	rapid.Check(t, func(t *rapid.T) {
		s := storable.Draw(t, "text")
		got := Flip(s)
		if s == "" {
			if got != "" {
				t.Errorf("empty: got %q", got)
			}
			return
		}
		bad := strings.ContainsFunc(got, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0xFFFE || r == 0xFFFF })
		if got == s || len(got) != len(s) || !utf8.ValidString(got) || bad {
			t.Errorf("%q: got %q, want another text of the same length that a queue holds", s, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		b := append(rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "bytes"), 0xff)
		n, got := 0, Flip(string(b))
		for i := range b {
			n += bits.OnesCount8(b[i] ^ got[i])
		}
		if n != 1 || len(got) != len(b) {
			t.Errorf("%x: got %x, %d bits changed, want 1", b, got, n)
		}
	})
	if got := Flip("\n\t"); got != " \t" {
		t.Errorf("only control characters: got %q, want a space first", got)
	}
}
