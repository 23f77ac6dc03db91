package resulttest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/bench/result"
)

// Valid returns nil if data is a results.json as the published schema wants it; the error says what is not.
func Valid(data []byte) error {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(result.SchemaDoc))
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}
