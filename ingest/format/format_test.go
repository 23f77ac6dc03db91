package format_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest/format"
)

// decode returns what a Decoder makes of text, one line each, and the error that ends it.
func decode(t testing.TB, r io.Reader, o format.Options) ([]string, error) {
	t.Helper()
	d, err := format.NewDecoder(r, o)
	if err != nil {
		t.Fatalf("NewDecoder(%+v) = %v", o, err)
	}
	var got []string
	for {
		item, err := d.Next()
		if err != nil {
			if _, again := d.Next(); again != err { //nolint:errorlint // the same value
				t.Errorf("Next after %v = %v, want the same again", err, again)
			}
			return got, err
		}
		if len(item.Data) != cap(item.Data) {
			t.Errorf("item %q has room for %d bytes behind it, want none", item.Data, cap(item.Data)-len(item.Data))
		}
		kind := "item"
		if item.Bad != nil {
			kind = "bad"
		}
		got = append(got, fmt.Sprintf("%s %d-%d %s", kind, item.Line, item.End, item.Data))
	}
}

func TestItemsOfEachKind(t *testing.T) {
	xml := format.Options{Kind: "xml", Element: "item"}
	for name, tc := range map[string]struct {
		options format.Options
		stream  string
		want    []string // item or bad, line, end, data
		err     error
	}{
		"ndjson: lines untouched":                           {format.Options{Kind: "ndjson"}, "{\"id\": 9007199254740993}\n {} \n", []string{`item 1-25 {"id": 9007199254740993}`, `item 2-30  {} `}, io.EOF},
		"ndjson: blank lines, CRLF, mark, no last line end": {format.Options{Kind: "ndjson"}, "\ufeff1\r\n\r\n \t\n2", []string{"item 1-6 1", "item 4-12 2"}, io.EOF},
		"ndjson: growing":                                   {format.Options{Kind: "ndjson", Growing: true}, "1\n2", []string{"item 1-2 1"}, io.ErrUnexpectedEOF},
		"ndjson: what is no JSON":                           {format.Options{Kind: "ndjson"}, "<html>\n", []string{"item 1-7 <html>"}, io.EOF},
		"ndjson: too long":                                  {format.Options{Kind: "ndjson", MaxItemBytes: 4}, "12345\n1234\r\n123456789\n1\n", []string{"bad 1-6 1234", "item 2-12 1234", "bad 3-22 1234", "item 4-24 1"}, io.EOF},
		"ndjson: from a place":                              {format.Options{Kind: "ndjson", Offset: 100, Line: 7}, "\ufeff1\n2\n", []string{"item 7-105 \ufeff1", "item 8-107 2"}, io.EOF},
		"empty":                                             {format.Options{Kind: "ndjson"}, "", nil, io.EOF},
		"a mark only":                                       {format.Options{Kind: "lines"}, "\ufeff", nil, io.EOF},
		"lines: escaped, empty, CRLF":                       {format.Options{Kind: "lines"}, "a\"\\\t\x01é<&\n\nb\r\n", []string{`item 1-10 {"line":"a\"\\\t\u0001é<&"}`, `item 2-11 {"line":""}`, `item 3-14 {"line":"b"}`}, io.EOF},
		"lines: not UTF-8":                                  {format.Options{Kind: "lines"}, "a\xffb\nc\n", []string{"bad 1-4 a\xffb", `item 2-6 {"line":"c"}`}, io.EOF},
		"csv: header":                                       {format.Options{Kind: "csv"}, "\ufeffid,name\n1,x\n2,\"y\"\n", []string{`item 2-15 {"id":"1","name":"x"}`, `item 3-21 {"id":"2","name":"y"}`}, io.EOF},
		"csv: quotes and line breaks":                       {format.Options{Kind: "csv", Columns: []string{"a", "b"}}, "\"x\"\"y\",\"1\r\n2,3\"\r\n,\n\n\"\",z", []string{`item 1-17 {"a":"x\"y","b":"1\r\n2,3"}`, `item 3-19 {"a":"","b":""}`, `item 5-24 {"a":"","b":"z"}`}, io.EOF},
		"csv: declared delimiters":                          {format.Options{Kind: "csv", Columns: []string{"a", "b"}, Delimiter: '¦'}, "1,2¦\"3¦4\"\n", []string{`item 1-12 {"a":"1,2","b":"3¦4"}`}, io.EOF},
		"csv: too few and too many":                         {format.Options{Kind: "csv", Delimiter: ';'}, "a;b\n1\n1,2\n1;2;3\n1;2\n", []string{"bad 2-6 1", "bad 3-10 1,2", "bad 4-16 1;2;3", `item 5-20 {"a":"1","b":"2"}`}, io.EOF},
		"csv: a bare quote":                                 {format.Options{Kind: "csv", Columns: []string{"a", "b"}}, "5\" pipe,x\n\"a\"b,c\n1,2\n", []string{"bad 1-10 5\" pipe,x", "bad 2-17 \"a\"b,c", `item 3-21 {"a":"1","b":"2"}`}, io.EOF},
		"csv: not UTF-8":                                    {format.Options{Kind: "csv", Columns: []string{"a"}}, "\xff\n", []string{"bad 1-2 \xff"}, io.EOF},
		"csv: growing inside of quotes":                     {format.Options{Kind: "csv", Columns: []string{"a"}, Growing: true}, "1\n\"2\n", []string{`item 1-2 {"a":"1"}`}, io.ErrUnexpectedEOF},
		"csv: ends inside of quotes":                        {format.Options{Kind: "csv", Columns: []string{"a"}}, "1\n\"2\n", []string{`item 1-2 {"a":"1"}`}, io.ErrUnexpectedEOF},
		"csv: a stray quote ends at a line":                 {format.Options{Kind: "csv", Columns: []string{"a"}, MaxItemBytes: 4}, "\"1\n2\n3\n4\n", []string{"bad 1-5 \"1\n2", `item 3-7 {"a":"3"}`, `item 4-9 {"a":"4"}`}, io.EOF},
		"csv: growing header":                               {format.Options{Kind: "csv", Growing: true}, "a,b", nil, io.ErrUnexpectedEOF},
		"json: an array":                                    {format.Options{Kind: "json"}, " [ {\"a\":[1, \"]}\\\"\"]} ,1.50,\n\"x\",[ ] ]\n", []string{`item 1-20 {"a":[1, "]}\""]}`, "item 1-26 1.50", `item 2-31 "x"`, "item 2-35 [ ]"}, io.EOF},
		"json: values":                                      {format.Options{Kind: "json"}, "{}{} 1 null[2]\n\"\"3", []string{"item 1-2 {}", "item 1-4 {}", "item 1-6 1", "item 1-11 null", "item 1-13 2", `item 2-17 ""`, "item 2-18 3"}, io.EOF},
		"json: an empty array":                              {format.Options{Kind: "json"}, "[]", nil, io.EOF},
		"json: ends inside of a value":                      {format.Options{Kind: "json"}, `[{"a":1},{"b":`, []string{`item 1-8 {"a":1}`}, io.ErrUnexpectedEOF},
		"json: ends inside of the array":                    {format.Options{Kind: "json"}, `[1,2`, []string{"item 1-2 1"}, io.ErrUnexpectedEOF},
		"json: ends behind an element":                      {format.Options{Kind: "json"}, `[{"a":1}`, []string{`item 1-8 {"a":1}`}, io.ErrUnexpectedEOF},
		"json: ends behind a comma":                         {format.Options{Kind: "json"}, `["a", `, []string{`item 1-4 "a"`}, io.ErrUnexpectedEOF},
		"json: growing behind a number":                     {format.Options{Kind: "json", Growing: true}, `1 2`, []string{"item 1-1 1"}, io.ErrUnexpectedEOF},
		"json: an element too long":                         {format.Options{Kind: "json", MaxItemBytes: 5}, `["12345",{}]`, []string{`bad 1-8 "1234`, "item 1-11 {}"}, io.EOF},
		"xml: attributes, text, repeated": {xml, `<?xml version="1.0"?><r xmlns:x="u"><item id="1"> <n>a &amp; b</n><n/><x:o k="v">t</x:o> </item>` + "\n" + `<item>text</item></r>`,
			[]string{`item 1-96 {"@id":"1","n":["a & b",""],"o":{"@k":"v","#text":"t"}}`, `item 2-114 {"#text":"text"}`}, io.EOF},
		"xml: too long":        {format.Options{Kind: "xml", Element: "item", MaxItemBytes: 15}, "<r> <item>12345</item> <item/></r>", []string{"bad 1-22 <item>12345</it", "item 1-30 {}"}, io.EOF},
		"xml: too deep":        {xml, "<item>" + strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64) + "</item>", []string{"bad 1-461 <item>" + strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64) + "</item>"}, io.EOF},
		"xml: ends too early":  {xml, "<r><item/><item>", []string{"item 1-10 {}"}, io.ErrUnexpectedEOF},
		"xml: ends in a mark":  {xml, "<r><item/><ite", []string{"item 1-10 {}"}, io.ErrUnexpectedEOF},
		"xml: no end of roots": {xml, "<r><item/>", []string{"item 1-10 {}"}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{
				"at once": strings.NewReader(tc.stream), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.stream)),
				"with the end": iotest.DataErrReader(strings.NewReader(tc.stream)),
			} {
				got, err := decode(t, r, tc.options)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s: items (-want +got):\n%s", how, diff)
				}
				if err != tc.err { //nolint:errorlint // the contract
					t.Errorf("%s: Next = %v, want %v", how, err, tc.err)
				}
			}
		})
	}
}

