package workload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/internal/nearest"
)

// document returns the only document of a file, undecoded: aliases are not followed, so a short file stays short.
func document(doc []byte) (*yaml.Node, Problems) {
	if len(doc) > maxDoc {
		return nil, Problems{{Text: fmt.Sprintf("the file has more than %d bytes, which no workload needs", maxDoc)}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(doc))
	var first, second yaml.Node
	if err := dec.Decode(&first); errors.Is(err, io.EOF) {
		return nil, Problems{{Text: "the file is empty; a workload begins with the line workload: 1"}}
	} else if err != nil {
		return nil, notYAML(err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, Problems{{Line: second.Line, Text: "a second document begins here; a file is one workload"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, notYAML(err)
	}
	if len(first.Content) != 1 || first.Content[0].Kind != yaml.MappingNode {
		return nil, Problems{{Line: first.Line, Text: "this is no list of keys; a workload begins with the line workload: 1"}}
	}
	return first.Content[0], nil
}

// notYAML is what the YAML parser says. The line in it is that of the mistake or the one before.
func notYAML(err error) Problems {
	return Problems{{Text: "not YAML: " + strings.Replace(strings.TrimPrefix(err.Error(), "yaml: "), "line ", "near line ", 1)}}
}

// A decoder fills structs from YAML by their tags and keeps everything that is wrong. Tags:
//
//	yaml      key
//	desc      meaning, for the reference
//	default   value if the key is absent, written as in a file
//	need      "true": the key must be there
//	min, max  bounds of a number, or of each number in a list, written as in a file
//	one       the words that are allowed
//	items     most items of a list
//	short     "true": a scalar in the place of the struct is this field
//	optional  "true": no defaults if the whole block is absent
type decoder struct {
	problems Problems
	lines    map[string]int // of every key that the file has, by path
}

// problem notes what is wrong at a path, or at the nearest block above it that the file has.
func (d *decoder) problem(path, format string, args ...any) {
	line := 0
	for at := path; line == 0; {
		line = d.lines[at]
		end := strings.LastIndexAny(at, ".[")
		if end < 0 {
			break
		}
		at = at[:end]
	}
	d.problems = append(d.problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

// given reports whether the file has a key.
func (d *decoder) given(path string) bool { return d.lines[path] > 0 }

func (d *decoder) root(n *yaml.Node, w *Workload) {
	v := reflect.ValueOf(w).Elem()
	defaults(v)
	d.mapping(n, "", v)
}

// defaults sets the fields of a struct, and of those in it, to their defaults. A default that is not valid is a mistake
// in the tags, found by every test.
func defaults(v reflect.Value) {
	for field, tag := range keys(v) {
		if text, has := tag.Lookup("default"); has {
			if err := parse(field, text); err != nil {
				panic(fmt.Sprintf("default of %s: %v", tag.Get("yaml"), err))
			}
		} else if field.Kind() == reflect.Struct && tag.Get("optional") == "" && !isScalar(field) {
			defaults(field)
		}
	}
}

// keys yields the fields of a struct that a file can set.
func keys(v reflect.Value) func(func(reflect.Value, reflect.StructTag) bool) {
	return func(yield func(reflect.Value, reflect.StructTag) bool) {
		for i := range v.NumField() {
			if key := v.Type().Field(i).Tag.Get("yaml"); key == "" || key == "-" {
				continue
			}
			if !yield(v.Field(i), v.Type().Field(i).Tag) {
				return
			}
		}
	}
}

// value decodes n into v, whose tag is given.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	d.lines[path] = n.Line
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.problem(path, "%s: anchors and aliases are not supported; write it out", path)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		d.problem(path, "%s is empty", path)
	case isScalar(v):
		d.scalar(n, path, v, tag)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), tag)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v, tag)
	case tag.Get("optional") != "":
		defaults(v)
		d.block(n, path, v)
	default:
		d.block(n, path, v)
	}
}

// block decodes a struct, or the scalar that is short for it.
func (d *decoder) block(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.ScalarNode {
		for field, tag := range keys(v) {
			if tag.Get("short") != "" {
				d.scalar(n, path, field, tag)
				d.lines[path+"."+tag.Get("yaml")] = n.Line
				return
			}
		}
	}
	if n.Kind != yaml.MappingNode {
		d.problem(path, "%s is %s, want a block of keys", path, describe(n))
		return
	}
	d.mapping(n, path, v)
}

func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	var known []string
	for _, tag := range keys(v) {
		known = append(known, tag.Get("yaml"))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i].Value, n.Content[i].Line
		if first := seen[key]; first > 0 {
			d.problems = append(d.problems, Problem{Line: at, Text: fmt.Sprintf("%s%s is given a second time; the first is in line %d", prefix, clip(key), first)})
			continue
		}
		seen[key] = at
		if !slices.Contains(known, key) {
			d.problems = append(d.problems, Problem{Line: at, Text: unknown(prefix, key, known)})
			continue
		}
		for field, tag := range keys(v) {
			if tag.Get("yaml") == key {
				d.value(n.Content[i+1], prefix+key, field, tag)
			}
		}
	}
	for _, tag := range keys(v) {
		if key := tag.Get("yaml"); tag.Get("need") != "" && seen[key] == 0 {
			d.problem(path, "%s%s is missing", prefix, key)
		}
	}
}

func unknown(prefix, key string, known []string) string {
	if near := nearest.Name(key, known); near != "" {
		return fmt.Sprintf("%s%s: there is no such key; did you mean %s?", prefix, clip(key), near)
	}
	return fmt.Sprintf("%s%s: there is no such key; there are %s", prefix, clip(key), strings.Join(known, ", "))
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	most, err := strconv.Atoi(tag.Get("items"))
	if err != nil {
		panic("a list without a bound: " + path)
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(path, "%s is %s, want a list", path, describe(n))
		return
	}
	if len(n.Content) > most {
		d.problem(path, "%s has %d items, want at most %d", path, len(n.Content), most)
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if list.Index(i).Kind() == reflect.Struct {
			defaults(list.Index(i))
		}
		d.value(item, fmt.Sprintf("%s[%d]", path, i), list.Index(i), tag)
	}
	v.Set(list)
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a block of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

// clip keeps messages short whatever the file contains.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

var durationType = reflect.TypeFor[time.Duration]()
