package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func sample() report {
	return report{At: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Took: 432 * time.Second, Machine: "a machine", Commit: "abc1234", Tally: enough()}
}

func TestTableFitsIntoATerminal(t *testing.T) {
	t.Parallel()
	table := sample().table()
	for _, text := range strings.Split(table, "\n") {
		if len(text) > 80 {
			t.Errorf("%d columns, want at most 80: %s", len(text), text)
		}
	}
	for _, want := range []string{"Commit abc1234, 23 November 2026, a machine, in 7m12s", "planted bugs caught", "1 of 1", "4,000 of at most 4,000",
		"1 h 6 min", "lost reply", "1,234,567"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestPagesAreWritten(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	page := "# Head\n\n<!-- begin: run -->\nthe last one\n<!-- end: run -->\n\nbetween\n\n<!-- begin: bugs -->\n<!-- end: bugs -->\n"
	if err := os.WriteFile(filepath.Join(root, trackRecord), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time finds what the first has written
		if err := errors.Join(rewrite(root, "bugs", bugTable()), sample().writePages(root)); err != nil {
			t.Fatal(err)
		}
	}
	record, _ := os.ReadFile(filepath.Join(root, trackRecord))
	for _, want := range []string{"# Head\n", "\nbetween\n", "| duplicates | 4,000 of at most 4,000 |", "| is wrong | `ingest.TestY` |", "-plant " + found[0].name} {
		if n := strings.Count(string(record), want); n != 1 {
			t.Errorf("%q stands %d times in\n%s", want, n, record)
		}
	}
	if strings.Contains(string(record), "the last one") {
		t.Error("what was there before is still there")
	}
	matrix, _ := os.ReadFile(filepath.Join(root, faultMatrix))
	if want := "## sqs\n\n| Fault | Action | Reason code | Test |\n|---|---|---|---|\n| a\\|b | retry | `network` | `transport/sqs.TestX/a` |\n"; !strings.HasSuffix(string(matrix), want) {
		t.Errorf("the matrix ends\n%s\nwant\n%s", matrix, want)
	}
}

// TestTrackRecordNamesEveryBug: the list of bugs on the page is the one in the source.
func TestTrackRecordNamesEveryBug(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(mustRoot(t), trackRecord))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), bugTable()) {
		t.Errorf("%s does not hold the list of bugs in internal/prove/found.go; run 'make prove'", trackRecord)
	}
}

var (
	testName = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	setting  = regexp.MustCompile("`(SLUICE_[A-Z_]+)=([^`]+)`")
	promise  = regexp.MustCompile(`(?m)^### P(\d+) `)
)

// TestGuaranteesCannotDrift: the tests that the page names exist, every promise has one and a bug that breaks it, and the
// numbers beside settings are their defaults.
func TestGuaranteesCannotDrift(t *testing.T) {
	t.Parallel()
	root := mustRoot(t)
	data, err := os.ReadFile(filepath.Join(root, "docs/guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(root, "docs/configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	tests, err := testFunctions(root, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range testName.FindAllStringSubmatch(page, -1) {
		if !slices.Contains(tests[m[1]], m[2]) {
			t.Errorf("there is no test %s in %s", m[2], m[1])
		}
	}
	for _, m := range setting.FindAllStringSubmatch(page, -1) {
		if m[2] != "key" && !strings.Contains(string(settings), "| `"+m[1]+"` | `"+m[2]+"` |") { // key: one asks for it
			t.Errorf("the default of %s is not %s", m[1], m[2])
		}
	}
	places := promise.FindAllStringSubmatchIndex(page, -1)
	if len(places) != 16 {
		t.Fatalf("%d promises, want 16", len(places))
	}
	for i, at := range places {
		end := len(page)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		name, text := "P"+page[at[2]:at[3]], page[at[0]:end]
		if !testName.MatchString(text) {
			t.Errorf("%s names no test", name)
		}
		if !slices.ContainsFunc(plants(), func(p plant) bool { return slices.Contains(strings.Fields(p.breaks), name) }) {
			t.Errorf("no planted bug breaks %s", name)
		}
	}
}
