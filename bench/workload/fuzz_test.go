package workload_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/bench/workload"
)

// FuzzParse: nothing makes Parse panic, what is wrong is said in Problems, and what is right can be used.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"profiles/*.yaml", "../../examples/workloads/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s, %v", pattern, err)
		}
		for _, file := range files {
			doc, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(doc)
		}
	}
	for _, doc := range []string{"", "a: &a [*a]\n", "[[[[[[", "workload: 1\nphases: [{name: a, search: 1}]", "? {a: 1}\n: b\n", "!!binary x", "\xff\xfe", "%YAML 1.1\n---\n"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		w, err := workload.Parse(doc)
		if err != nil {
			var problems workload.Problems
			if !errors.As(err, &problems) || len(problems) == 0 || w != nil {
				t.Fatalf("got %v, %v, want Problems and no workload", w, err)
			}
			return
		}
		if len(w.Phases) == 0 || len(w.Transports) == 0 {
			t.Fatalf("%d phases, %d transports: want some of each", len(w.Phases), len(w.Transports))
		}
		for i, p := range w.Phases {
			if p.Kind == workload.Open && p.Rate()*p.Duration.Seconds() > 10_000_000 {
				t.Fatalf("phase %d offers %v/s for %v, beyond the bound", i, p.Rate(), p.Duration)
			}
			if p.Rate()*p.Duration.Seconds() > 1000 {
				continue
			}
			for j, at := range w.Arrivals(i, 0) {
				if at < 0 || at >= p.Duration {
					t.Fatalf("arrival %d at %v, want 0 to under %v", j, at, p.Duration)
				}
			}
		}
		if r := w.Records; r.Pool > 100 || r.Size.Max > 1000 || r.Size.Bytes > 10000 {
			return
		}
		if _, err := w.Pool([][]byte{{}}); err != nil {
			t.Fatalf("Pool: %v", err)
		}
	})
}
