package result_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
	"sluice/bench/stats"
)

var update = flag.Bool("update", false, "rewrite schema.json and docs/results.md")

// A describer makes the schema of Go types, with the comments of their fields as descriptions.
type describer struct {
	comments map[string]string // by "Struct" and "Struct.Field"
	defs     map[string]any
	order    []reflect.Type
}

func describe(t *testing.T) *describer {
	t.Helper()
	d := &describer{comments: map[string]string{}, defs: map[string]any{}}
	for _, folder := range []string{".", "../audit", "../cost"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", folder, err)
		}
		for _, path := range files {
			if !strings.HasSuffix(path, "_test.go") {
				d.read(t, path)
			}
		}
	}
	d.schema(reflect.TypeFor[result.File]())
	return d
}

func (d *describer) read(t *testing.T, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		for _, spec := range decl.Specs {
			spec := spec.(*ast.TypeSpec)
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			d.comments[spec.Name.Name] = sentence(decl.Doc)
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					d.comments[spec.Name.Name+"."+name.Name] = sentence(field.Comment)
				}
			}
		}
		return true
	})
}

func sentence(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}

func (d *describer) schema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[stats.Interval]():
		return map[string]any{"type": "array", "minItems": 2, "maxItems": 2, "items": map[string]any{"type": []string{"number", "null"}, "minimum": 0}}
	}
	switch t.Kind() {
	case reflect.Struct:
		d.define(t)
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case reflect.Pointer:
		inner := d.schema(t.Elem())
		if inner["$ref"] != nil {
			return map[string]any{"anyOf": []any{inner, map[string]any{"type": "null"}}}
		}
		inner["type"] = []any{inner["type"], "null"}
		return inner
	case reflect.Slice:
		return map[string]any{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": d.schema(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number", "minimum": 0}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	panic("the schema has no word for " + t.String())
}

func (d *describer) define(t reflect.Type) {
	if d.defs[t.Name()] != nil {
		return
	}
	properties, required := map[string]any{}, []string{}
	def := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if c := d.comments[t.Name()]; c != "" {
		def["description"] = c
	}
	d.defs[t.Name()] = def
	d.order = append(d.order, t)
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := d.schema(f.Type)
		if c := d.comments[t.Name()+"."+f.Name]; c != "" {
			p["description"] = c
		}
		if set := result.Sets[t.Name()+"."+name]; set != nil {
			p["enum"] = set
		}
		if slices.Contains(result.Signed, t.Name()+"."+name) {
			delete(p, "minimum")
		}
		properties[name] = p
		if options == "" {
			required = append(required, name)
		}
	}
	def["required"] = required
}

func (d *describer) document(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:sluice:bench:1", "title": "results.json of sluice-bench",
		"$ref": "#/$defs/File", "$defs": d.defs}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the types say; run the test with -update and read the diff (-file +types):\n%s", path, diff)
	}
}

func TestSchemaIsThatOfTheTypes(t *testing.T) {
	t.Parallel()
	golden(t, "schema.json", describe(t).document(t))
}

// The comments are the descriptions of the schema and of the document. A field that leads to a struct is explained there,
// and other packages explain several fields in one comment.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Parallel()
	d := describe(t)
	for _, typ := range d.order {
		if d.comments[typ.Name()] == "" {
			t.Errorf("%s has no comment", typ.Name())
		}
		for _, f := range reflect.VisibleFields(typ) {
			if typ.PkgPath() == "sluice/bench/result" && d.meaning(typ, f) == "" {
				t.Errorf("%s.%s has no comment at the end of its line", typ.Name(), f.Name)
			}
		}
	}
}

// meaning is the comment of a field, or of the struct that it leads to.
func (d *describer) meaning(typ reflect.Type, f reflect.StructField) string {
	if c := d.comments[typ.Name()+"."+f.Name]; c != "" {
		return c
	}
	leaf := f.Type
	for leaf.Kind() == reflect.Slice || leaf.Kind() == reflect.Pointer {
		leaf = leaf.Elem()
	}
	return d.comments[leaf.Name()]
}

func encoded(t *testing.T, f *result.File) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFilesAreAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	few := resulttest.Fixture()
	few.Comparisons[0].CI95 = stats.Interval{}
	for name, f := range map[string]*result.File{
		"a full run":       resulttest.Fixture(),
		"an empty run":     {Schema: result.Schema},
		"an open interval": few,
		"an empty trial":   {Schema: result.Schema, Trials: []result.Trial{{Phases: []result.Phase{{Kind: "open"}}}}},
	} {
		if err := resulttest.Valid(encoded(t, f)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := string(encoded(t, resulttest.Fixture()))
	for name, edit := range map[string][2]string{
		"an unknown field":   {`"schema": "bench/1"`, `"schema": "bench/1", "extra": 1`},
		"an unknown kind":    {`"kind": "stand-in"`, `"kind": "fake"`},
		"a missing field":    {`"transport": "sqs",`, ``},
		"a negative count":   {`"lost": 0`, `"lost": -3`},
		"a number as a text": {`"seed": 42`, `"seed": "42"`},
		"another schema":     {`"bench/1"`, `"bench/2"`},
		"a list that is not": {`"warnings": [`, `"warnings": null, "x": [`},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if bad == good {
			t.Fatalf("%s: %q is not in the file", name, edit[0])
		}
		if resulttest.Valid([]byte(bad)) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

// TestTheFixtureFillsEveryField keeps the test above from passing because a field was never there.
func TestTheFixtureFillsEveryField(t *testing.T) {
	t.Parallel()
	var tree any
	if err := json.Unmarshal(encoded(t, resulttest.Fixture()), &tree); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, child := range v {
				seen[name] = true
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(tree)
	for _, typ := range describe(t).order {
		for _, f := range reflect.VisibleFields(typ) {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if options == "" && !seen[name] {
				t.Errorf("%s.%s is nowhere in the fixture", typ.Name(), name)
			}
		}
	}
}

// marker is where the generated part of docs/results.md begins.
const marker = "<!-- From here on generated from the types: go test ./bench/result -update -->\n"

func TestDocumentListsEveryField(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "results.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, found := strings.Cut(string(old), marker)
	if !found {
		t.Fatalf("%s has no line %q", path, marker)
	}
	d := describe(t)
	out := intro + marker
	for _, typ := range d.order {
		out += fmt.Sprintf("\n## %s\n\n%s\n\n| Field | Type | Meaning |\n|---|---|---|\n", typ.Name(), d.comments[typ.Name()])
		for _, f := range reflect.VisibleFields(typ) {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			kind := kindOf(f.Type)
			if options != "" {
				kind = strings.TrimSuffix(kind, " or null") + ", may be missing"
			}
			meaning := strings.ReplaceAll(d.meaning(typ, f), "|", `\|`)
			if set := result.Sets[typ.Name()+"."+name]; set != nil {
				meaning = strings.TrimSuffix(meaning, ".") + ". One of `" + strings.Join(set, "`, `") + "`."
			}
			out += fmt.Sprintf("| `%s` | %s | %s |\n", name, kind, meaning)
		}
	}
	golden(t, path, []byte(out))
}

// kindOf names a type for people, with a link to its table.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[stats.Interval]():
		return "[low, high]"
	}
	switch t.Kind() {
	case reflect.Struct:
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
	case reflect.Pointer:
		return kindOf(t.Elem()) + " or null"
	case reflect.Slice:
		return "list of " + kindOf(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("%d × %s", t.Len(), kindOf(t.Elem()))
	case reflect.Map:
		return "map to " + kindOf(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes or no"
	}
	return "number"
}
