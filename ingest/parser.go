package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"

	"sluice/internal/jq"
	"sluice/transport"
)

// Naming says what a Parser makes of the items of a stream, and how it names the records. A path is one of gjson, or, after
// "jq:", a program of jq of which the first output counts.
type Naming struct {
	Stream  string   // part of every ID: the same datum in another stream is another record
	ID      string   // path of what identifies a datum; empty: its content does
	Key     string   // path of what groups records; empty: none
	Headers []Header // what else travels beside a record

	// FilterFrom and MapFrom are the settings that Filter and Map come from, for messages; empty: SLUICE_FILTER and SLUICE_MAP.
	FilterFrom, MapFrom string

	Filter  string        // program of jq: an item passes if its first output is true; empty: all do
	Map     string        // program of jq: each of its outputs is a record; empty: the item is, byte for byte
	Timeout time.Duration // for all programs on one item together; 0: one second

	// MaxBytes is the longest item that is taken, and the longest record that a map may make of it; 0: no limit.
	MaxBytes int
	Schema   *jsonschema.Schema // what every record must satisfy; nil: any JSON
}

// A Header is a value of a record that travels beside it. Without a value, or with an empty one, there is no header.
type Header struct{ Name, Path string }

// The names of the settings, for messages.
const (
	filterVariable = "SLUICE_FILTER"
	mapVariable    = "SLUICE_MAP"
	idVariable     = "SLUICE_RECORD_ID"
	keyVariable    = "SLUICE_RECORD_KEY"
	headerVariable = "SLUICE_RECORD_HEADERS"
)

// defaultTimeout is for all programs on one item.
const defaultTimeout = time.Second

// A shaper is a Naming with its programs compiled.
type shaper struct {
	Naming
	filter, shape *jq.Program // nil: none
	id, key       path
	headers       []path
	decodes       bool // a program needs the item as a value
}

// Compile returns the Parser that decodes, filters, maps, names and validates, in that order except that what can be named is
// named first. Items that no map has changed keep their bytes. The error is one line for each program that does not compile,
// which begins with the variable.
func (n Naming) Compile() (Parser, error) {
	var errs []error
	compile := func(variable, source string) *jq.Program {
		if source == "" {
			return nil
		}
		p, err := jq.Compile(source)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", variable, err))
		}
		return p
	}
	s := shaper{Naming: n, filter: compile(cmp.Or(n.FilterFrom, filterVariable), n.Filter), shape: compile(cmp.Or(n.MapFrom, mapVariable), n.Map)}
	s.id, s.key = newPath(idVariable, n.ID, compile), newPath(keyVariable, n.Key, compile)
	for _, h := range n.Headers {
		s.headers = append(s.headers, newPath(headerVariable, h.Path, compile))
	}
	s.decodes = s.filter != nil || s.shape != nil || s.id.program != nil || s.key.program != nil
	for _, h := range s.headers {
		s.decodes = s.decodes || h.program != nil
	}
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	return s.parse, errors.Join(errs...)
}

// Parser is Compile for a Naming whose programs are known to compile; it panics where one does not.
func (n Naming) Parser() Parser {
	parse, err := n.Compile()
	if err != nil {
		panic(err)
	}
	return parse
}

// parse is the Parser.
func (s *shaper) parse(item []byte) ([]transport.Record, error) {
	if err := s.decodable(item); err != nil {
		return nil, err
	}
	if !s.decodes {
		return s.records(context.Background(), []draft{{body: item}})
	}
	value, err := jq.Decode(item)
	if err != nil {
		return nil, rejected("not_json", StageDecode, "the record is not valid JSON: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), s.Timeout, errSlow)
	defer cancel()
	if s.filter != nil {
		if passes, err := s.passes(ctx, value); err != nil || !passes {
			return nil, err
		}
	}
	drafts := []draft{{body: item, value: value}}
	if s.shape != nil {
		if drafts, err = s.mapped(ctx, item, value); err != nil {
			return nil, err
		}
	}
	return s.records(ctx, drafts)
}

// decodable says why an item is not one that can be taken.
func (s *shaper) decodable(item []byte) error {
	switch {
	case s.MaxBytes > 0 && len(item) > s.MaxBytes:
		return rejected("item_too_large", StageDecode, "the record has %d bytes, at most %d are allowed", len(item), s.MaxBytes)
	case !gjson.ValidBytes(item):
		return rejected("not_json", StageDecode, "the record is not valid JSON")
	case tooDeep(item):
		return rejected("too_deep", StageDecode, "the record is nested more than %d levels deep", maxDepth)
	}
	return nil
}

// records names and validates drafts. With the first error come all those that can be named.
func (s *shaper) records(ctx context.Context, drafts []draft) ([]transport.Record, error) {
	var first error
	records := make([]transport.Record, 0, len(drafts))
	for place, d := range drafts {
		r, err := s.name(ctx, d, place)
		if err == nil {
			records = append(records, r)
			err = s.check(d.body)
		}
		if first == nil {
			first = err
		}
	}
	return records, first
}

// check validates a record against the schema.
func (s *shaper) check(body []byte) error {
	if s.Schema == nil {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return rejected("not_json", StageDecode, "the record is not valid JSON: %w", err)
	}
	if err := s.Schema.Validate(v); err != nil {
		return rejected("schema_violation", StageValidate, "the record does not satisfy the schema: %s", violation(err))
	}
	return nil
}
