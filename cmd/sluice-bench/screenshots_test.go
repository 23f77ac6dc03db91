package main

import (
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// corner returns how bright the page is at its corner, 0 to 65,535, and the size of its picture.
func corner(t *testing.T, path string) (bright uint32, size image.Point) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	r, g, b, _ := picture.At(2, 2).RGBA()
	return (r + g + b) / 3, picture.Bounds().Size()
}

// bothThemes looks at the pictures of a page.
func bothThemes(t *testing.T, dir string) {
	t.Helper()
	dark, size := corner(t, filepath.Join(dir, "report-dark.png"))
	light, other := corner(t, filepath.Join(dir, "report-light.png"))
	want := image.Pt(pictureWidth, pictureHeight)
	if size != want || other != want || dark > 0x4000 || light < 0xC000 {
		t.Errorf("a picture of %v with the brightness %#x and one of %v with %#x, want %v, a dark one and a light one", size, dark, other, light, want)
	}
}

func TestScreenshots(t *testing.T) {
	if _, err := lookUp(browsers); err != nil {
		skip(t, err.Error())
	}
	dir := t.TempDir()
	paths, err := writeReports(dir, resulttest.Fixture())
	if err != nil {
		t.Fatal(err)
	}
	all, err := screenshots(t.Context(), paths.HTML)
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	bothThemes(t, dir)
}

func TestABrowserThatTakesNoPicture(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"none":         {want: "install Chromium"},
		"fails":        {script: "#!/bin/sh\necho starting >&2\necho no display >&2\nexit 3\n", want: "exit status 3: no display"},
		"makes no png": {script: "#!/bin/sh\necho done\n", want: "no such file or directory: done"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "chromium"), []byte(c.script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			before := filepath.Join(dir, "report-dark.png")
			if err := os.WriteFile(before, []byte("an old picture"), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := screenshots(t.Context(), filepath.Join(dir, "report.html"))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, c.want)
			}
			if want := map[bool]int{true: exitUnavailable, false: exitFailure}[c.script == ""]; exitCode(err) != want {
				t.Errorf("exit code %d, want %d", exitCode(err), want)
			}
		})
	}
}

// The published run is a real one: what is shown of it follows from its raw results, by the command that its page prints.
func TestPublishedRun(t *testing.T) {
	t.Parallel()
	published := filepath.Join("..", "..", "docs", "quick-run")
	f, err := result.Read(filepath.Join(published, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if *update {
		dir = published
	}
	if _, err := writeReports(dir, f); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report.html", "trials.csv", "series.csv"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		want, errWant := os.ReadFile(filepath.Join(published, name))
		if err != nil || errWant != nil || string(got) != string(want) {
			t.Errorf("%s is not what follows from results.json (go test ./cmd/sluice-bench -update writes it anew): %v %v", name, err, errWant)
		}
	}
	page, err := os.ReadFile(filepath.Join(published, "report.html"))
	if command := "sluice-bench report results.json --screenshots"; err != nil || !strings.Contains(string(page), command) {
		t.Errorf("%v: the page does not say that %q makes it", err, command)
	}
	bothThemes(t, published)
	if f.Run.Profile != "quick" || f.Run.Partial != "" {
		t.Errorf("profile %q, partial %q, want a whole run of the quick profile", f.Run.Profile, f.Run.Partial)
	}
}
