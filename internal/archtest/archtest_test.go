package archtest

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root finds the folder with the module's go.mod, upwards from here.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module "+module+"\n") {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("there is no go.mod of module " + module + " above this folder")
	}
}

// files reads every Go file of the module, and not those of modules inside it.
func files(t *testing.T, root string) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			inner := name != root && !errors.Is(err, fs.ErrNotExist)
			if inner || d.Name() == "testdata" || d.Name() == "vendor" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		all = append(all, file{filepath.ToSlash(rel), string(source)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestArchitecture(t *testing.T) {
	all := files(t, root(t))
	folders := map[string]bool{}
	for _, f := range all {
		folders[f.folder()] = true
		for _, wrong := range check(f) {
			t.Error(wrong)
		}
	}
	for folder := range folders {
		for _, wrong := range checkPlace(folder) {
			t.Error(wrong)
		}
	}
	for _, must := range []string{"transport", "ingest", "internal/config", "internal/awslocal", "internal/archtest"} {
		if !folders[must] {
			t.Errorf("folder %s was not read; the walk misses something", must)
		}
	}
}

// TestDaemonDoesNotLinkTheBenchmark: what only the benchmark may import must not come in by way of it either.
func TestDaemonDoesNotLinkTheBenchmark(t *testing.T) {
	folders := map[string][]file{}
	for _, f := range files(t, root(t)) {
		if !f.isTest() {
			folders[f.folder()] = append(folders[f.folder()], f)
		}
	}
	if got := linked(t, folders, "cmd/sluice-bench", "github.com/nats-io/nats-server"); len(got) == 0 {
		t.Error("the benchmark links no nats-server; this test looks for the wrong thing")
	}
	for _, f := range linked(t, folders, "cmd/sluice", "github.com/nats-io/nats-server") {
		t.Errorf("%s imports nats-server, and the daemon links it", f)
	}
}

// linked returns the files that import path, among those in the folder and all that it imports from this module.
func linked(t *testing.T, folders map[string][]file, folder, path string) (importers []string) {
	t.Helper()
	seen := map[string]bool{}
	for todo := []string{folder}; len(todo) > 0; todo = todo[1:] {
		if seen[todo[0]] {
			continue
		}
		seen[todo[0]] = true
		for _, f := range folders[todo[0]] {
			tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.source, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range tree.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				if under(path, imported) {
					importers = append(importers, f.path)
				}
				if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
					todo = append(todo, ours)
				}
			}
		}
	}
	return importers
}

