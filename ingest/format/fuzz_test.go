package format_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"sluice/ingest/format"
)

// cutAll returns every item of stream, and the error that ends it.
func cutAll(t testing.TB, stream []byte, o format.Options) ([]format.Item, error) {
	d, err := format.NewDecoder(bytes.NewReader(stream), o)
	if err != nil {
		t.Fatalf("NewDecoder(%+v) = %v", o, err)
	}
	var items []format.Item
	for {
		item, err := d.Next()
		if err != nil {
			return items, err
		}
		items = append(items, item)
		if len(items) > len(stream)+1 {
			t.Fatalf("%d items out of %d bytes", len(items), len(stream))
		}
	}
}

// consistent checks what holds for every stream: places that grow, data no longer than allowed, and that reading goes on
// from any End with what reading from the start returns there.
func consistent(t testing.TB, stream []byte, o format.Options, resumable bool) {
	items, end := cutAll(t, stream, o)
	if _, broken := errors.AsType[*format.Error](end); !broken && end != io.EOF && end != io.ErrUnexpectedEOF { //nolint:errorlint // the contract
		t.Fatalf("the stream ends with %v", end)
	}
	at, line := int64(0), int64(1)
	for i, item := range items {
		if item.End <= at || item.End > int64(len(stream)) || item.Line < line {
			t.Fatalf("item %d: line %d, end %d; the one before ended at %d and began in line %d, the stream at %d", i, item.Line, item.End, at, line, len(stream))
		}
		if item.Bad != nil && len(item.Data) > o.MaxItemBytes {
			t.Fatalf("item %d is bad and has %d bytes, at most %d are allowed", i, len(item.Data), o.MaxItemBytes)
		}
		at, line = item.End, item.Line
		if !resumable || i > 20 {
			continue
		}
		on := o
		on.Offset, on.Line = item.End, 1+int64(bytes.Count(stream[:item.End], []byte{'\n'}))
		rest, again := cutAll(t, stream[item.End:], on)
		if !slices.EqualFunc(rest, items[i+1:], func(a, b format.Item) bool {
			return bytes.Equal(a.Data, b.Data) && (a.Bad == nil) == (b.Bad == nil) && a.Line == b.Line && a.End == b.End
		}) {
			t.Fatalf("from byte %d: %d items %+v, want the last %d of %+v", item.End, len(rest), rest, len(items)-i-1, items)
		}
		if again.Error() != end.Error() {
			t.Fatalf("from byte %d the stream ends with %v, from the start with %v", item.End, again, end)
		}
	}
	growing(t, stream, o, items)
}

// growing checks that a stream that may go on returns no item that another end would change.
func growing(t testing.TB, stream []byte, o format.Options, whole []format.Item) {
	o.Growing = true
	early, _ := cutAll(t, stream[:len(stream)/2], o)
	if len(early) > len(whole) {
		t.Fatalf("half of the stream has %d items, all of it %d", len(early), len(whole))
	}
	for i, item := range early {
		if w := whole[i]; !bytes.Equal(item.Data, w.Data) || item.End != w.End {
			t.Fatalf("item %d is %q up to %d in half of the stream, %q up to %d in all of it", i, item.Data, item.End, w.Data, w.End)
		}
	}
}

func seeds(f *testing.F, texts ...string) {
	for _, text := range append(texts, "", "\n", "\ufeff", "\ufeff\n\ufeff\n", "\r\n\r", "\xff\n", "a,b\n1,2\n3,4\n", "{}\n{}\n") {
		f.Add([]byte(text), uint8(20))
	}
}

func FuzzNDJSON(f *testing.F) {
	seeds(f, "1\r\n \n2", "12345678901234567890123456789\n1\n")
	f.Fuzz(func(t *testing.T, stream []byte, most uint8) {
		consistent(t, stream, format.Options{Kind: "ndjson", MaxItemBytes: 1 + int(most)}, true)
	})
}

func FuzzLines(f *testing.F) {
	seeds(f, "a\r\n \nb", "12345678901234567890123456789\n1\n")
	f.Fuzz(func(t *testing.T, stream []byte, most uint8) {
		consistent(t, stream, format.Options{Kind: "lines", MaxItemBytes: 1 + int(most)}, true)
	})
}

func FuzzCSV(f *testing.F) {
	seeds(f, "\"1\n2\",3\r\n4\"\"5,\n\n,\"\"\"\"\n", "\"1\n2\n3\n4\n5\n", "1\u00a62\n")
	f.Fuzz(func(t *testing.T, stream []byte, most uint8) {
		o := format.Options{Kind: "csv", MaxItemBytes: 1 + int(most)}
		consistent(t, stream, o, false)
		o.Columns = []string{"a", "b"}
		consistent(t, stream, o, true)
		o.Delimiter = '\u00a6'
		consistent(t, stream, o, true)
	})
}

func FuzzJSON(f *testing.F) {
	seeds(f, `[1, {"a":"]"},[2]] 3 "x\"" {}`, `[{"a":[[[]]]}`, `[1 2]`, `"a`)
	f.Fuzz(func(t *testing.T, stream []byte, most uint8) {
		consistent(t, stream, format.Options{Kind: "json", MaxItemBytes: 1 + int(most)}, !bytes.Contains(stream, []byte{'['}))
	})
}

func FuzzXML(f *testing.F) {
	seeds(f, `<r><item a="1"><b>2</b><b/></item> <item>12345678901234567890</item></r>`, `<item><!-- --><![CDATA[x]]></item>`)
	f.Fuzz(func(t *testing.T, stream []byte, most uint8) {
		consistent(t, stream, format.Options{Kind: "xml", Element: "item", MaxItemBytes: 1 + int(most)}, false)
	})
}
