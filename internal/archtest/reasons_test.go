package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/fault"
)

// untold are folders whose reasons no operator of the daemon sees: the benchmark, what only tests use, the far sides.
var untold = []string{"bench/**", "cmd/sluice-bench", "transport/transporttest", "ingest/sourcetest", "internal/awslocal/**",
	"internal/readback", "examples/**", "internal/fault"}

// unnamed are files that may make a fault.Error without a reason: its result is never told, because the records of it are
// sent again or the daemon ends.
var unnamed = []string{"transport/attempt.go", "transport/deliverer.go", "transport/lane.go"}

// A use is a reason code in the sources, with the class beside it if there is one.
type use struct{ code, class, where string }

// reasonsOf returns the reason codes of the files of one package, and the places where a fault.Error has none. A code is
// the value of a field Reason, what is assigned to one, the text that follows a class (fault.Blocked, "x"), and the first
// argument of a function called rejected or refuse.
func reasonsOf(files []file) (uses []use, without []string) {
	set := token.NewFileSet()
	constants := map[string]string{}
	var trees []*ast.File
	for _, f := range files {
		tree, err := parser.ParseFile(set, f.path, f.source, parser.SkipObjectResolution)
		if err != nil {
			continue // check says so
		}
		trees = append(trees, tree)
		ast.Inspect(tree, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, value := range spec.Values {
					if text, ok := literal(value, nil); ok {
						constants[spec.Names[i].Name] = text
					}
				}
			}
			return true
		})
	}
	add := func(e ast.Expr, class string) {
		if code, ok := literal(e, constants); ok && code != "" {
			uses = append(uses, use{code, class, set.Position(e.Pos()).String()})
		}
	}
	pairs := func(list []ast.Expr) {
		for i := 1; i < len(list); i++ {
			if class := className(list[i-1]); class != "" {
				add(list[i], class)
			}
		}
	}
	for _, tree := range trees {
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				pairs(n.Elts)
				named := false
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && name(kv.Key) == "Reason" {
						named = true
						add(kv.Value, "")
					}
				}
				if s, ok := n.Type.(*ast.SelectorExpr); ok && name(s.X) == "fault" && s.Sel.Name == "Error" && !named {
					without = append(without, set.Position(n.Pos()).String())
				}
			case *ast.CallExpr:
				pairs(n.Args)
				if class, is := map[string]string{"rejected": "rejected", "refuse": "blocked"}[name(n.Fun)]; is && len(n.Args) > 0 {
					add(n.Args[0], class)
				}
			case *ast.ReturnStmt:
				pairs(n.Results)
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "Reason" && i < len(n.Rhs) {
						add(n.Rhs[i], "")
					}
				}
				if len(n.Lhs) == 1 && name(n.Lhs[0]) == "reason" {
					add(n.Rhs[0], "")
				}
			}
			return true
		})
	}
	return uses, without
}

// literal is the text of a string literal, or of a constant of the package.
func literal(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.Ident:
		text, ok := constants[e.Name]
		return text, ok
	}
	return "", false
}

func name(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// className returns the name of the class that e is, or "".
func className(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if ok && name(s.X) == "fault" && slices.Contains([]string{"Transient", "Throttled", "Rejected", "Blocked"}, s.Sel.Name) {
		return strings.ToLower(s.Sel.Name)
	}
	return ""
}

// The catalogue in internal/fault is complete, and has nothing that does not happen.
func TestReasonsAreThoseOfTheCatalogue(t *testing.T) {
	t.Parallel()
	packages := map[string][]file{}
	for _, f := range files(t, root(t)) {
		if !f.isTest() && !anyMatches(untold, f.folder()) {
			packages[f.folder()] = append(packages[f.folder()], f)
		}
	}
	used := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		uses, without := reasonsOf(packages[folder])
		for _, u := range uses {
			used[u.code] = true
			r, ok := fault.ReasonOf(u.code)
			if !ok {
				t.Errorf("%s: reason %q is not in the catalogue internal/fault/reasons.go", u.where, u.code)
				continue
			}
			if u.class != "" && !slices.ContainsFunc(r.Classes, func(c fault.Class) bool { return c.String() == u.class }) {
				t.Errorf("%s: reason %q comes as %s, the catalogue knows it as %v", u.where, u.code, u.class, r.Classes)
			}
		}
		for _, where := range without {
			if at, _, _ := strings.Cut(where, ":"); !slices.Contains(unnamed, at) {
				t.Errorf("%s: a fault.Error without a Reason", where)
			}
		}
	}
	for _, r := range fault.Reasons() {
		if !used[r.Code] && r.Code != fault.Transient.String() { // what nobody gave a name has that of its class
			t.Errorf("the catalogue has %q, which no source uses", r.Code)
		}
	}
	if len(used) < 50 {
		t.Errorf("%d reasons found in the sources; the test does not find what it looks for", len(used))
	}
}

func TestReasonsAreFoundInSources(t *testing.T) {
	t.Parallel()
	source := `package x
const blocked = "by_constant"
var table = map[int]verdict{1: {fault.Blocked, "in_table", "todo"}}
func f() error {
	e := &fault.Error{Class: fault.Rejected, Reason: "in_field"}
	e.Reason = "assigned"
	g(fault.Transient, "as_argument", nil)
	_ = rejected("by_helper", "text")
	_ = refuse("by_refusal", nil)
	reason := "in_variable"
	_ = verdict{fault.Throttled, blocked, ""}
	_ = &fault.Error{Class: fault.Blocked}
	return verdict{reason, "no code", e}
}`
	uses, without := reasonsOf([]file{{path: path.Join("x", "x.go"), source: source}})
	var codes []string
	for _, u := range uses {
		codes = append(codes, u.code)
	}
	slices.Sort(codes)
	want := []string{"as_argument", "assigned", "by_constant", "by_helper", "by_refusal", "in_field", "in_table", "in_variable"}
	if !slices.Equal(codes, want) {
		t.Errorf("codes = %q, want %q", codes, want)
	}
	if fmt.Sprint(without) != "[x/x.go:12:7]" {
		t.Errorf("faults without a reason: %v, want the one in line 12", without)
	}
}
