package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestLegibleJSONHasNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"plain ü 日本 👩\u200d🚀", "\x1b[2J\u009b31m\x7f\x07", "\u202e\u2066\u2028\u2029\ufeff", "\U000e0041 tag", "\r\n\t\b", "\xff\xfe"} {
		data, err := json.MarshalIndent(map[string]string{"item": text}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := legible(string(data))
		if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q: %q is left at byte %d", text, got[i:], i)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back["item"] != strings.ToValidUTF8(strings.ReplaceAll(text, "\xff\xfe", "\ufffd\ufffd"), "\ufffd") {
			t.Errorf("%q: reads back as %q, %v", text, back["item"], err)
		}
	}
}