// TestItemsStayAsTheyWere: what is read later, in the same memory of the Decoder, changes nothing of them.
func TestItemsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	var xml strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&xml, "<i>%d</i>\n", i)
	}
	numbers := strings.NewReplacer("<i>", "", "</i>", "").Replace(xml.String())
	for kind, stream := range map[string]string{"ndjson": numbers, "lines": numbers, "csv": "n\n" + numbers, "json": numbers, "xml": "<r>" + xml.String() + "</r>"} {
		d, err := format.NewDecoder(strings.NewReader(stream), format.Options{Kind: kind, Element: "i"})
		if err != nil {
			t.Fatal(err)
		}
		var items [][]byte
		item, err := d.Next()
		for ; err == nil; item, err = d.Next() {
			items = append(items, item.Data)
		}
		if err != io.EOF || len(items) != 20_000 { //nolint:errorlint // the contract
			t.Errorf("%s: %d items and %v, want 20000 and the end", kind, len(items), err)
		}
		form := map[string]string{"ndjson": "%d", "json": "%d", "lines": `{"line":"%d"}`, "csv": `{"n":"%d"}`, "xml": `{"#text":"%d"}`}[kind]
		for i, got := range items {
			if want := fmt.Sprintf(form, i); string(got) != want {
				t.Errorf("%s: item %d has become %q, want %q", kind, i, got, want)
				break
			}
		}
	}
}

