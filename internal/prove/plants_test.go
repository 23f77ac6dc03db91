package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func mustRoot(t *testing.T) string {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestPlantsFit: every bug still has its place in the source, and a test to catch it.
func TestPlantsFit(t *testing.T) {
	t.Parallel()
	root := mustRoot(t)
	tests, err := testFunctions(root, "Test")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range plants() {
		if _, err := p.apply(root); err != nil {
			t.Error(err)
		}
		if seen[p.name] {
			t.Errorf("two plants are called %s", p.name)
		}
		seen[p.name] = true
		if p.bug == "" || !regexp.MustCompile(`^P\d+( P\d+)*$`).MatchString(p.breaks) {
			t.Errorf("plant %s says %q, and that it breaks %q", p.name, p.bug, p.breaks)
		}
		if !slices.Contains(tests[p.pkg], p.test) {
			t.Errorf("plant %s is to be caught by %s in %s, which is not there", p.name, p.test, p.pkg)
		}
	}
}

var mention = regexp.MustCompile(`\bI[1-5]\b`)

// TestEveryInvariantHasTeeth: where a function says that it upholds an invariant, a bug is planted in it, on that very line if
// the comment stands beside one.
func TestEveryInvariantHasTeeth(t *testing.T) {
	t.Parallel()
	root := mustRoot(t)
	byFile := map[string][]plant{}
	for _, p := range plants() {
		byFile[p.file] = append(byFile[p.file], p)
	}
	mentions := 0
	for _, folder := range []string{"ingest", "transport", "transport/sqs", "transport/apigateway", "transport/jetstream", "transport/rabbitmq"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			n, missing := toothless(t, name, byFile[filepath.ToSlash(rel)])
			mentions += n
			for _, m := range missing {
				t.Errorf("%s: %s names an invariant, and no planted bug breaks it there", rel, m)
			}
		}
	}
	if mentions < 10 {
		t.Errorf("only %d mentions of invariants were found; the search misses something", mentions)
	}
}

// toothless returns how many functions or lines of the file name an invariant, and those without a plant.
func toothless(t *testing.T, name string, there []plant) (mentions int, missing []string) {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	planted := func(from, to int) bool {
		return slices.ContainsFunc(there, func(p plant) bool {
			i := bytes.Index(source, []byte(p.old))
			return i >= 0 && i < to && i+len(p.old) > from
		})
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		from, to := fset.Position(f.Pos()).Offset, fset.Position(f.End()).Offset
		if f.Doc != nil && mention.MatchString(f.Doc.Text()) {
			mentions++
			if !planted(from, to) {
				missing = append(missing, "func "+f.Name.Name)
			}
		}
		for _, group := range file.Comments {
			at := fset.Position(group.Pos()).Offset
			if at < from || at >= to || !mention.MatchString(group.Text()) {
				continue
			}
			mentions++
			begin := bytes.LastIndexByte(source[:at], '\n') + 1
			end := fset.Position(group.End()).Offset
			if len(bytes.TrimSpace(source[begin:at])) == 0 { // it stands above its line
				end += 1 + max(0, bytes.IndexByte(source[end+1:], '\n'))
			}
			if !planted(begin, end) {
				missing = append(missing, fmt.Sprintf("line %d", fset.Position(group.Pos()).Line))
			}
		}
	}
	return mentions, missing
}

// toy makes a module with two functions, and a test for one of them.
func toy(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module sluice\n\ngo 1.26\n",
		"a/a.go":      "package a\n\nfunc Two() int { return 2 }\n\nfunc Three() int { return 3 }\n",
		"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() == 0 {\n\t\tt.Skip(\"not here\")\n\t}\n\tif Two() != 2 {\n\t\tt.Error(\"not two\")\n\t}\n}\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestTry plants a bug into a module of its own: caught, got through, does not compile, moved away, panics, and a test
// that cannot run here.
func TestTry(t *testing.T) {
	t.Parallel()
	root := toy(t)
	for name, c := range map[string]struct {
		old, new string
		by, fail string
	}{
		"caught":           {"return 2", "return 4", "a.TestTwo", ""},
		"panics":           {"return 2", "panic(2)", "a.TestTwo", ""},
		"cannot run here":  {"return 2", "return 0", "", ""},
		"gets through":     {"return 3", "return 4", "", ""},
		"does not compile": {"return 2", "return two", "", "does not compile"},
		"has moved":        {"return 5", "return 4", "", "stands 0 times"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plant{name: "x", file: "a/a.go", old: c.old, new: c.new, pkg: "a", test: "TestTwo"}
			r, err := p.try(context.Background(), root, new(bytes.Buffer))
			if got := fmt.Sprint(err); c.fail != "" && !strings.Contains(got, c.fail) || c.fail == "" && err != nil {
				t.Errorf("error %q, want %q", got, c.fail)
			}
			if r.by != c.by || r.caught != (c.by != "") {
				t.Errorf("caught by %q, want %q", r.by, c.by)
			}
			if want := name == "cannot run here"; r.skipped != want {
				t.Errorf("skipped: %v, want %v", r.skipped, want)
			}
		})
	}
	if text, err := os.ReadFile(filepath.Join(root, "a/a.go")); err != nil || !strings.Contains(string(text), "return 2") {
		t.Errorf("the source is %q (%v), want it untouched", text, err)
	}
}

// TestWhatCannotBeTriedHereIsToldOf: a test that skips itself says nothing about its bug, neither that it is caught nor that it got
// through.
func TestWhatCannotBeTriedHereIsToldOf(t *testing.T) {
	t.Parallel()
	at := plant{file: "a/a.go", pkg: "a", test: "TestTwo", old: "return 2"}
	caught, skipped := at, at
	caught.name, caught.new = "caught", "return 4"
	skipped.name, skipped.new = "skipped", "return 0"
	total, out := newTally(), new(bytes.Buffer)
	missed, err := plantAll(context.Background(), toy(t), []plant{caught, skipped}, total, out)
	if err != nil || len(missed) > 0 {
		t.Errorf("got through: %q, %v; want none", missed, err)
	}
	if len(total.plants) != 1 || total.plants[0].name != "caught" {
		t.Errorf("counted: %v, want the one that was caught", total.plants)
	}
	if !strings.Contains(out.String(), "SKIP  skipped") {
		t.Errorf("said %q, want a word on what was skipped", out)
	}
}
