package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWhatTheShortFormLeavesOutIsRun: a test that skips itself under -short has to be run by CI in another step.
func TestWhatTheShortFormLeavesOutIsRun(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	var whole []string // packages of which CI runs everything
	for line := range strings.Lines(string(ci)) {
		if words := strings.Fields(line); strings.HasPrefix(line, "go test ") && !slices.Contains(words, "-short") && !slices.Contains(words, "-run") {
			whole = append(whole, words...)
		}
	}
	condition := "testing" + ".Short()" // in two, or this file would have it
	leaving := map[string]bool{}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == ".git" {
			return errorOrSkip(err)
		}
		test, script := strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".txtar")
		if !test && !script {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if test && strings.Contains(string(text), condition) || script && strings.Contains("\n"+string(text), "\n[short]") {
			folder, _, _ := strings.Cut(filepath.ToSlash(filepath.Dir(name)), "/testdata")
			rel, err := filepath.Rel(root, folder)
			if err != nil {
				return err
			}
			leaving["./"+filepath.ToSlash(rel)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(leaving) == 0 {
		t.Error("no package leaves anything out under -short, which is not so")
	}
	for folder := range leaving {
		if !slices.Contains(whole, folder) {
			t.Errorf("%s leaves tests out under -short, and no step of .ci/run runs all of them; it runs all of %q", folder, whole)
		}
	}
}

// errorOrSkip says to leave a folder out, if nothing is wrong.
func errorOrSkip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}
