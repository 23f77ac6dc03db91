package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// testFunctions returns the names of the functions in the test files of the module that begin with prefix, by folder.
func testFunctions(root, prefix string) (map[string][]string, error) {
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || len(d.Name()) > 1 && d.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, prefix) {
				found[filepath.ToSlash(rel)] = append(found[filepath.ToSlash(rel)], f.Name.Name)
			}
		}
		return nil
	})
	return found, err
}

// fuzzTargets returns the packages that have any, in the order of their names.
func fuzzTargets(root string) ([]fuzzPackage, error) {
	found, err := testFunctions(root, "Fuzz")
	if err != nil {
		return nil, err
	}
	var all []fuzzPackage
	for _, folder := range slices.Sorted(maps.Keys(found)) {
		all = append(all, fuzzPackage{folder, slices.Sorted(slices.Values(found[folder]))})
	}
	return all, nil
}
