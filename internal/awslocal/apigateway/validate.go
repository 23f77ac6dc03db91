package apigateway

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const draft4 = "http://json-schema.org/draft-04/schema"

// A Model is a JSON Schema of draft 4, which is the draft that the service understands.
type Model struct{ schema *jsonschema.Schema }

// ParseModel reads a schema. It follows no reference out of the document, and refuses another draft.
func ParseModel(text []byte) (*Model, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("model: not JSON: %w", err)
	}
	object, ok := doc.(map[string]any)
	if !ok {
		return nil, errors.New("model: a schema is a JSON object")
	}
	if d, ok := object["$schema"]; ok && strings.TrimSuffix(fmt.Sprint(d), "#") != draft4 {
		return nil, fmt.Errorf("model: $schema is %v, but API Gateway understands draft 4 only; say %s#", d, draft4)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(noLoader{})
	if err := c.AddResource("model:///", doc); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	schema, err := c.Compile("model:///")
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &Model{schema}, nil
}

// accepts reports whether a body fits. An empty body is taken as {}.
func (m *Model) accepts(body []byte) bool {
	if len(body) == 0 {
		body = []byte("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	return err == nil && m.schema.Validate(doc) == nil
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("reference to %s: a model has to be one document", url)
}

// validate checks required parameters, then the body against the model for its content type, if there is one.
func (a *API) validate(c *call) *gatewayResponse {
	var missing []string
	for _, name := range c.route.Headers {
		if strings.TrimSpace(c.r.Header.Get(name)) == "" {
			missing = append(missing, name)
		}
	}
	query := c.r.URL.Query()
	for _, name := range c.route.Parameters {
		if !slices.ContainsFunc(query[name], func(v string) bool { return strings.TrimSpace(v) != "" }) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return message(400, "BadRequestException", "Missing required request parameters: ["+strings.Join(missing, ", ")+"]")
	}
	model, ok := c.route.Models[mediaType(c.r.Header)]
	if !ok {
		model, ok = c.route.Models["$default"]
	}
	if ok && !model.accepts(c.body) {
		return invalidBody
	}
	return nil
}
