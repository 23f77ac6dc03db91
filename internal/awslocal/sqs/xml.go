package sqs

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

const (
	xmlType      = "text/xml"
	xmlHead      = `<?xml version="1.0"?>`
	xmlNamespace = ` xmlns="http://queue.amazonaws.com/doc/2012-11-05/"`
)

// writeXML sends the output of an action in the query protocol's envelope.
func writeXML(w http.ResponseWriter, id, action string, out any) {
	var b bytes.Buffer
	b.WriteString(xmlHead + "<" + action + "Response" + xmlNamespace + ">")
	if out != nil {
		b.WriteString("<" + action + "Result>")
		encodeStruct(&b, reflect.ValueOf(out).Elem())
		b.WriteString("</" + action + "Result>")
	}
	b.WriteString("<ResponseMetadata>")
	element(&b, "RequestId", id)
	b.WriteString("</ResponseMetadata></" + action + "Response>")
	send(w, http.StatusOK, xmlType, b.Bytes())
}

// writeXMLError sends an error as the query protocol writes it.
func writeXMLError(w http.ResponseWriter, id string, f *apiError) {
	var b bytes.Buffer
	b.WriteString(xmlHead + "<ErrorResponse" + xmlNamespace + "><Error>")
	element(&b, "Type", f.fault())
	element(&b, "Code", f.code)
	element(&b, "Message", f.queryMessage())
	b.WriteString("<Detail/></Error>")
	element(&b, "RequestId", id)
	b.WriteString("</ErrorResponse>")
	send(w, f.status, xmlType, b.Bytes())
}

// encodeStruct writes the fields of v that are not empty, by their tags "query". Lists and maps are flat: one element of
// the field's name for each entry, of a map with its key in Name, or where the tag says, and its value in Value.
func encodeStruct(b *bytes.Buffer, v reflect.Value) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if sf.Anonymous {
			encodeStruct(b, v.Field(i))
			continue
		}
		name, key, _ := strings.Cut(cmp.Or(sf.Tag.Get("query"), sf.Name), ",")
		encodeValue(b, v.Field(i), name, cmp.Or(key, "Name"))
	}
}

func encodeValue(b *bytes.Buffer, v reflect.Value, name, key string) {
	switch v.Kind() {
	case reflect.String:
		if v.String() != "" {
			element(b, name, v.String())
		}
	case reflect.Int, reflect.Int64:
		element(b, name, strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		element(b, name, strconv.FormatBool(v.Bool()))
	case reflect.Pointer:
		if !v.IsNil() {
			encodeValue(b, v.Elem(), name, key)
		}
	case reflect.Struct:
		b.WriteString("<" + name + ">")
		encodeStruct(b, v)
		b.WriteString("</" + name + ">")
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Len() > 0 {
				element(b, name, base64.StdEncoding.EncodeToString(v.Bytes()))
			}
			return
		}
		for i := range v.Len() {
			encodeValue(b, v.Index(i), name, key)
		}
	case reflect.Map:
		encodeMap(b, v, name, key)
	}
}

func encodeMap(b *bytes.Buffer, v reflect.Value, name, key string) {
	values := make(map[string]reflect.Value, v.Len())
	for _, k := range v.MapKeys() {
		values[k.String()] = v.MapIndex(k)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		b.WriteString("<" + name + ">")
		element(b, key, k)
		if value := values[k]; value.Kind() == reflect.String {
			element(b, "Value", value.String()) // even if empty
		} else {
			encodeValue(b, value, "Value", "Name")
		}
		b.WriteString("</" + name + ">")
	}
}

// element writes a text in an element.
func element(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // A buffer does not fail.
	b.WriteString("</" + name + ">")
}
