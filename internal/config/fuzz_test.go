package config

import (
	"strings"
	"testing"
)

// FuzzEnvFile: no text makes the parser panic, names and values can be set, errors name a line that exists, and every value
// that quoted writes is read back the same.
func FuzzEnvFile(f *testing.F) {
	for _, seed := range []string{"A=b", "export A='b\n'", `A="\n\"" # c`, "A=b#c\nB= # d", "\ufeffA=1\r\nB=\"", "A='", "=", "#", "A=\"\\", "A B=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		vars, err := parseEnv(text)
		if at, ok := err.(*lineError); ok {
			if lines := strings.Count(text, "\n") + 1; at.line < 1 || at.line > lines {
				t.Errorf("the error is in line %d of %d", at.line, lines)
			}
		}
		for _, v := range vars {
			if !isName(v.name) || strings.ContainsRune(v.value, 0) {
				t.Errorf("%q = %q cannot be set", v.name, v.value)
			}
			again, err := parseEnv("A=" + quoted(v.value) + "\n# end")
			if err != nil || len(again) != 1 || again[0].value != v.value {
				t.Errorf("%q is written as %q and read back as %q (%v)", v.value, quoted(v.value), again, err)
			}
		}
	})
}
