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
