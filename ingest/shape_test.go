package ingest_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// made writes the bodies of the records that naming makes of an item, one after the other, or stage and reason of why not.
func made(t testing.TB, naming ingest.Naming, item string) string {
	t.Helper()
	parse, err := naming.Compile()
	if err != nil {
		t.Fatal(err)
	}
	records, err := parse([]byte(item))
	if err != nil {
		f := fault.From(err)
		return fmt.Sprintf("%s %s %s", f.Class, f.Op, f.Reason)
	}
	var bodies []string
	for _, r := range records {
		bodies = append(bodies, string(r.Body))
	}
	return strings.Join(bodies, " | ")
}

func TestShapes(t *testing.T) {
	t.Parallel()
	const spaced = ` { "id" : 9007199254740993, "b":"\u00e9", "list":[1,2,2] } `
	for name, c := range map[string]struct {
		naming ingest.Naming
		item   string
		want   string
	}{
		"a filter changes no byte":              {ingest.Naming{Filter: ".id > 5"}, spaced, spaced},
		"not even of what is no Unicode":        {ingest.Naming{Filter: "true"}, "\"\xff\\ud800\"", "\"\xff\\ud800\""},
		"left out: false":                       {ingest.Naming{Filter: ".id < 5"}, spaced, ""},
		"left out: null":                        {ingest.Naming{Filter: ".none"}, spaced, ""},
		"left out: nothing":                     {ingest.Naming{Filter: "empty"}, spaced, ""},
		"the first output counts":               {ingest.Naming{Filter: "false, true"}, spaced, ""},
		"zero is true":                          {ingest.Naming{Filter: "0"}, "1", "1"},
		"the filter fails":                      {ingest.Naming{Filter: ".id.x"}, spaced, "rejected filter filter_failed"},
		"the filter has no end":                 {ingest.Naming{Filter: "last(repeat(.))", Timeout: time.Millisecond}, "1", "rejected filter filter_timeout"},
		"mapped: compact, ids whole":            {ingest.Naming{Map: "{id, b}"}, spaced, `{"b":"é","id":9007199254740993}`},
		"mapped to several, equal ones too":     {ingest.Naming{Map: ".list[]"}, spaced, "1 | 2 | 2"},
		"mapped to none":                        {ingest.Naming{Map: "empty"}, spaced, ""},
		"filtered before it is mapped":          {ingest.Naming{Filter: ".id", Map: ".b"}, `{"b":1}`, ""},
		"the map fails":                         {ingest.Naming{Map: ".[0]"}, spaced, "rejected map map_failed"},
		"the map fails after an output":         {ingest.Naming{Map: `1, error("x")`}, "1", "rejected map map_failed"},
		"the map has no end":                    {ingest.Naming{Map: "def f: f; f", Timeout: time.Millisecond}, "1", "rejected map map_timeout"},
		"the map has no end and no output cap":  {ingest.Naming{Map: "repeat(1)", Timeout: time.Minute}, "1", "rejected map map_too_large"},
		"the map makes too much":                {ingest.Naming{Map: `("x" * 1000000) as $x | range(100) | $x`, Timeout: time.Minute}, "1", "rejected map map_too_large"},
		"10,000 records are not too many":       {ingest.Naming{Map: "range(10000) | select(. == 9999)"}, "1", "9999"},
		"a record that is too long":             {ingest.Naming{Map: `"x" * 30`, MaxBytes: 31}, `"x"`, "rejected map map_too_large"},
		"one that is just not":                  {ingest.Naming{Map: `"x" * 29`, MaxBytes: 31}, `"x"`, `"` + strings.Repeat("x", 29) + `"`},
		"an item that is too long":              {ingest.Naming{Map: "1", MaxBytes: 3}, `"xx"`, "rejected decode item_too_large"},
		"the map makes what is no number":       {ingest.Naming{Map: "nan"}, "1", "rejected map map_failed"},
		"the map nests too deep":                {ingest.Naming{Map: "reduce range(70) as $i (0; [.])"}, "1", "rejected map map_failed"},
		"bytes that are no text":                {ingest.Naming{Map: "."}, "\"\xff\"", "rejected map not_unicode"},
		"half a character":                      {ingest.Naming{Map: "."}, `"\ud800"`, "rejected map not_unicode"},
		"no JSON":                               {ingest.Naming{Map: "."}, `{"a":`, "rejected decode not_json"},
		"too deep":                              {ingest.Naming{Map: "."}, strings.Repeat("[", 65) + strings.Repeat("]", 65), "rejected decode too_deep"},
		"named after the map":                   {ingest.Naming{Map: "{new: .id}", ID: "new", Key: "jq:.new"}, `{"id":1}`, `{"new":1}`},
		"not by what was before":                {ingest.Naming{Map: "{new: .id}", ID: "id"}, `{"id":1}`, "rejected name no_id"},
		"no key":                                {ingest.Naming{Key: "jq:.k"}, `{}`, "rejected name no_key"},
		"no key: an object":                     {ingest.Naming{Key: "jq:."}, `{}`, "rejected name no_key"},
		"no key: the program fails":             {ingest.Naming{Key: "jq:error"}, `{}`, "rejected name no_key"},
		"no id: a program without an end":       {ingest.Naming{ID: "jq:def f: f; f", Timeout: time.Millisecond}, `{}`, "rejected name name_timeout"},
		"a header that is an object":            {ingest.Naming{Headers: []ingest.Header{{Name: "A", Path: "a"}}}, `{"a":{}}`, "rejected name no_header"},
		"one of the records cannot be named":    {ingest.Naming{Map: ".[]", ID: "id"}, `[{"id":1},{}]`, "rejected name no_id"},
		"the schema sees what the map has made": {ingest.Naming{Map: "{new: .id}", Schema: schemaOf(t, `{"required":["new"]}`)}, `{"id":1}`, `{"new":1}`},
		"and each record of it":                 {ingest.Naming{Map: ".[]", Schema: schemaOf(t, `{"type":"number"}`)}, `[1,"x"]`, "rejected validate schema_violation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := made(t, c.naming, c.item); got != c.want {
				t.Errorf("of %.100q: got %.200q, want %.200q", c.item, got, c.want)
			}
		})
	}
}

