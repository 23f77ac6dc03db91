package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"sluice/bench/experiment"
	"sluice/bench/report"
	"sluice/bench/result"
)

// writable reports whether a folder can be written to, or made. It leaves nothing behind.
func writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		if errors.Is(err, os.ErrNotExist) {
			dir = filepath.Dir(dir)
			continue
		}
		if err == nil && !info.IsDir() {
			return fmt.Errorf("--out: %s is a file; name a folder", dir)
		}
		if err == nil {
			var probe *os.File
			if probe, err = os.CreateTemp(dir, ".sluice-bench-*"); err == nil {
				return errors.Join(probe.Close(), os.Remove(probe.Name()))
			}
		}
		return fmt.Errorf("--out: the results cannot be written: %w", err)
	}
}

// writeResults writes the files of a run into a folder, which it makes. The results themselves are there even if the
// reports cannot be written.
func writeResults(dir string, f *result.File) (report.Paths, error) {
	path := filepath.Join(dir, "results.json")
	if err := write(dir, document{path, f.Write}); err != nil {
		return report.Paths{}, err
	}
	_ = os.Remove(partial(dir)) // a program that was killed leaves one, too
	paths, err := writeReports(dir, f)
	paths.Results = path
	if err != nil {
		err = fmt.Errorf("%w; 'sluice-bench report %s' makes the reports", err, quoted(path))
	}
	return paths, err
}

// partial is where the results are while a run lasts, for the case that it does not end by itself.
func partial(dir string) string { return filepath.Join(dir, "results.partial.json") }

// writePartial writes what there is so far.
func writePartial(dir string, f result.File) error {
	f.Run.Partial = "the run did not come to its end"
	f.Comparisons = experiment.Compare(&f)
	return write(dir, document{partial(dir), f.Write})
}

// writeReports writes what can be made of results.
func writeReports(dir string, f *result.File) (report.Paths, error) {
	paths := report.Paths{Trials: filepath.Join(dir, "trials.csv"), Series: filepath.Join(dir, "series.csv"), HTML: filepath.Join(dir, "report.html")}
	of := func(make func(io.Writer, *result.File) error) func(io.Writer) error {
		return func(w io.Writer) error { return make(w, f) }
	}
	return paths, write(dir, document{paths.Trials, of(report.TrialsCSV)}, document{paths.Series, of(report.SeriesCSV)}, document{paths.HTML, of(report.HTML)})
}

// A document is a file that is to be written.
type document struct {
	path string
	make func(io.Writer) error
}

// write writes all documents or, if one cannot be written, none: earlier ones of their names stay whole until all new ones
// are there.
func write(dir string, documents ...document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- results are for everybody
		return fmt.Errorf("make the folder for the results: %w", err)
	}
	ready := make([]string, len(documents))
	for i, d := range documents {
		temporary, err := d.write(dir)
		if err != nil {
			return fmt.Errorf("write %s: %w", d.path, err)
		}
		defer os.Remove(temporary)
		ready[i] = temporary
	}
	for i, d := range documents {
		if err := os.Rename(ready[i], d.path); err != nil {
			return fmt.Errorf("write %s: %w", d.path, err)
		}
	}
	return nil
}

// write writes the document into a temporary file, and returns its name.
func (d document) write(dir string) (string, error) {
	temporary, err := os.CreateTemp(dir, ".sluice-bench-*")
	if err != nil {
		return "", err
	}
	if err = d.make(temporary); err == nil {
		err = temporary.Chmod(0o644)
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temporary.Name()))
	}
	return temporary.Name(), nil
}

// columns is the width of the terminal, if out is one.
func columns(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 80
}
