package format_test

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"sluice/ingest/format"
)

const benchLines = 10_000

// BenchmarkRead reads 10,000 items of about 100 bytes: with bufio alone, for comparison, and with each kind.
func BenchmarkRead(b *testing.B) {
	object := []byte(`{"id":123456789,"name":"something","at":"2026-11-22T10:11:12Z","value":12.5,"tags":["a","b","c"]}` + "\n")
	row := []byte("123456789,something,2026-11-22T10:11:12Z,12.5,\"a, b and c, which are quoted\",x,y,z,something more\n")
	element := []byte("<item id=\"123456789\"><name>something</name><at>2026-11-22T10:11:12Z</at><value>12.5</value></item>\n")
	b.Run("bufio", func(b *testing.B) {
		data := bytes.Repeat(object, benchLines)
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			r := bufio.NewReaderSize(bytes.NewReader(data), 64<<10)
			for {
				if _, err := r.ReadSlice('\n'); err != nil {
					break
				}
			}
		}
	})
	for _, tc := range []struct {
		options format.Options
		data    []byte
	}{
		{format.Options{Kind: "ndjson"}, bytes.Repeat(object, benchLines)},
		{format.Options{Kind: "lines"}, bytes.Repeat(object, benchLines)},
		{format.Options{Kind: "json"}, bytes.Repeat(object, benchLines)},
		{format.Options{Kind: "csv", Columns: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}}, bytes.Repeat(row, benchLines)},
		{format.Options{Kind: "xml", Element: "item"}, append(append([]byte("<r>"), bytes.Repeat(element, benchLines)...), "</r>"...)},
	} {
		b.Run(tc.options.Kind, func(b *testing.B) {
			b.SetBytes(int64(len(tc.data)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := format.NewDecoder(bytes.NewReader(tc.data), tc.options)
				n := 0
				for ; err == nil; n++ {
					var item format.Item
					if item, err = d.Next(); item.Bad != nil {
						b.Fatal(item.Bad)
					}
				}
				if err != io.EOF || n-1 != benchLines { //nolint:errorlint // the contract
					b.Fatalf("%d items, %v; want %d and io.EOF", n-1, err, benchLines)
				}
			}
		})
	}
}
