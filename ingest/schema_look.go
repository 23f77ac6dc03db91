package ingest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where schemas stand in a schema, by keyword. All that is not listed holds data, such as names or examples.
var (
	schemaUnder     = []string{"not", "additionalItems", "additionalProperties", "items", "contains", "propertyNames", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"}
	schemasInList   = []string{"allOf", "anyOf", "oneOf", "items", "prefixItems"}
	schemasByName   = []string{"properties", "patternProperties", "definitions", "$defs", "dependencies", "dependentSchemas"}
	newerThanDraft4 = []string{"const", "contains", "propertyNames", "if", "then", "else", "$id", "$defs", "$anchor", "dependentRequired", "dependentSchemas", "prefixItems",
		"minContains", "maxContains", "unevaluatedItems", "unevaluatedProperties"}
)

// subschemas calls visit for a schema and all in it, with the JSON pointer of each, in a fixed order.
func subschemas(schema any, pointer string, visit func(pointer string, schema map[string]any)) {
	object, ok := schema.(map[string]any)
	if !ok {
		return
	}
	visit(pointer, object)
	for _, keyword := range schemaUnder {
		subschemas(object[keyword], pointer+"/"+keyword, visit)
	}
	for _, keyword := range schemasInList {
		list, _ := object[keyword].([]any)
		for i, s := range list {
			subschemas(s, pointer+"/"+keyword+"/"+strconv.Itoa(i), visit)
		}
	}
	for _, keyword := range schemasByName {
		byName, _ := object[keyword].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			subschemas(byName[name], pointer+"/"+keyword+"/"+escapePointer.Replace(name), visit)
		}
	}
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// patterns reports all regular expressions that cannot be used, with their JSON pointers. Those of a schema are of ECMA 262,
// and what needs going back in the text (look-ahead, look-behind, references to groups) has no place in Go's, which always
// end in time.
func patterns(schema any) error {
	var errs []error
	check := func(pointer, pattern string) {
		if _, err := regexp.Compile(pattern); err != nil {
			errs = append(errs, fmt.Errorf("the pattern at %s cannot be used: %w; look-ahead, look-behind and back-references are not supported: "+
				"say it with several patterns in allOf, anyOf or not", pointer, err))
		}
	}
	subschemas(schema, "", func(pointer string, s map[string]any) {
		if pattern, ok := s["pattern"].(string); ok {
			check(pointer+"/pattern", pattern)
		}
		byPattern, _ := s["patternProperties"].(map[string]any)
		for _, pattern := range slices.Sorted(maps.Keys(byPattern)) {
			check(pointer+"/patternProperties/"+escapePointer.Replace(pattern), pattern)
		}
	})
	return errors.Join(errs...)
}

// SchemaWarnings lists what the schema in the file at path asks for and is not checked, one sentence each: keywords that its
// draft does not know, which every validator passes over in silence. The file must be one that LoadSchema takes.
func SchemaWarnings(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return nil
	}
	root, _ := doc.(map[string]any)
	if draft, set := root["$schema"].(string); set && !strings.HasPrefix(draft, "http://json-schema.org/draft-04/schema") {
		return nil
	}
	var warnings []string
	subschemas(doc, "", func(pointer string, s map[string]any) {
		for _, keyword := range newerThanDraft4 {
			if _, set := s[keyword]; set {
				warnings = append(warnings, fmt.Sprintf("SLUICE_SCHEMA_FILE: %s/%s is not checked, because draft-04, which the schema is of, does not know %s; "+
					"name a newer draft in $schema, or say it otherwise", pointer, keyword, keyword))
			}
		}
	})
	return warnings
}
