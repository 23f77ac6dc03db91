package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNobodyTurnsOffTheCheckOfCertificates looks for the one word that does, in tests too.
func TestNobodyTurnsOffTheCheckOfCertificates(t *testing.T) {
	t.Parallel()
	word := "InsecureSkip" + "Verify"
	setting := regexp.MustCompile(word + `\s*[:=]`)
	for _, f := range files(t, root(t)) {
		if setting.MatchString(f.source) {
			t.Errorf("%s sets %s", f.path, word)
		}
	}
}

// TestSecurityNamesTestsThatExist reads the table of SECURITY.md: each threat has a test, and each test exists.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	home := root(t)
	doc, err := os.ReadFile(filepath.Join(home, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, f := range files(t, home) {
		for _, m := range declared.FindAllStringSubmatch(f.source, -1) {
			if f.isTest() {
				tests[m[1]] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	rows := 0
	for line := range strings.Lines(string(doc)) {
		if !regexp.MustCompile(`^\| T\d+ `).MatchString(line) {
			continue
		}
		rows++
		found := named.FindAllStringSubmatch(line, -1)
		if len(found) == 0 {
			t.Errorf("no test is named for %.60s", line)
		}
		for _, m := range found {
			if !tests[m[1]] {
				t.Errorf("there is no test %s, which is named for %.60s", m[1], line)
			}
		}
	}
	if rows < 12 {
		t.Errorf("%d threats in SECURITY.md, want the table", rows)
	}
}
