package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// module is the path of the module in import clauses.
const module = "sluice"

// A file is one Go file of the module.
type file struct {
	path   string // relative to the root, with slashes
	source string
}

func (f file) folder() string { return path.Dir(f.path) }
func (f file) isTest() bool   { return strings.HasSuffix(f.path, "_test.go") }

// check returns what is wrong with a file, one sentence each that begins with its path.
func check(f file) []string {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, f.path, f.source, parser.SkipObjectResolution)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", f.path, err)}
	}
	var wrong []string
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return []string{fmt.Sprintf("%s: import %s: %v", f.path, spec.Path.Value, err)}
		}
		wrong = append(wrong, checkImport(f, imported)...)
	}
	if matches("transport/**", f.folder()) && !f.isTest() && f.folder() != "transport/transporttest" {
		for _, word := range standIn.FindAllString(f.source, -1) {
			if !strings.EqualFold(word, "localhost") {
				wrong = append(wrong, fmt.Sprintf("%s: says %q; product code does not know the stand-in", f.path, word))
			}
		}
	}
	if lines := strings.Count(f.source, "\n"); lines >= maxFileLines {
		wrong = append(wrong, fmt.Sprintf("%s: %d lines, want fewer than %d", f.path, lines, maxFileLines))
	}
	for _, decl := range tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			wrong = append(wrong, checkFunction(f, set, fn)...)
		}
	}
	return wrong
}

// standIn matches the words by which code would know our stand-in, and localhost, which is none of them.
var standIn = regexp.MustCompile(`(?i)localhost|[a-z]*local[a-z]*|\b(?:the|our) stand-?ins?\b|emulat[a-z]*|\bmoto\b`)

func checkImport(f file, imported string) []string {
	var wrong []string
	for _, r := range reserved() {
		if under(r.path, imported) && !anyMatches(r.folders, f.folder()) && (r.inTests || !f.isTest()) {
			wrong = append(wrong, fmt.Sprintf("%s: imports %s, which is for %s only: %s", f.path, imported, strings.Join(r.folders, ", "), r.why))
		}
	}
	for _, r := range banned() {
		if under(r.path, imported) && anyMatches(r.folders, f.folder()) && (r.inTests || !f.isTest()) {
			wrong = append(wrong, fmt.Sprintf("%s: imports %s: %s", f.path, imported, r.why))
		}
	}
	if !under(module, imported) {
		return wrong
	}
	target := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
	if matches("cmd/**", target) {
		return append(wrong, fmt.Sprintf("%s: imports %s: nobody imports a command", f.path, imported))
	}
	if f.isTest() {
		return wrong
	}
	for _, r := range rules() {
		if matches(r.folder, f.folder()) {
			if !anyMatches(r.may, target) {
				wrong = append(wrong, fmt.Sprintf("%s: imports %s; %s may import %s: %s", f.path, imported, r.folder, orNothing(r.may), r.why))
			}
			return wrong
		}
	}
	return wrong // checkPlace says so
}

// checkPlace reports a folder with Go files that the table does not know.
func checkPlace(folder string) []string {
	for _, r := range rules() {
		if matches(r.folder, folder) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: no rule of the import table is for this folder; add one", folder)}
}

func checkFunction(f file, set *token.FileSet, fn *ast.FuncDecl) []string {
	var wrong []string
	if fn.Name.Name == "init" && fn.Recv == nil {
		wrong = append(wrong, fmt.Sprintf("%s: has a func init; wiring is code that can be read", f.path))
	}
	lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
	if lines >= maxFunctionLines && !f.isTest() {
		wrong = append(wrong, fmt.Sprintf("%s: func %s has %d lines, want fewer than %d", f.path, fn.Name.Name, lines, maxFunctionLines))
	}
	return wrong
}

// under reports whether an import path is base or below it.
func under(base, imported string) bool {
	return imported == base || strings.HasPrefix(imported, base+"/")
}

// matches reports whether a folder fits a pattern of the table.
func matches(pattern, folder string) bool {
	switch base, isTree := strings.CutSuffix(pattern, "**"); {
	case pattern == "**":
		return true
	case isTree:
		return under(strings.TrimSuffix(base, "/"), folder)
	case strings.HasSuffix(pattern, "/*"):
		return path.Dir(folder) == strings.TrimSuffix(pattern, "/*")
	}
	return folder == pattern
}

func anyMatches(patterns []string, folder string) bool {
	for _, p := range patterns {
		if matches(p, folder) {
			return true
		}
	}
	return false
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing of this module"
	}
	return strings.Join(list, ", ")
}
