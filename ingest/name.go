package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"sluice/internal/jq"
	"sluice/transport"
)

// ProgramPrefix begins a path that is a program of jq.
const ProgramPrefix = "jq:"

// A path leads to a value in a record.
type path struct {
	variable string
	text     string
	program  *jq.Program // instead of text as a path of gjson
}

func newPath(variable, text string, compile func(variable, source string) *jq.Program) path {
	p := path{variable: variable, text: text}
	if source, isProgram := strings.CutPrefix(text, ProgramPrefix); isProgram {
		p.program = compile(variable, source)
	}
	return p
}

// find returns the value that the path leads to, and which must be a string, a number or a boolean. found is false where
// there is none, or null.
func (p path) find(ctx context.Context, d draft) (value string, found bool, err error) {
	if p.program != nil {
		return p.run(ctx, d)
	}
	v := gjson.GetBytes(d.body, p.text)
	switch {
	case !v.Exists() || v.Type == gjson.Null:
		return "", false, nil
	case v.Type == gjson.JSON:
		return "", false, p.notScalar()
	case v.Type == gjson.Number:
		return v.Raw, true, nil // as it is written: a float64 would round it
	}
	return v.String(), true, nil
}

// run is find by a program.
func (p path) run(ctx context.Context, d draft) (value string, found bool, err error) {
	out, found, err := p.program.First(ctx, d.value)
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", p.variable, err)
	}
	switch v := out.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case json.Number:
		return v.String(), true, nil // as it is written
	case []any, map[string]any:
		return "", false, p.notScalar()
	}
	text, err := jq.Encode(out, 0)
	return string(text), found, err
}

func (p path) notScalar() error {
	return fmt.Errorf("the value at %q (%s) is an object or an array, want a string or a number", p.text, p.variable)
}

// must is find for a value that has to be there; "" for no path.
func (p path) must(ctx context.Context, d draft) (string, error) {
	if p.text == "" {
		return "", nil
	}
	value, found, err := p.find(ctx, d)
	if err == nil && !found {
		err = fmt.Errorf("the record has no value at %q (%s)", p.text, p.variable)
	}
	return value, err
}

// name makes the record of a draft, which is the one at place of those of its item.
func (s *shaper) name(ctx context.Context, d draft, place int) (transport.Record, error) {
	datum, err := s.id.must(ctx, d)
	if err != nil {
		return transport.Record{}, orSlow(err, rejected("no_id", StageName, "%w", err))
	}
	key, err := s.key.must(ctx, d)
	if err != nil {
		return transport.Record{}, orSlow(err, rejected("no_key", StageName, "%w", err))
	}
	r := transport.Record{ID: recordID(s.Stream, datum, key, d.body, place), Key: key, Body: d.body}
	for i, path := range s.headers {
		value, _, err := path.find(ctx, d)
		if err != nil {
			return transport.Record{}, orSlow(err, rejected("no_header", StageName, "%w", err))
		}
		if value == "" {
			continue
		}
		if r.Headers == nil {
			r.Headers = make(map[string]string, len(s.headers))
		}
		r.Headers[s.Headers[i].Name] = value
	}
	return r, nil
}

// orSlow is verdict, unless err says that the time was over.
func orSlow(err, verdict error) error {
	if errors.Is(err, errSlow) {
		return rejected("name_timeout", StageName, "%w", err)
	}
	return verdict
}

// recordID derives an ID from everything that makes a datum what it is, so that it is the same after a restart, and
// another one when the datum has changed. The first record of an item has the ID that it would have alone; the place of
// each other one is part of its ID, or two that look the same would be taken for one. 26 letters and digits that hold 128
// bits.
func recordID(stream, datum, key string, body []byte, place int) string {
	h := sha256.New()
	var length [8]byte
	for _, part := range [][]byte{[]byte(stream), []byte(datum), []byte(key), body} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part))) // so that no two lists of parts look the same
		h.Write(length[:])
		h.Write(part)
	}
	if place > 0 {
		binary.BigEndian.PutUint64(length[:], uint64(place))
		h.Write(length[:])
	}
	return idEncoding.EncodeToString(h.Sum(nil)[:16])
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
