package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
)

// maxFile is the longest results.json that is read: that of a run of 1,000 trials has some 50 MB.
const maxFile = 256 << 20

// Damaged is the error of a file that is not a results.json that this program reads (exit 65).
type Damaged struct{ Path, Why string }

func (e *Damaged) Error() string { return e.Path + " " + e.Why }

// Read reads a results.json. The error is a *Damaged if the file can be read and its content is wrong: not of this form, or
// with something in it that no run says.
func Read(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	file, err := parse(data)
	if err != nil {
		return nil, &Damaged{path, err.Error()}
	}
	return file, nil
}

func parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("is longer than %d MiB, which no run writes", maxFile>>20)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("is not a results.json of sluice-bench: %w", err)
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("has the schema %q, this program reads %q", head.Schema, Schema)
	}
	file := new(File)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(file); err != nil {
		return nil, fmt.Errorf("has a part that this program does not read: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after its end")
	}
	if err := file.check(); err != nil {
		return nil, err
	}
	return file, nil
}

// Write writes f as results.json. Lists and maps of f that are nil become empty ones, in f too, so that a reader of the
// file need not know null. Numbers that JSON does not have, such as an infinite one, are an error.
func (f *File) Write(w io.Writer) error {
	fill(reflect.ValueOf(f).Elem())
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(f)
}

// fill replaces nil slices and maps below v by empty ones.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}
