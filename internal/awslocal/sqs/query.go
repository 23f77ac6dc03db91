package sqs

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// serveQuery answers a request of the legacy query protocol: form fields in, XML out. The queue may be named by the
// request's path instead of the field QueueUrl.
func (e *Engine) serveQuery(w http.ResponseWriter, r *http.Request, body []byte, c *call) {
	id := newRequestID(w)
	form, err := queryForm(r, body)
	if err != nil {
		writeXMLError(w, id, failure(err))
		return
	}
	name := form.Get("Action")
	if name == "" && r.Method == http.MethodGet { // Observed on AWS: a GET of a queue URL without an action.
		send(w, http.StatusNotFound, xmlType, []byte("<UnknownOperationException/>\n"))
		return
	}
	if _, _, ok := splitQueuePath(r.URL.Path); ok && form.Get("QueueUrl") == "" {
		form.Set("QueueUrl", c.base+r.URL.Path)
	}
	h, err := find(name)
	var out any
	if err == nil {
		out, err = h(e, c, func(into any) error { return decodeQuery(form, into) })
	}
	if err != nil {
		writeXMLError(w, id, failure(err))
		return
	}
	writeXML(w, id, name, out)
}

// queryForm reads the fields of a POST from its body and of a GET from its URL.
func queryForm(r *http.Request, body []byte) (url.Values, error) {
	text := string(body)
	if r.Method == http.MethodGet {
		text = r.URL.RawQuery
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, errMalformed("The request body is not a valid form: %v", err)
	}
	return form, nil
}

// maxFieldDepth bounds the periods in a field's name; the deepest that the protocol knows has six.
const maxFieldDepth = 8

// A field is a part of the names of form fields, which are written with periods between the parts:
// "MessageAttribute.2.Value.DataType" is four levels deep.
type field struct {
	value string
	parts map[string]*field
}

// decodeQuery fills the struct that into points to from the form, by the fields' tags "query". A list is written as
// Name.1, Name.2; a map as Name.1.Name and Name.1.Value, or with the key's part that the tag gives after a comma.
func decodeQuery(form url.Values, into any) error {
	root := &field{}
	for name, values := range form {
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return errMalformed("The request body is not valid UTF-8.")
		}
		if strings.Count(name, ".") > maxFieldDepth {
			continue
		}
		f := root
		for part := range strings.SplitSeq(name, ".") {
			if f.parts == nil {
				f.parts = map[string]*field{}
			}
			if f.parts[part] == nil {
				f.parts[part] = &field{}
			}
			f = f.parts[part]
		}
		f.value = values[0]
	}
	return root.decodeStruct(reflect.ValueOf(into).Elem())
}

func (f *field) decodeStruct(v reflect.Value) error {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if sf.Anonymous {
			if err := f.decodeStruct(v.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, key, _ := strings.Cut(cmp.Or(sf.Tag.Get("query"), sf.Name), ",")
		if part := f.parts[name]; part != nil {
			if err := part.decode(v.Field(i), name, cmp.Or(key, "Name")); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode sets v from f. The kinds are those that the inputs of the actions have.
func (f *field) decode(v reflect.Value, name, key string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.value)
	case reflect.Int:
		n, err := strconv.ParseInt(f.value, 10, 32)
		if err != nil {
			return errInvalidValue(f.value, name, "Must be an integer.")
		}
		v.SetInt(n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.decode(v.Elem(), name, key)
	case reflect.Struct:
		return f.decodeStruct(v)
	case reflect.Slice:
		return f.decodeSlice(v, name, key)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, entry := range f.entries() {
			k, value := entry.parts[key], entry.parts["Value"]
			if k == nil {
				continue
			}
			item := reflect.New(v.Type().Elem()).Elem()
			if value != nil {
				if err := value.decode(item, name, key); err != nil {
					return err
				}
			}
			v.SetMapIndex(reflect.ValueOf(k.value), item)
		}
	}
	return nil
}

func (f *field) decodeSlice(v reflect.Value, name, key string) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b, err := base64.StdEncoding.DecodeString(f.value)
		if err != nil {
			return errMalformed("%s is not valid base64.", name)
		}
		v.SetBytes(b)
		return nil
	}
	for _, entry := range f.entries() {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := entry.decode(item, name, key); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	return nil
}

// entries returns the numbered parts of f in the order of their numbers.
func (f *field) entries() []*field {
	numbers := make(map[int]*field, len(f.parts))
	for part, entry := range f.parts {
		if n, err := strconv.Atoi(part); err == nil {
			numbers[n] = entry
		}
	}
	out := make([]*field, 0, len(numbers))
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		out = append(out, numbers[n])
	}
	return out
}