func TestWalkReadsEveryFileThatIsOurs(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module sluice\n", "a.go": "package a\n", "x/y/b_test.go": "package b\n", "x/README.md": "", "x/testdata/c.go": "package c\n",
		"tools/go.mod": "module tools\n", "tools/d.go": "package d\n", ".git/e.go": "package e\n", "vendor/f/f.go": "package f\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := []file{{"a.go", "package a\n"}, {"x/y/b_test.go", "package b\n"}}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestEveryRuleIsBrokenByItsPlant(t *testing.T) {
	imports := func(paths ...string) string {
		return "package x\nimport (\n_ \"" + strings.Join(paths, "\"\n_ \"") + "\"\n)\n"
	}
	tests := []struct {
		name, path, source string
		want               string // part of the only sentence; empty: nothing is wrong
	}{
		{"a leaf imports", "internal/fault/x.go", imports("sluice/internal/secret"), "may import nothing of this module"},
		{"a leaf imports the standard library", "internal/fault/x.go", imports("errors"), ""},
		{"a driver imports another", "transport/sqs/x.go", imports("sluice/transport/apigateway"), "a driver knows no other driver"},
		{"a driver imports a source", "transport/sqs/x.go", imports("sluice/ingest"), "a driver knows no other driver and no source"},
		{"a driver imports the configuration", "transport/apigateway/x.go", imports("sluice/internal/config"), "may import transport, internal/fault"},
		{"an AWS driver imports what it may", "transport/sqs/x.go", imports("sluice/transport", "sluice/internal/fault", "sluice/internal/awscreds"), ""},
		{"another driver imports AWS credentials", "transport/jetstream/x.go", imports("sluice/internal/awscreds"), "transport/* may import"},
		{"a driver imports the stand-in", "transport/sqs/x.go", "package x\nimport \"sluice/internal/awslocal\"\n", "imports sluice/internal/awslocal"},
		{"its test may", "transport/sqs/x_test.go", imports("sluice/internal/awslocal"), ""},
		{"a driver mentions the stand-in", "transport/sqs/x.go", "package x\n// only for the stand-in\n", `says "the stand-in"`},
		{"a driver mentions it in other words", "transport/sqs/x.go", "package x\nvar useLocalStack = true\n", `says "useLocalStack"`},
		{"a driver knows localhost", "transport/sqs/x.go", "package x\nconst host = \"localhost\"\n", ""},
		{"the contract imports a driver", "transport/x.go", imports("sluice/transport/memory"), "the contract knows no driver"},
		{"the loop imports a source", "ingest/x.go", imports("sluice/ingest/httpapi"), "the loop knows contracts"},
		{"a source imports the transport", "ingest/httpapi/x.go", imports("sluice/transport"), "a source knows no other source"},
		{"the stand-in imports a leaf", "internal/awslocal/sqs/x.go", imports("sluice/internal/fault"), "the stand-in shares no code"},
		{"the stand-in imports itself", "internal/awslocal/sqs/x.go", imports("sluice/internal/awslocal/sigv4"), ""},
		{"telemetry imports a driver", "internal/telemetry/x.go", imports("sluice/transport/sqs"), "it listens"},
		{"the daemon's parts import what reads back", "ingest/x.go", imports("sluice/internal/readback"), "the loop knows contracts"},
		{"a benchmark imports a driver", "bench/x.go", imports("sluice/transport/sqs"), "it measures through the contract"},
		{"an example imports the module", "examples/earthquakes/x.go", imports("sluice/ingest"), "far side of the wire"},
		{"a command imports anything", "cmd/sluice/x.go", imports("sluice/internal/awslocal", "sluice/internal/drivers", "github.com/spf13/cobra"), ""},
		{"a command is imported", "bench/x.go", imports("sluice/cmd/sluice"), "nobody imports a command"},
		{"a command is imported by a test", "bench/x_test.go", imports("sluice/cmd/sluice"), "nobody imports a command"},
		{"a command is imported by a command", "cmd/sluice-bench/x.go", imports("sluice/cmd/sluice"), "nobody imports a command"},
		{"the root of the module is imported", "ingest/x.go", imports("sluice"), "the loop knows contracts"},
		{"a module with a name like ours", "ingest/x.go", imports("sluicegate/transport"), ""},
		{"the environment is read elsewhere", "ingest/httpapi/x.go", imports("github.com/kelseyhightower/envconfig"), "one package reads the environment"},
		{"the environment is read by a test elsewhere", "ingest/x_test.go", imports("github.com/kelseyhightower/envconfig"), "one package reads the environment"},
		{"metrics in a driver", "transport/sqs/x.go", imports("github.com/prometheus/client_golang/prometheus"), "one package makes metrics"},
		{"a broker in the daemon's parts", "internal/readback/x.go", imports("github.com/nats-io/nats-server/v2/server"), "a broker does not belong into the daemon"},
		{"a broker in a command", "cmd/sluice/x.go", imports("github.com/nats-io/nats-server/v2/server"), "a broker does not belong into the daemon"},
		{"a broker in the benchmark", "bench/farend/x.go", imports("github.com/nats-io/nats-server/v2/server"), ""},
		{"a broker in a test", "transport/jetstream/x_test.go", imports("github.com/nats-io/nats-server/v2/server"), ""},
		{"a broker's driver imports what it may", "transport/rabbitmq/x.go", imports("sluice/transport", "sluice/internal/fault", "sluice/internal/wire"), ""},
		{"the far ends know the drivers", "bench/farend/x.go", imports("sluice/transport/jetstream", "sluice/internal/drivers"), ""},
		{"a driver logs", "transport/sqs/x.go", imports("log/slog"), "who owns the loop logs"},
		{"a source logs", "ingest/httpapi/x.go", imports("log"), "who owns the loop logs"},
		{"the loop logs", "ingest/x.go", imports("log/slog"), ""},
		{"unsafe", "bench/x.go", imports("unsafe"), "nothing here needs it"},
		{"an init", "ingest/x.go", "package x\nfunc init() {}\n", "has a func init"},
		{"a method called init", "ingest/x.go", "package x\ntype t int\nfunc (t) init() {}\n", ""},
		{"a long file", "ingest/x.go", "package x\n" + strings.Repeat("//\n", 399), "400 lines, want fewer than 400"},
		{"a long test", "ingest/x_test.go", "package x\n" + strings.Repeat("//\n", 399), "400 lines, want fewer than 400"},
		{"a file that is just short enough", "ingest/x.go", "package x\n" + strings.Repeat("//\n", 398), ""},
		{"a long function", "ingest/x.go", "package x\nfunc f() {\n" + strings.Repeat("\n", 58) + "}\n", "func f has 60 lines"},
		{"a function that is just short enough", "ingest/x.go", "package x\nfunc f() {\n" + strings.Repeat("\n", 57) + "}\n", ""},
		{"a long function in a test", "ingest/x_test.go", "package x\nfunc f() {\n" + strings.Repeat("\n", 99) + "}\n", ""},
		{"no Go", "ingest/x.go", "packag x\n", "expected 'package'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := check(file{tt.path, tt.source})
			if tt.want == "" && len(got) > 0 {
				t.Errorf("got %q, want nothing wrong", got)
			}
			if tt.want != "" && (len(got) == 0 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.want) && strings.HasPrefix(s, tt.path+":") })) {
				t.Errorf("got %q, want a sentence that begins with %s and says %q", got, tt.path, tt.want)
			}
		})
	}
}

func TestNewFoldersNeedARule(t *testing.T) {
	for folder, want := range map[string]bool{"internal/util": true, "helpers": true, ".": true, "internal": true,
		"transport/nats": false, "ingest/file": false, "cmd/sluice": false, "bench": false, "internal/awslocal": false, "examples/earthquakes": false} {
		if got := len(checkPlace(folder)) > 0; got != want {
			t.Errorf("%s is without a rule: %v, want %v", folder, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, folder string
		want            bool
	}{
		{"a", "a", true}, {"a", "a/b", false}, {"a", "ab", false},
		{"a/*", "a/b", true}, {"a/*", "a", false}, {"a/*", "a/b/c", false}, {"a/*", "ab/c", false},
		{"a/**", "a", true}, {"a/**", "a/b/c", true}, {"a/**", "ab", false}, {"**", "anything/at/all", true},
	} {
		if got := matches(tt.pattern, tt.folder); got != tt.want {
			t.Errorf("matches(%q, %q) = %v, want %v", tt.pattern, tt.folder, got, tt.want)
		}
	}
}
