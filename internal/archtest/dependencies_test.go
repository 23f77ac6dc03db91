package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	direct  = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`) // a line of go.mod without "// indirect"
	listed  = regexp.MustCompile("(?m)^\\| `(\\S+)` \\| ([^|]+) \\| ([^|]*)\\| ([^|]+) \\|$")
	allowed = regexp.MustCompile(`^(Apache-2\.0|MIT|BSD-[23]-Clause|MIT and Apache-2\.0)$`)
)

// TestDependenciesAreListed: every module in go.mod is in docs/dependencies.md with what it is for, where it is linked, and a
// licence that goes with ours. What only tests use may have another.
func TestDependenciesAreListed(t *testing.T) {
	root := root(t)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string][]file{}
	for _, f := range files(t, root) {
		if !f.isTest() {
			folders[f.folder()] = append(folders[f.folder()], f)
		}
	}
	needed := map[string]bool{}
	for _, m := range direct.FindAllStringSubmatch(string(mod), -1) {
		needed[m[1]] = true
	}
	if len(needed) < 20 {
		t.Fatalf("%d modules were found in go.mod; the search misses something", len(needed))
	}
	for _, m := range listed.FindAllStringSubmatch(string(page), -1) {
		name, where, licence := m[1], strings.TrimSpace(m[3]), m[4]
		if !needed[name] {
			t.Errorf("%s is listed and not in go.mod", name)
		}
		delete(needed, name)
		daemon := len(linked(t, folders, "cmd/sluice", name)) > 0
		bench := len(linked(t, folders, "cmd/sluice-bench", name)) > 0
		want := map[[2]bool]string{{true, true}: "both", {true, false}: "`sluice`", {false, true}: "`sluice-bench`"}[[2]bool{daemon, bench}]
		if where != want {
			t.Errorf("%s is listed as imported by %q, and is by %q", name, where, want)
		}
		if where != "" && !allowed.MatchString(licence) {
			t.Errorf("%s has the licence %s, which is none of those that we link", name, licence)
		}
	}
	for name := range needed {
		t.Errorf("%s is in go.mod and not in docs/dependencies.md", name)
	}
}
