package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// A shaped item is what the daemon would make of it.
type shaped struct {
	item     []byte
	position string // where it came from
	records  []transport.Record
	aside    *setAside // nil: it would be delivered, if there are records
}

// A setAside says why an item would be a dead letter.
type setAside struct {
	Stage   ingest.Stage `json:"stage"`
	Reason  string       `json:"reason"` // stable code
	Message string       `json:"message"`
}

// shape does with the items of a batch, the page-th, what the daemon would do.
func shape(b ingest.Batch, page int, parse ingest.Parser) []shaped {
	all := make([]shaped, len(b.Items))
	for i, item := range b.Items {
		s := &all[i]
		s.item, s.position = item, fmt.Sprintf("page %d, item %d", page, i+1)
		if b.Position != nil {
			s.position = b.Position(i)
		}
		records, refused := ingest.Preview(b, i, parse)
		s.records = records
		if refused != nil {
			s.aside = newSetAside(refused.Stage, refused.Reason)
		}
	}
	return all
}

func newSetAside(stage ingest.Stage, err error) *setAside {
	verdict := fault.From(err)
	return &setAside{Stage: stage, Reason: verdict.Code(), Message: verdict.Err.Error()}
}

// A recordLine is a record as JSON. Body and BodyBase64 exclude each other: what is JSON stands as it is, but for the space
// between its parts.
type recordLine struct {
	ID         string            `json:"id"`
	Key        string            `json:"key,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"`
	BodyBase64 string            `json:"body_base64,omitempty"`
	Position   string            `json:"position,omitempty"`
	Cursor     ingest.Cursor     `json:"cursor,omitempty"`
}

func newRecordLine(r transport.Record) recordLine {
	line := recordLine{ID: r.ID, Key: r.Key, Headers: r.Headers}
	line.Body, line.BodyBase64 = embedded(r.Body)
	return line
}

// An asideLine is an item that would be set aside, as JSON.
type asideLine struct {
	SetAside   *setAside       `json:"set_aside"`
	Item       json.RawMessage `json:"item,omitempty"`
	ItemBase64 string          `json:"item_base64,omitempty"`
	Position   string          `json:"position,omitempty"`
	Cursor     ingest.Cursor   `json:"cursor,omitempty"`
}

func newAsideLine(s shaped) asideLine {
	line := asideLine{SetAside: s.aside, Position: s.position}
	line.Item, line.ItemBase64 = embedded(s.item)
	return line
}

// embedded returns data as JSON in JSON, or else in base64.
func embedded(data []byte) (json.RawMessage, string) {
	if json.Valid(data) && utf8.Valid(data) {
		return data, ""
	}
	return nil, base64.StdEncoding.EncodeToString(data)
}

// count says how many there are of something.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