func TestWhatCannotBeCut(t *testing.T) {
	for name, tc := range map[string]struct {
		options format.Options
		stream  string
		line    int64
		offset  int64
	}{
		"an HTML page as JSON":        {format.Options{Kind: "json"}, "\n<html>", 2, 1},
		"no comma":                    {format.Options{Kind: "json"}, "[1 2]", 1, 3},
		"two commas":                  {format.Options{Kind: "json"}, "[1,,2]", 1, 3},
		"a comma at the end":          {format.Options{Kind: "json"}, "[1,]", 1, 3},
		"a bracket that closes none":  {format.Options{Kind: "json"}, "{}}", 1, 2},
		"brackets that do not match":  {format.Options{Kind: "json"}, "[\n{]}]", 2, 2},
		"brackets without end":        {format.Options{Kind: "json"}, strings.Repeat("[", 20_000), 1, 1},
		"XML in another charset":      {format.Options{Kind: "xml", Element: "item"}, `<?xml version="1.0" encoding="ISO-8859-1"?><r/>`, 1, 43},
		"XML without an element":      {format.Options{Kind: "xml", Element: "item"}, "<?xml version='1.0'?>\n", 2, 22},
		"an HTML page as XML":         {format.Options{Kind: "xml", Element: "item"}, "<!DOCTYPE html><HTML><body/></HTML>", 1, 21},
		"XML that does not close":     {format.Options{Kind: "xml", Element: "item"}, "<r>\n<item></r>", 2, 14},
		"an entity of its own":        {format.Options{Kind: "xml", Element: "item"}, `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r><item>&e;</item></r>`, 1, 66},
		"a text without end":          {format.Options{Kind: "xml", Element: "item", MaxItemBytes: 10}, "<r>" + strings.Repeat("x", 100_000), 1, 65_550},
		"a column twice":              {format.Options{Kind: "csv"}, "\na,b,a\n1,2,3\n", 2, 1},
		"a column without a name":     {format.Options{Kind: "csv"}, "a,,b\n", 1, 0},
		"a header that is not UTF-8":  {format.Options{Kind: "csv"}, "\xff\n", 1, 0},
		"a header that is too long":   {format.Options{Kind: "csv", MaxItemBytes: 3}, "abcd\n", 1, 0},
		"a header with a stray quote": {format.Options{Kind: "csv"}, "a\"b\n", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(t, strings.NewReader(tc.stream), tc.options)
			at, ok := errors.AsType[*format.Error](err)
			if !ok {
				t.Fatalf("Next = %v (%T), want an *Error", err, err)
			}
			if at.Line != tc.line || at.Offset != tc.offset {
				t.Errorf("Next = %v, want line %d, byte %d", err, tc.line, tc.offset)
			}
		})
	}
}

