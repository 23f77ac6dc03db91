package jq

import (
	"fmt"
	"reflect"

	"github.com/itchyny/gojq"
)

// impure lists what a program may not call, and what it would depend on or do.
var impure = map[string]string{
	"now":                  "the clock",
	"localtime":            "the time zone of the machine",
	"strflocaltime":        "the time zone of the machine",
	"input":                "another input",
	"inputs":               "another input",
	"input_filename":       "another input",
	"input_line_number":    "another input",
	"env":                  "the environment",
	"$ENV":                 "the environment",
	"$__prog_args":         "the command line",
	"debug":                "a place to print to",
	"stderr":               "a place to print to",
	"halt":                 "a process that it could end",
	"halt_error":           "a process that it could end",
	"modulemeta":           "the files of modules",
	"get_search_list":      "the files of modules",
	"builtins":             "the version of the interpreter",
	"have_literal_numbers": "the version of the interpreter",
	"have_decnum":          "the version of the interpreter",
}

// pure refuses a program that calls something impure, wherever in it: also in a function that it defines itself, and also
// if it defines a function with such a name.
func pure(q *gojq.Query) error {
	return walk(reflect.ValueOf(q))
}

// walk looks at all that hangs below a node of a syntax tree, which is a tree of pointers, structs and slices.
func walk(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		switch n := v.Interface().(type) {
		case *gojq.Func:
			if what, found := impure[n.Name]; found {
				return fmt.Errorf("it calls %s, which depends on %s; the same record must always give the same result", n.Name, what)
			}
		case *gojq.Import:
			return fmt.Errorf("it imports %q; there are no modules: write the functions into the program", n.ImportPath+n.IncludePath)
		}
		return walk(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if err := walk(field); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := walk(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
