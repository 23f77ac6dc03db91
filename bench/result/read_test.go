package result_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

func write(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "results.json")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileSurvivesItsText(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	back, err := result.Read(write(t, string(encoded(t, f))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("after writing and reading (-before +after):\n%s", diff)
	}
}

func TestDamagedFilesAreNotRead(t *testing.T) {
	t.Parallel()
	good := string(encoded(t, resulttest.Fixture()))
	for name, c := range map[string]struct{ data, want string }{
		"empty":            {"", "not a results.json"},
		"a workload":       {"workload: 1\n", "not a results.json"},
		"cut off":          {good[:len(good)/2], "not a results.json"},
		"another schema":   {strings.Replace(good, "bench/1", "bench/9", 1), `"bench/9"`},
		"an unknown field": {strings.Replace(good, `"schema"`, `"colour": 1, "schema"`, 1), "colour"},
		"a wrong type":     {strings.Replace(good, `"seed": 42`, `"seed": "x"`, 1), "seed"},
		"two files":        {good + good, "not a results.json"},
		"something after":  {good + "x", "not a results.json"},
		"an unknown kind":  {strings.Replace(good, `"kind": "stand-in"`, `"kind": "AWS"`, 1), `"AWS" in targets[1].kind, want one of aws, stand-in`},
	} {
		_, err := result.Read(write(t, c.data))
		var damaged *result.Damaged
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a damaged file and %q", name, err, c.want)
		}
	}
	var damaged *result.Damaged
	if _, err := result.Read(filepath.Join(t.TempDir(), "none.json")); err == nil || errors.As(err, &damaged) {
		t.Errorf("a missing file: got %v, want an error that does not call it damaged", err)
	}
}

func TestWhatJSONCannotSayIsAnError(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials[0].USD = math.NaN()
	if err := f.Write(&strings.Builder{}); err == nil {
		t.Error("NaN was written")
	}
}

// An edited file must not open a gate, lose its banner, or break a report half-way: each edit is named with its place.
func TestWhatNoRunSaysIsDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*result.File)
		want string
	}{
		"a negative count":           {func(f *result.File) { f.Trials[3].Audit.Lost = -3 }, "has -3 in trials[3].audit.lost, want 0 or more"},
		"a negative count in a map":  {func(f *result.File) { f.Trials[0].Errors = map[string]int{"x": -1} }, `has -1 in trials[0].errors["x"]`},
		"a negative price":           {func(f *result.File) { f.Trials[1].USD = -0.5 }, "has -0.5 in trials[1].usd"},
		"a negative billable unit":   {func(f *result.File) { f.Trials[1].Units.Send = -1 }, "has -1 in trials[1].billable.sqs_send"},
		"a negative latency":         {func(f *result.File) { f.Trials[2].Phases[0].Latency.Accept.P99 = new(-1.0) }, "has -1 in trials[2].phases[0].latency.accept.p99"},
		"a negative pair":            {func(f *result.File) { f.Comparisons[0].Values[0][1] = -1 }, "has -1 in comparisons[0].values[0][1]"},
		"no targets":                 {func(f *result.File) { f.Targets = nil; f.Comparisons = nil; f.Searches = nil }, `has no target for the transport "memory" of trials[0]`},
		"a search without a target":  {func(f *result.File) { f.Searches[0].Transport = "x" }, `has no target for the transport "x" of searches[0]`},
		"a comparison without a far": {func(f *result.File) { f.Comparisons[0].B = "x" }, `has no target for the transport "x" of comparisons[0]`},
		"two targets of one":         {func(f *result.File) { f.Targets = append(f.Targets, f.Targets[1]) }, `has a second target of "sqs" in targets[5]`},
		"another workload":           {func(f *result.File) { f.Workload.Doc += " " }, "workload.sha256"},
		"no price book":              {func(f *result.File) { f.PriceBook.Doc = "" }, "price_book.doc that cannot be read: the file is empty"},
		"half a price book":          {func(f *result.File) { f.PriceBook.Doc = "book: 1\nid: x\n" }, "price_book.doc that cannot be read"},
		"garbage for a histogram":    {func(f *result.File) { f.Trials[4].Phases[1].HDR.Late = "HISTFAAA?" }, "has no histogram in trials[4].phases[1].hdr.late_send"},
	} {
		f := resulttest.Fixture()
		c.edit(f)
		_, err := result.Read(write(t, string(encoded(t, f))))
		var damaged *result.Damaged
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want a damaged file and %q in one line", name, err, c.want)
		}
	}
}

func TestWhatMayBeBelowZeroIsRead(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials[0].Phases[0].Series[1].Backlog = -4 // the consumer was faster than the reply
	f.Trials[0].Phases[0].Checks[0].Value = -0.1
	f.Searches[0].Steps[9].BacklogSlope = -2
	f.Searches[0].USL.R2 = -1
	text := encoded(t, f)
	if _, err := result.Read(write(t, string(text))); err != nil {
		t.Error(err)
	}
	if err := resulttest.Valid(text); err != nil {
		t.Errorf("the schema: %v", err)
	}
}

func BenchmarkRead(b *testing.B) {
	f := resulttest.Fixture()
	var text strings.Builder
	if err := f.Write(&text); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "results.json")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := result.Read(path); err != nil {
			b.Fatal(err)
		}
	}
}
