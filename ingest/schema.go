package ingest

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"sluice/internal/atomicfile"
)

// LoadSchema compiles the JSON Schema in the file at path. Without a $schema of its own it is draft-04, as the models of
// API Gateway are, so that one file can serve both.
func LoadSchema(path string) (*jsonschema.Schema, error) {
	f, err := atomicfile.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s is not valid JSON: %w", path, err)
	}
	if err := patterns(doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(noLoader{})
	const name = "schema.json"
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("%s is not a usable JSON Schema: %w", path, err)
	}
	return schema, nil
}

// noLoader keeps a schema from reading other files or addresses.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("the schema refers to %s; put everything into one file", url)
}

// violation says in one line where and why a document does not satisfy its schema.
func violation(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return err.Error()
	}
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	return fmt.Sprintf("at /%s: %s", strings.Join(v.InstanceLocation, "/"), v.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
}
