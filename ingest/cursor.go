package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/fault"
)

// A CursorState is what a source writes into its Cursors, as JSON. The zero value is the beginning.
type CursorState interface {
	Encode() (Cursor, error)
}

// DecodeCursor reads a Cursor that Encode of S wrote; the empty Cursor is the zero value. check reports what Encode cannot
// have written under this configuration. All else is refused as a Blocked bad_cursor of op: a guess would lose or repeat.
func DecodeCursor[S CursorState](c Cursor, op string, check func(S) error) (S, error) {
	var st, none S
	if c == "" {
		return none, nil
	}
	dec := json.NewDecoder(strings.NewReader(string(c)))
	dec.DisallowUnknownFields()
	err := dec.Decode(&st)
	if err == nil {
		err = check(st)
	}
	if err == nil {
		if again, e := st.Encode(); e != nil || again != c {
			err = errors.New("it is not written as this program writes it")
		}
	}
	if err != nil {
		return none, &fault.Error{Class: fault.Blocked, Reason: "bad_cursor", Op: op, Err: fmt.Errorf(
			"the cursor was not made by this source: %w; look at it with sluice checkpoint show, or start over with sluice checkpoint reset", err)}
	}
	return st, nil
}

// Fingerprint is a hash of parts, in which no two lists of parts look the same: 32 hexadecimal digits.
func Fingerprint(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
