package sql

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/fault"
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
	if c == "" {
		return place{}, nil
	}
	var p place
	err := json.Unmarshal([]byte(c), &p)
	switch {
	case err != nil:
		err = errors.New("it is not JSON of the right shape")
	case p.Version != cursorVersion:
		err = fmt.Errorf("its version is %d, this program reads %d", p.Version, cursorVersion)
	case len(p.After) != len(s.key):
		err = fmt.Errorf("it holds %d values, the key of a row has %d", len(p.After), len(s.key))
	case encode(p.After) != c:
		err = errors.New("it is not written as this program writes it")
	}
	if err != nil {
		return place{}, badCursor(err)
	}
	return p, nil
}

func badCursor(err error) error {
	return &fault.Error{Class: fault.Blocked, Reason: "bad_cursor", Op: op, Err: fmt.Errorf(
		"the cursor was not made by this source: %w; look at it with sluice checkpoint show, or start over with sluice checkpoint reset", err)}
}

// encode is the Cursor behind the row with the given key.
func encode(key []string) ingest.Cursor {
	text, err := json.Marshal(place{cursorVersion, key})
	if err != nil {
		panic(err) // strings can be written
	}
	return ingest.Cursor(text)
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
