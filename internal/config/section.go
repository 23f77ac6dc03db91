package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"sluice/internal/secret"
)

// A Section is a struct of settings with a common prefix. The tags split_words, default and desc of its exported fields
// say how a variable is called, what it is when unset, and what it means; a field of type secret.Value is a secret. The
// struct may have a method Validate() error: its lines begin with the part of the variable's name after the prefix.
type Section struct {
	Prefix string // "SLUICE_SQS"
	Into   any    // pointer to the struct
	Title  string // for the reference: "Queue"
	When   string // when it is used: "SLUICE_TRANSPORT=sqs"; empty: always
}

// A validator reports everything that is wrong with a struct of settings.
type validator interface{ Validate() error }

// A field is one variable of a section.
type field struct {
	prefix string // of the variable
	key    string // the variable: SLUICE_SQS_QUEUE_URL
	spec   reflect.StructField
	value  reflect.Value // settable
}

var (
	secretType   = reflect.TypeFor[secret.Value]()
	durationType = reflect.TypeFor[time.Duration]()
)

// fields lists the variables of s in the order of the struct. It panics if Into is not what Section asks for: that is a
// mistake in the program and not in the environment.
func (s Section) fields() []field {
	v := reflect.ValueOf(s.Into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: section %s: Into is a %T, want a pointer to a struct", s.Prefix, s.Into))
	}
	return walk(s.Prefix, v.Elem())
}

func walk(prefix string, v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		spec := v.Type().Field(i)
		if !spec.IsExported() || spec.Tag.Get("ignored") == "true" {
			continue
		}
		key := keyOf(prefix, spec)
		switch {
		case spec.Type.Kind() == reflect.Struct && !decodes(spec.Type) && spec.Anonymous:
			fields = append(fields, walk(prefix, v.Field(i))...)
		case spec.Type.Kind() == reflect.Struct && !decodes(spec.Type):
			fields = append(fields, walk(key, v.Field(i))...)
		case !readable(spec.Type):
			panic(fmt.Sprintf("config: %s: envconfig would silently skip a field of type %v", key, spec.Type))
		case spec.Tag.Get("required") != "" || spec.Tag.Get("envconfig") != "":
			panic(fmt.Sprintf("config: %s: the tags required and envconfig are not allowed; required accepts an empty value, "+
				"envconfig also reads the name without the prefix", key))
		default:
			fields = append(fields, field{prefix: prefix, key: key, spec: spec, value: v.Field(i)})
		}
	}
	return fields
}

// keyOf asks envconfig itself how it calls the variable of a field.
func keyOf(prefix string, spec reflect.StructField) string {
	one := reflect.StructOf([]reflect.StructField{{Name: spec.Name, Type: reflect.TypeFor[string](), Tag: spec.Tag}})
	var key strings.Builder
	if err := envconfig.Usagef(prefix, reflect.New(one).Interface(), &key, "{{range .}}{{usage_key .}}{{end}}"); err != nil {
		panic(fmt.Sprintf("config: name of field %s: %v", spec.Name, err))
	}
	return key.String()
}

// decodes reports whether envconfig lets a value of type t read its own variable.
func decodes(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case envconfig.Decoder, envconfig.Setter, encoding.TextUnmarshaler, encoding.BinaryUnmarshaler:
		return true
	}
	return false
}

// readable reports whether envconfig can read a variable into a value of type t.
func readable(t reflect.Type) bool {
	if decodes(t) {
		return true
	}
	switch kind := t.Kind(); {
	case kind == reflect.String, kind >= reflect.Bool && kind <= reflect.Uint64, kind == reflect.Float32, kind == reflect.Float64:
		return true
	case kind == reflect.Slice:
		return readable(t.Elem())
	case kind == reflect.Map:
		return readable(t.Key()) && readable(t.Elem())
	}
	return false
}

func (f field) isSecret() bool { return f.spec.Type == secretType }

// fileKey is the variable that names a file with the secret.
func (f field) fileKey() string { return f.key + "_FILE" }

// read takes the variable from the environment, or the default where it is unset.
func (f field) read() error { return f.process(f.prefix) }

// reset puts the default into the field, whatever the environment says.
func (f field) reset() error {
	f.value.SetZero()
	return f.process("=") // no variable has this in its name
}

// process lets envconfig read one field alone, because over a whole struct it stops at the first error.
func (f field) process(prefix string) error {
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: f.spec.Name, Type: f.spec.Type, Tag: f.spec.Tag}}))
	one.Elem().Field(0).Set(f.value)
	if err := envconfig.Process(prefix, one.Interface()); err != nil {
		return err
	}
	f.value.Set(one.Elem().Field(0))
	trimList(f.value)
	return nil
}

// trimList takes the spaces around the elements of a list away, and the empty elements, which envconfig keeps.
func trimList(v reflect.Value) {
	if list, ok := v.Interface().([]string); ok {
		kept := make([]string, 0, len(list))
		for _, s := range list {
			if s = strings.TrimSpace(s); s != "" {
				kept = append(kept, s)
			}
		}
		v.Set(reflect.ValueOf(kept))
	}
}
