package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Decode reads a JSON text as programs take it: every number as it is written. The text must be valid JSON.
func Decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// Altered says why decoding would alter the strings of a valid JSON text, or nil: Go, like many others, would put the
// character U+FFFD for what is no Unicode.
func Altered(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("it is not valid UTF-8")
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, ok := escaped(text[i:])
		switch {
		case !ok:
			i++ // what follows a backslash is part of the escape
		case unit < 0xd800 || unit > 0xdfff:
			i += 5
		default:
			low, paired := escaped(text[i+6:])
			if unit > 0xdbff || !paired || low < 0xdc00 || low > 0xdfff {
				return fmt.Errorf(`it has %s, half of a character, without the other half`, text[i:i+6])
			}
			i += 11
		}
	}
	return nil
}

// escaped returns the value of the \uXXXX at the beginning of text.
func escaped(text []byte) (unit int, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | int(c)
	}
	return unit, true
}

// Encode writes v as compact JSON with the keys of objects in the order of the alphabet, and nothing escaped that needs
// not be. It fails for what JSON cannot hold, instead of writing something else, and for what is nested deeper than depth.
func Encode(v any, depth int) ([]byte, error) {
	if err := writable(v, depth); err != nil {
		return nil, err
	}
	return gojq.Marshal(v)
}

func writable(v any, depth int) error {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("the result has a number that JSON cannot hold: too large, or none at all")
		}
	case string:
		if !utf8.ValidString(v) {
			return errors.New("the result has a string that is not valid UTF-8")
		}
	case []any:
		if depth == 0 {
			return errDeep
		}
		for _, e := range v {
			if err := writable(e, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		if depth == 0 {
			return errDeep
		}
		for name, e := range v {
			if !utf8.ValidString(name) {
				return errors.New("the result has a name that is not valid UTF-8")
			}
			if err := writable(e, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

var errDeep = errors.New("the result is nested too deep")
