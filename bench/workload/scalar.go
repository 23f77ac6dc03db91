package workload

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/internal/nearest"
)

// A parser reads itself from the text in a file. Its error says what is wanted.
type parser interface{ parse(text string) error }

// isScalar reports whether v is written as one word.
func isScalar(v reflect.Value) bool {
	if _, own := v.Addr().Interface().(parser); own {
		return true
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Pointer:
		return false
	}
	return true
}

// scalar decodes n into v and holds it against the bounds of its tag.
func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.ScalarNode {
		d.problem(path, "%s is %s, want one value", path, describe(n))
		return
	}
	if err := parse(v, n.Value); err != nil {
		d.problem(path, "%s is %q: %v", path, clip(n.Value), err)
		return
	}
	if words, limited := tag.Lookup("one"); limited && !slices.Contains(strings.Fields(words), n.Value) {
		all := strings.Fields(words)
		hint := ""
		if near := nearest.Name(n.Value, all); near != "" {
			hint = "; did you mean " + near + "?"
		}
		d.problem(path, "%s is %q, want one of %s%s", path, clip(n.Value), strings.Join(all, ", "), hint)
	}
	low, high := bounds(v, tag)
	automatic := n.Value == "auto" // parse has let it pass, so it has a meaning
	if x := v; !automatic && (low.IsValid() && less(x, low) || high.IsValid() && less(high, x)) {
		d.problem(path, "%s is %s, want %s to %s", path, clip(n.Value), tag.Get("min"), tag.Get("max"))
	}
}

// bounds returns those of a tag, as values of v's type; zero Values: none.
func bounds(v reflect.Value, tag reflect.StructTag) (low, high reflect.Value) {
	bound := func(key string) reflect.Value {
		text, has := tag.Lookup(key)
		if !has {
			return reflect.Value{}
		}
		b := reflect.New(v.Type()).Elem()
		if err := parse(b, text); err != nil {
			panic(fmt.Sprintf("%s of %s: %v", key, tag.Get("yaml"), err))
		}
		return b
	}
	return bound("min"), bound("max")
}

func less(a, b reflect.Value) bool {
	if a.CanFloat() {
		return a.Float() < b.Float()
	}
	return cmp.Less(a.Int(), b.Int())
}

// parse reads v from the text in a file. Its error says what is wanted.
func parse(v reflect.Value, text string) error {
	if own, ok := v.Addr().Interface().(parser); ok {
		return own.parse(text)
	}
	if v.Type() == durationType {
		x, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("want a time with its unit, such as 500ms, 30s or 2m")
		}
		v.SetInt(int64(x))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("want true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int:
		x, err := strconv.ParseInt(text, 10, strconv.IntSize)
		if err != nil {
			return errors.New("want a whole number")
		}
		v.SetInt(x)
	case reflect.Uint64:
		x, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("want a whole number from 0 to 18446744073709551615")
		}
		v.SetUint(x)
	case reflect.Float64:
		x, err := float(text)
		if err != nil {
			return errors.New("want a number")
		}
		v.SetFloat(x)
	default:
		panic("no rule to read a " + v.Type().String())
	}
	return nil
}
