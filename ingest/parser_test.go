package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/ingest"
	"sluice/transport"
)

const item = `{"id":9007199254740993,"name":"grün","net":"us","flag":true,"none":null,"deep":{"x":[1,2]}, "b" : 1e2 }`

// parseOne is the record that naming makes of an item, of which it must not make several.
func parseOne(naming ingest.Naming, item string) (transport.Record, error) {
	records, err := naming.Parser()([]byte(item))
	switch {
	case len(records) > 1:
		return transport.Record{}, fmt.Errorf("%d records, want one: %v", len(records), err)
	case len(records) == 1:
		return records[0], err
	}
	return transport.Record{}, err
}

func TestParserPassesBytesThroughAndNamesTheRecord(t *testing.T) {
	rec, err := parseOne(ingest.Naming{Stream: "s", ID: "id", Key: "net"}, item)
	if err != nil {
		t.Fatal(err)
	}
	if string(rec.Body) != item {
		t.Errorf("body = %s, want the item untouched", rec.Body)
	}
	if rec.Key != "us" {
		t.Errorf("key = %q, want us", rec.Key)
	}
	if len(rec.ID) != 26 || strings.Trim(rec.ID, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
		t.Errorf("id = %q, want 26 letters and digits", rec.ID)
	}
}

func TestNumbersNameRecordsAsTheyAreWritten(t *testing.T) {
	for path, want := range map[string]string{"id": "9007199254740993", "b": "1e2"} {
		rec, err := parseOne(ingest.Naming{Key: path}, item)
		if err != nil || rec.Key != want {
			t.Errorf("key at %s = %q, %v, want %q", path, rec.Key, err, want)
		}
	}
}

func TestIDDependsOnStreamDatumKeyAndContentOnly(t *testing.T) {
	id := func(n ingest.Naming, item string) string {
		t.Helper()
		rec, err := parseOne(n, item)
		if err != nil {
			t.Fatal(err)
		}
		return rec.ID
	}
	base := ingest.Naming{Stream: "s", ID: "id", Key: "net"}
	if a, b := id(base, item), id(base, item); a != b {
		t.Errorf("the same item has the ids %s and %s", a, b)
	}
	seen := map[string]string{id(base, item): "base"}
	for name, other := range map[string]string{
		"another stream":         id(ingest.Naming{Stream: "s2", ID: "id", Key: "net"}, item),
		"another datum path":     id(ingest.Naming{Stream: "s", ID: "name", Key: "net"}, item),
		"no key":                 id(ingest.Naming{Stream: "s", ID: "id"}, item),
		"changed content":        id(base, strings.Replace(item, "1e2", "1e3", 1)),
		"an id above 2^53, next": id(base, strings.Replace(item, "740993", "740992", 1)),
	} {
		if first, taken := seen[other]; taken {
			t.Errorf("%s has the same id as %s", name, first)
		}
		seen[other] = name
	}
}

// TestIDsSurviveAnUpgrade: a FIFO queue and a receiver know a record by its ID, so a new version of Sluice that goes on
// from the checkpoint of an old one must give every record the ID that it had. These were made by the first version.
func TestIDsSurviveAnUpgrade(t *testing.T) {
	for want, naming := range map[string]ingest.Naming{
		"rqw3y83zqzh7pxdyvw5t9b47zr": {Stream: "s", ID: "id", Key: "net"},
		"dmcnpyvpc56r9rc384tchms66w": {Stream: "s"},
		"2mqmeapkrymt430cm7vsyxp380": {},
	} {
		rec, err := parseOne(naming, item)
		if err != nil || rec.ID != want {
			t.Errorf("%+v: %q, %v, want %q", naming, rec.ID, err, want)
		}
	}
}

func TestARefusedItemIsNamedIfItCanBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"required":["accountid"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	schema, err := ingest.LoadSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	naming := ingest.Naming{Stream: "s", ID: "id", Key: "net"}
	good, err := parseOne(naming, item)
	if err != nil {
		t.Fatal(err)
	}
	naming.Schema = schema
	refused, err := parseOne(naming, item)
	if err == nil || refused.ID != good.ID || refused.Key != good.Key {
		t.Errorf("refused by the schema: %+v, %v, want the ID and the key that it has when the schema is mended", refused, err)
	}
	if none, err := parseOne(naming, `{"id":1}`); err == nil || none.ID != "" {
		t.Errorf("without a key: %+v, %v, want no name", none, err)
	}
}

func TestParserRefusesWithAReason(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "schema.json")
	if err := os.WriteFile(file, []byte(`{"type":"object","required":["accountid"],"properties":{"accountid":{"type":"string"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	schema, err := ingest.LoadSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		naming ingest.Naming
		item   string
		want   string
	}{
		"not JSON":            {ingest.Naming{}, `{"a":`, "not valid JSON"},
		"two values":          {ingest.Naming{}, `{} {}`, "not valid JSON"},
		"too long":            {ingest.Naming{MaxBytes: 5}, `{"a":1}`, "7 bytes, at most 5"},
		"no id":               {ingest.Naming{ID: "nope"}, item, `no value at "nope"`},
		"null id":             {ingest.Naming{ID: "none"}, item, `no value at "none"`},
		"an object as key":    {ingest.Naming{Key: "deep"}, item, "object or an array"},
		"schema: missing":     {ingest.Naming{Schema: schema}, `{}`, "at /: missing propert"},
		"schema: wrong type":  {ingest.Naming{Schema: schema}, `{"accountid":1}`, "at /accountid: got number, want string"},
		"schema: not an obj.": {ingest.Naming{Schema: schema}, `[]`, "got array, want object"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := parseOne(c.naming, c.item)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("parsed as %+v, %v, want refused with %q", rec, err, c.want)
			}
		})
	}
	if _, err := (ingest.Naming{Schema: schema}).Parser()([]byte(`{"accountid":"a"}`)); err != nil {
		t.Errorf("a good record is refused: %v", err)
	}
}

func TestSchemaProblemsAreFoundWhenItIsLoaded(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"not JSON":          `{`,
		"a wrong type":      `{"type":"objekt"}`,
		"an alien pattern":  `{"pattern":"(?=x)"}`,
		"a foreign address": `{"$ref":"https://example.com/x.json"}`,
		"a local file":      `{"$ref":"file:///etc/hostname"}`,
	} {
		file := filepath.Join(dir, "s.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ingest.LoadSchema(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ingest.LoadSchema(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file: accepted")
	}
}

func FuzzParser(f *testing.F) {
	f.Add([]byte(item))
	parse := ingest.Naming{Stream: "s", ID: "id", Key: "net", MaxBytes: 1 << 16}.Parser()
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := parse(data)
		b, errB := parse(data)
		if (errA == nil) != (errB == nil) || len(a) != len(b) || len(a) > 0 && a[0].ID != b[0].ID {
			t.Errorf("not pure: %+v, %v and %+v, %v", a, errA, b, errB)
		}
		if errA == nil && (len(a) != 1 || string(a[0].Body) != string(data)) {
			t.Errorf("made %q, want %q", a, data)
		}
	})
}

// schemaOf compiles a schema.
func schemaOf(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	schema, err := ingest.LoadSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
