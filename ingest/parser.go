package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"

	"sluice/transport"
)

// Naming says how a Parser names the records of a stream.
type Naming struct {
	Stream string // part of every ID: the same datum in another stream is another record
	ID     string // gjson path of what identifies a datum; empty: its content does
	Key    string // gjson path of what groups records; empty: none
	// MaxBytes is the longest item that is taken for a record; 0: no limit.
	MaxBytes int
	Schema   *jsonschema.Schema // what every item must satisfy; nil: any JSON
}

// Parser returns the Parser that validates items as JSON, names them, and passes their bytes through untouched.
func (n Naming) Parser() Parser {
	return func(item []byte) (transport.Record, error) {
		if n.MaxBytes > 0 && len(item) > n.MaxBytes {
			return transport.Record{}, fmt.Errorf("the record has %d bytes, at most %d are allowed", len(item), n.MaxBytes)
		}
		if !gjson.ValidBytes(item) {
			return transport.Record{}, errors.New("the record is not valid JSON")
		}
		if tooDeep(item) {
			return transport.Record{}, fmt.Errorf("the record is nested more than %d levels deep", maxDepth)
		}
		datum, err := n.find(item, n.ID, "SLUICE_RECORD_ID")
		if err != nil {
			return transport.Record{}, err
		}
		key, err := n.find(item, n.Key, "SLUICE_RECORD_KEY")
		if err != nil {
			return transport.Record{}, err
		}
		record := transport.Record{ID: recordID(n.Stream, datum, key, item), Key: key, Body: item}
		return record, n.check(item)
	}
}

// find returns the value at path, which the named variable sets, and which must be a string, a number or a boolean; "" for an empty path.
func (n Naming) find(item []byte, path, variable string) (string, error) {
	if path == "" {
		return "", nil
	}
	v := gjson.GetBytes(item, path)
	switch {
	case !v.Exists() || v.Type == gjson.Null:
		return "", fmt.Errorf("the record has no value at %q (%s)", path, variable)
	case v.Type == gjson.JSON:
		return "", fmt.Errorf("the value at %q (%s) is an object or an array, want a string or a number", path, variable)
	case v.Type == gjson.Number:
		return v.Raw, nil // as it is written: a float64 would round it
	}
	return v.String(), nil
}

// check validates item against the schema.
func (n Naming) check(item []byte) error {
	if n.Schema == nil {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(item))
	if err != nil {
		return fmt.Errorf("the record is not valid JSON: %w", err)
	}
	if err := n.Schema.Validate(v); err != nil {
		return fmt.Errorf("the record does not satisfy the schema: %s", violation(err))
	}
	return nil
}

// recordID derives an ID from everything that makes a datum what it is, so that it is the same after a restart, and
// another one when the datum has changed. 26 letters and digits that hold 128 bits.
func recordID(stream, datum, key string, body []byte) string {
	h := sha256.New()
	var length [8]byte
	for _, part := range [][]byte{[]byte(stream), []byte(datum), []byte(key), body} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part))) // so that no two lists of parts look the same
		h.Write(length[:])
		h.Write(part)
	}
	return idEncoding.EncodeToString(h.Sum(nil)[:16])
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
