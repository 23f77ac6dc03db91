package ingest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
)

// schemaFile writes a schema.
func schemaFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDrafts: each draft means what it says, and draft-04 is meant where none is named.
func TestDrafts(t *testing.T) {
	t.Parallel()
	const old, new = "http://json-schema.org/", "https://json-schema.org/draft/"
	for _, c := range []struct {
		name, schema string
		good, bad    string
	}{
		{"none: draft-04", `{"minimum":1,"exclusiveMinimum":true}`, `2`, `1`},
		{"draft-04", `{"$schema":"` + old + `draft-04/schema#","minimum":1,"exclusiveMinimum":true}`, `2`, `1`},
		{"draft-06", `{"$schema":"` + old + `draft-06/schema#","const":1,"exclusiveMinimum":0}`, `1`, `2`},
		{"draft-07", `{"$schema":"` + old + `draft-07/schema#","if":{"type":"string"},"then":{"maxLength":1}}`, `"x"`, `"xx"`},
		{"2019-09", `{"$schema":"` + new + `2019-09/schema","dependentRequired":{"a":["b"]}}`, `{"a":1,"b":1}`, `{"a":1}`},
		{"2020-12", `{"$schema":"` + new + `2020-12/schema","prefixItems":[{"type":"string"}],"items":false}`, `["x"]`, `["x",1]`},
		{"format is checked up to draft-07", `{"format":"date-time"}`, `"2026-11-22T00:00:00Z"`, `"yesterday"`},
		{"a number that is one in another notation", `{"type":"integer"}`, `1.0e2`, `1.5`},
		{"an id above 2^53", `{"maximum":9007199254740992}`, `9007199254740992`, `9007199254740993`},
	} {
		t.Run(c.name, func(t *testing.T) {
			parse := ingest.Naming{Schema: schemaOf(t, c.schema)}.Parser()
			if _, err := parse([]byte(c.good)); err != nil {
				t.Errorf("%s is refused: %v", c.good, err)
			}
			if _, err := parse([]byte(c.bad)); err == nil {
				t.Errorf("%s is taken", c.bad)
			}
		})
	}
	note := ingest.Naming{Schema: schemaOf(t, `{"$schema":"`+new+`2020-12/schema","format":"date-time"}`)}.Parser()
	if _, err := note([]byte(`"yesterday"`)); err != nil {
		t.Errorf("format in 2020-12 is a note, and yet: %v", err)
	}
}

func TestPatternsThatCannotBeUsedAreAllSaidAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := ingest.LoadSchema(schemaFile(t, `{"properties":{"a/b":{"pattern":"(?=x)"},"pattern":{"type":"string"}},"enum":[{"pattern":"(?=data)"}],
		"allOf":[{"patternProperties":{"^(a)\\1$":{},"^ok$":{"not":{"pattern":"(?<!x)y"}}}}]}`))
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"at /properties/a~1b/pattern ", `at /allOf/0/patternProperties/^(a)\1$ `, "at /allOf/0/patternProperties/^ok$/not/pattern "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a line with %q", err, want)
		}
	}
	if n := strings.Count(err.Error(), "cannot be used"); n != 3 {
		t.Errorf("%d patterns are said to be unusable, want 3: %v", n, err)
	}
}

func TestKeywordsThatADraftDoesNotKnowAreWarnedOf(t *testing.T) {
	t.Parallel()
	const text = `{"properties":{"const":{"type":"string"},"x":{"const":1}},"anyOf":[{"if":{},"then":{"contains":{}}}],"enum":[{"const":1}]%s}`
	var where []string
	for _, w := range ingest.SchemaWarnings(schemaFile(t, strings.Replace(text, "%s", "", 1))) {
		place, _, _ := strings.Cut(strings.TrimPrefix(w, "SLUICE_SCHEMA_FILE: "), " ")
		where = append(where, place)
	}
	want := []string{"/anyOf/0/if", "/anyOf/0/then", "/anyOf/0/then/contains", "/properties/x/const"}
	if slices.Sort(where); !slices.Equal(where, want) {
		t.Errorf("warned of %q, want %q", where, want)
	}
	if got := ingest.SchemaWarnings(schemaFile(t, strings.Replace(text, "%s", `,"$schema":"http://json-schema.org/draft-07/schema#"`, 1))); len(got) > 0 {
		t.Errorf("a draft that knows them: warned of %q", got)
	}
}
