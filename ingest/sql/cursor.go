package sql

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"sluice/ingest"
)

const (
	cursorVersion = 1
	// maxKey bounds the text of one value in a cursor.
	maxKey = 64 << 10
)

// A place is what a Cursor holds: the key of the last row that was returned. The zero place is the beginning.
type place struct {
	Version int `json:"v"`
	// After is the text of COLUMN, and of TIE if that is set.
	After []string `json:"after"`
}

// decode reads a Cursor.
func (s *Source) decode(c ingest.Cursor) (place, error) {
	return ingest.DecodeCursor(c, op, func(p place) error {
		switch {
		case p.Version != cursorVersion:
			return fmt.Errorf("its version is %d, this program reads %d", p.Version, cursorVersion)
		case len(p.After) != len(s.key):
			return fmt.Errorf("it holds %d values, the key of a row has %d", len(p.After), len(s.key))
		}
		return nil
	})
}

// Encode writes p as a Cursor.
func (p place) Encode() (ingest.Cursor, error) {
	text, err := json.Marshal(p)
	return ingest.Cursor(text), err
}

// checkKey refuses what cannot be kept in a cursor, or stands above all that may come.
func checkKey(key []string) error {
	for _, v := range key {
		switch {
		case v == "infinity" || v == "Infinity" || v == "NaN":
			return fmt.Errorf("a row has the value %s, behind which nothing can be found; leave it out with SLUICE_SQL_QUERY", v)
		case len(v) > maxKey || !utf8.ValidString(v):
			return fmt.Errorf("a row has a value of %d bytes, at most %d of UTF-8 fit into a cursor; choose another column", len(v), maxKey)
		}
	}
	return nil
}
