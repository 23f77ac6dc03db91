package sqs

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAttributesDigestAgainstTheDescription writes the digest once more, straight from AWS's description of it.
func TestAttributesDigestAgainstTheDescription(t *testing.T) {
	t.Parallel()
	names := rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		in := map[string]wireAttribute{}
		for _, name := range rapid.SliceOfNDistinct(names, 1, 10, rapid.ID[string]).Draw(t, "names") {
			a := MessageAttribute{DataType: rapid.SampledFrom([]string{"String", "Number", "Binary", "String.label", "Binary.png"}).Draw(t, "type")}
			switch a.DataType[0] {
			case 'B':
				a.BinaryValue = rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "bytes")
			case 'N':
				a.StringValue = fmt.Sprint(rapid.Int().Draw(t, "number"))
			default:
				a.StringValue = rapid.StringMatching(`[ -~é😀]{1,50}`).Draw(t, "text")
			}
			in[name] = wireAttribute{MessageAttribute: a}
		}
		checked, size, err := checkAttributes(in)
		if err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		wantSize := 0
		part := func(b []byte) {
			_ = binary.Write(&stream, binary.BigEndian, uint32(len(b)))
			stream.Write(b)
			wantSize += len(b)
		}
		for _, name := range slices.Sorted(maps.Keys(in)) {
			a := in[name]
			part([]byte(name))
			part([]byte(a.DataType))
			if a.BinaryValue != nil {
				stream.WriteByte(2)
				part(a.BinaryValue)
			} else {
				stream.WriteByte(1)
				part([]byte(a.StringValue))
			}
		}
		h := md5.New()
		_, _ = io.Copy(h, &stream)
		if got, want := attributesDigest(checked), fmt.Sprintf("%x", h.Sum(nil)); got != want || size != wantSize {
			t.Fatalf("got %s and %d bytes, want %s and %d", got, size, want, wantSize)
		}
	})
}

// TestAttributesDigestsOfAWS checks digests that AWS was seen to give.
func TestAttributesDigestsOfAWS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attributes []attribute
		want       string
	}{
		{nil, ""},
		{[]attribute{{name: "Foo", typ: "String", value: "Bar"}}, "ae7155c6026991b6d54b11589678bf9c"},
		{[]attribute{{name: "attr1", typ: "Binary", binary: true, value: "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"}}, "8cbe4db156db8a94db8b801b7addb984"},
	} {
		if got := attributesDigest(c.attributes); got != c.want {
			t.Errorf("%v: got %s, want %s", c.attributes, got, c.want)
		}
	}
}

// TestAttributeRules checks names, types and values that are taken and refused.
func TestAttributeRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		attr MessageAttribute
		ok   bool
	}{
		{"a.b-c_D9", MessageAttribute{DataType: "String", StringValue: "v"}, true},
		{"awsome", MessageAttribute{DataType: "String.x", StringValue: "v"}, true},
		{"n", MessageAttribute{DataType: "Number", StringValue: "-1.5e10"}, true},
		{"n", MessageAttribute{DataType: "Number.int", StringValue: ".5"}, true},
		{"n", MessageAttribute{DataType: "Number", StringValue: "abc"}, false},
		{"n", MessageAttribute{DataType: "Number", StringValue: "."}, false},
		{"b", MessageAttribute{DataType: "Binary", BinaryValue: []byte{0}}, true},
		{"b", MessageAttribute{DataType: "Binary", StringValue: "v"}, false},
		{"s", MessageAttribute{DataType: "String", BinaryValue: []byte{1}}, false},
		{"s", MessageAttribute{DataType: "String", StringValue: "\x00"}, false},
		{"s", MessageAttribute{DataType: "string", StringValue: "v"}, false},
		{"s", MessageAttribute{StringValue: "v"}, false},
		{"", MessageAttribute{DataType: "String", StringValue: "v"}, false},
		{"é", MessageAttribute{DataType: "String", StringValue: "v"}, false},
		{"AMAZON.x", MessageAttribute{DataType: "String", StringValue: "v"}, false},
	} {
		if _, _, err := checkAttributes(map[string]wireAttribute{c.name: {MessageAttribute: c.attr}}); (err == nil) != c.ok {
			t.Errorf("%q %+v: got %v, want accepted %v", c.name, c.attr, err, c.ok)
		}
	}
	list := wireAttribute{MessageAttribute: MessageAttribute{DataType: "String", StringValue: "v"}, StringListValues: []string{"x"}}
	if _, _, err := checkAttributes(map[string]wireAttribute{"a": list}); err == nil {
		t.Error("a list value was accepted")
	}
}