func TestOptionsThatContradictThemselves(t *testing.T) {
	for name, o := range map[string]format.Options{
		"no kind":            {},
		"another kind":       {Kind: "parquet"},
		"xml of what":        {Kind: "xml"},
		"a quote between":    {Kind: "csv", Delimiter: '"'},
		"a line end between": {Kind: "csv", Delimiter: '\n'},
		"no column":          {Kind: "csv", Columns: []string{}},
		"a column twice":     {Kind: "csv", Columns: []string{"a", "a"}},
		"a negative limit":   {Kind: "lines", MaxItemBytes: -1},
	} {
		if _, err := format.NewDecoder(strings.NewReader(""), o); err == nil {
			t.Errorf("%s: NewDecoder(%+v) = nil, want an error", name, o)
		}
	}
}

func TestErrorOfTheReaderComesBehindWhatWasRead(t *testing.T) {
	broken := errors.New("connection reset")
	for _, o := range []format.Options{
		{Kind: "ndjson"}, {Kind: "lines"}, {Kind: "json"}, {Kind: "csv", Columns: []string{"a"}}, {Kind: "xml", Element: "item"},
	} {
		stream := map[string]string{"xml": "<r><item/><item", "json": "1 2"}[o.Kind]
		if stream == "" {
			stream = "1\n2"
		}
		got, err := decode(t, io.MultiReader(strings.NewReader(stream), iotest.ErrReader(broken)), o)
		if err != broken || len(got) != 1 { //nolint:errorlint // as it came
			t.Errorf("%s: %d items, then %v; want 1 item, then the error of the reader as it came", o.Kind, len(got), err)
		}
	}
}

func TestHeader(t *testing.T) {
	d, err := format.NewDecoder(strings.NewReader("a,b\n1,2\n"), format.Options{Kind: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	names, err := d.Header()
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" || err != nil {
		t.Errorf("Header = %v, %v (-want +got):\n%s", names, err, diff)
	}
	if item, err := d.Next(); err != nil || string(item.Data) != `{"a":"1","b":"2"}` {
		t.Errorf("Next behind Header = %s, %v, want the first row", item.Data, err)
	}
}
