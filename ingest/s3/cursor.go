package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice/ingest"
)

const cursorVersion = 1

// A place is what a Cursor holds: behind the object Key or, if there is an ETag, in the middle of it. The zero place is the
// beginning.
type place struct {
	Version int    `json:"v"`
	Key     string `json:"k"`
	ETag    string `json:"e,omitempty"` // of the object that is being read
	Offset  int64  `json:"o,omitempty"` // bytes read of what is in it, unpacked
	Line    int64  `json:"l,omitempty"` // lines read
	Packed  bool   `json:"z,omitempty"` // it is compressed
}

// behind is the place behind an object.
func behind(key string) place { return place{Version: cursorVersion, Key: key} }

// middle reports whether p is in the middle of an object.
func (p place) middle() bool { return p.ETag != "" }

// Encode writes p as a Cursor; equal places have equal cursors.
func (p place) Encode() (ingest.Cursor, error) {
	if p == (place{}) {
		return "", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(p)
	return ingest.Cursor(strings.TrimSuffix(b.String(), "\n")), err
}

// decode reads a Cursor.
func (s *Source) decode(c ingest.Cursor) (place, error) {
	return ingest.DecodeCursor(c, op, func(p place) error {
		switch {
		case p.Version != cursorVersion:
			return fmt.Errorf("its version is %d, this program reads %d", p.Version, cursorVersion)
		case p.Key == "" || len(p.Key) > maxKey || !utf8.ValidString(p.Key):
			return errors.New("it holds no key")
		case !strings.HasPrefix(p.Key, s.cfg.Prefix):
			return errors.New("its key does not begin with SLUICE_S3_PREFIX")
		case p.middle() != (p.Offset > 0) || p.Offset < 0 || p.Line < 0 || !p.middle() && (p.Line > 0 || p.Packed):
			return errors.New("it holds a place that is out of range")
		}
		return nil
	})
}
