package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"sluice/bench/experiment"
	"sluice/bench/report"
	"sluice/bench/result"
)

// writeResults writes the files of a run into a folder, which it makes.
func writeResults(dir string, f *result.File) (report.Paths, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return report.Paths{}, fmt.Errorf("make the folder for the results: %w", err)
	}
	path := filepath.Join(dir, "results.json")
	if err := writeFile(path, f.Write); err != nil {
		return report.Paths{}, err
	}
	paths, err := writeReports(dir, f)
	paths.Results = path
	return paths, err
}

// writeReports writes what can be made of results.
func writeReports(dir string, f *result.File) (report.Paths, error) {
	paths := report.Paths{Trials: filepath.Join(dir, "trials.csv"), Series: filepath.Join(dir, "series.csv"), HTML: filepath.Join(dir, "report.html")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return paths, fmt.Errorf("make the folder for the reports: %w", err)
	}
	for _, file := range []struct {
		path  string
		write func(io.Writer, *result.File) error
	}{{paths.Trials, report.TrialsCSV}, {paths.Series, report.SeriesCSV}, {paths.HTML, report.HTML}} {
		if err := writeFile(file.path, func(w io.Writer) error { return file.write(w, f) }); err != nil {
			return paths, err
		}
	}
	return paths, nil
}

// writeFile writes a file in one piece: an earlier one of that name is whole until this one is.
func writeFile(path string, write func(io.Writer) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".sluice-bench-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name())
	if err = write(temporary); err == nil {
		err = temporary.Chmod(0o644)
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
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

// A bar shows how far the run is, on a terminal only.
type bar struct {
	out   io.Writer
	shown bool
}

func newBar(out io.Writer) *bar {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bar{out: out}
	}
	return &bar{}
}

func (b *bar) show(e experiment.Event) {
	if b.out == nil || e.Done == e.Total {
		return
	}
	const width = 30
	full := width * e.Done / e.Total
	fmt.Fprintf(b.out, "[%s%s] trial %d of %d, about %v left", strings.Repeat("#", full), strings.Repeat(".", width-full), e.Done+1, e.Total, e.Left.Round(time.Second))
	b.shown = true
}

func (b *bar) clear() {
	if b.shown {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.shown = false
	}
}