func TestHeadersAreNamedByEitherLanguage(t *testing.T) {
	t.Parallel()
	naming := ingest.Naming{Map: ".", Headers: []ingest.Header{{Name: "Id", Path: "id"}, {Name: "Big", Path: "jq:.id + 1"}, {Name: "Text", Path: "a.b"}, {Name: "None", Path: "none"},
		{Name: "Null", Path: "jq:.none"}, {Name: "Empty", Path: "empty"}, {Name: "Flag", Path: "jq:.id > 1"}, {Name: "Same", Path: "jq:.id"}}}
	records, err := naming.Parser()([]byte(`{"id":9007199254740993,"a":{"b":"grün"},"empty":""}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Id": "9007199254740993", "Big": "9007199254740994", "Text": "grün", "Flag": "true", "Same": "9007199254740993"}
	if !maps.Equal(records[0].Headers, want) {
		t.Errorf("got %v, want %v", records[0].Headers, want)
	}
}

// TestRecordsOfOneItemKeepTheirIDs: the first has the ID that it would have alone, so that a map that changes nothing
// changes no ID, and each other one an ID of its own, always the same.
func TestRecordsOfOneItemKeepTheirIDs(t *testing.T) {
	t.Parallel()
	ids := func(n ingest.Naming, item string) (ids []string) {
		records, err := n.Parser()([]byte(item))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			ids = append(ids, r.ID)
		}
		return ids
	}
	alone := ids(ingest.Naming{Stream: "s", ID: "id"}, `{"id":1}`)
	mapped := ids(ingest.Naming{Stream: "s", ID: "jq:.id", Map: "., ., ."}, ` { "id" : 1 } `)
	if len(mapped) != 3 || mapped[0] != alone[0] || mapped[1] == mapped[0] || mapped[2] == mapped[0] || mapped[2] == mapped[1] {
		t.Errorf("got %q, want three IDs, of which the first is %s", mapped, alone)
	}
	if again := ids(ingest.Naming{Stream: "s", ID: "id", Map: "., ., ."}, `{"id":1}`); strings.Join(again, " ") != strings.Join(mapped, " ") {
		t.Errorf("got %q and then %q, want the same", mapped, again)
	}
}

func TestProgramsThatDoNotCompileAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	n := ingest.Naming{Filter: "now", Map: "{", ID: "jq:foo", Key: "jq:.", Headers: []ingest.Header{{Name: "A", Path: "jq:|"}}}
	parse, err := n.Compile()
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 4 || parse == nil {
		t.Fatalf("%d lines, want one of each of four programs:\n%v", len(lines), err)
	}
	for i, want := range []string{"SLUICE_FILTER: it calls now", "SLUICE_MAP: unexpected EOF at line 1", "SLUICE_RECORD_ID: function not defined", "SLUICE_RECORD_HEADERS: "} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
}

// FuzzShape: whatever the item is, a shaped parser does not panic, says the same twice, and gives no two records one ID.
func FuzzShape(f *testing.F) {
	for _, seed := range []string{item, `[1,[2,{"id":"x"}],null]`, `{"id":1e400,"list":[1,1]}`, "\"\xff\"", `"\ud800"`, `{"a":{"a":[{}]}}`, `-0.0`} {
		f.Add([]byte(seed))
	}
	parse := ingest.Naming{Stream: "s", Filter: `tostring | length != 7`, Key: "jq:type", Headers: []ingest.Header{{Name: "L", Path: "jq:tojson | length"}}, MaxBytes: 1 << 12,
		Map:     `., (.. | scalars), (tojson | fromjson | [paths] | length), (try (to_entries | map(.value |= [.])) catch "none"), (try (.id + 1) catch empty), ([..] | sort | unique)`,
		Timeout: time.Minute}.Parser()
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := parse(data)
		b, errB := parse(append([]byte(nil), data...))
		if fmt.Sprint(errA) != fmt.Sprint(errB) || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("not pure: %v, %v and %v, %v", a, errA, b, errB)
		}
		if errA != nil && (!fault.Is(errA, fault.Rejected) || fault.From(errA).Reason == "") {
			t.Errorf("refused without a verdict: %v", errA)
		}
		ids := map[string]bool{}
		for _, r := range a {
			if ids[r.ID] {
				t.Errorf("two records have the ID %s", r.ID)
			}
			ids[r.ID] = true
		}
	})
}

var sinkOfParser []transport.Record

func BenchmarkParser(b *testing.B) {
	item := []byte(`{"id":9007199254740993,"type":"Feature","properties":{"mag":1.35,"place":"8km SSW of Somewhere","time":1517961600000,"net":"us"},"list":[1,2,3,4,5,6,7,8]}`)
	for name, naming := range map[string]ingest.Naming{
		"plain":      {Stream: "s", ID: "id", Key: "properties.net"},
		"jq names":   {Stream: "s", ID: "jq:.id", Key: "jq:.properties.net"},
		"filter":     {Stream: "s", ID: "id", Filter: ".properties.mag > 1"},
		"filter+map": {Stream: "s", ID: "id", Filter: ".properties.mag > 1", Map: "{id, mag: .properties.mag, at: .properties.time}"},
	} {
		b.Run(name, func(b *testing.B) {
			parse := naming.Parser()
			b.SetBytes(int64(len(item)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if sinkOfParser, err = parse(item); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAParserOfOthersNeedsNoVerdict: what refuses without one gets one.
func TestAParserOfOthersNeedsNoVerdict(t *testing.T) {
	t.Parallel()
	if f := fault.From(ingest.Unparsable(errors.New("x"))); f.Class != fault.Rejected || f.Reason != "unparsable" {
		t.Errorf("got %+v, want a rejection as unparsable", f)
	}
}
