package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/ingest"
)

const cursorVersion = 1

// A position is what a Cursor holds. The zero position is the beginning.
type position struct {
	Version int    `json:"v"`
	Mark    string `json:"mark,omitempty"`  // what the program is shown; empty: it has given none
	Items   int64  `json:"n,omitempty"`     // printed behind Mark, or behind the start of a run with it
	Sums    sums   `json:"sums,omitempty"`  // over those items
	Again   int    `json:"again,omitempty"` // tells apart what would be equal although items lie between
}

// encode returns the Cursor of p. Equal positions have equal cursors.
func (p position) Encode() (ingest.Cursor, error) {
	if p.Mark == "" && p.Items == 0 && p.Again == 0 {
		return "", nil
	}
	p.Version = cursorVersion
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return "", err
	}
	return ingest.Cursor(strings.TrimSuffix(b.String(), "\n")), nil
}

// decode reads a Cursor.
func (s *Source) decode(c ingest.Cursor) (position, error) {
	return ingest.DecodeCursor(c, op, s.plausible)
}

// plausible reports what in p cannot come from encode under this configuration.
func (s *Source) plausible(p position) error {
	switch {
	case p.Version != cursorVersion:
		return fmt.Errorf("its version is %d, this program reads %d", p.Version, cursorVersion)
	case p.Items < 0 || p.Again < 0:
		return errors.New("it holds a count that is out of range")
	case len(p.Sums) != rungs(p.Items):
		return errors.New("its hashes do not fit its count")
	case p.Mark != "" && !s.cfg.marks():
		return fmt.Errorf("it holds a mark, but FORMAT is %s, which has none", s.cfg.Format)
	case strings.ContainsRune(p.Mark, 0) || !utf8.ValidString(p.Mark):
		return errors.New("its mark is no text")
	case p.Mark != "" && s.cfg.Format == formatSinger && !gjson.Valid(p.Mark):
		return errors.New("its state is not valid JSON")
	}
	return nil
}

// A sum is the first 8 bytes of a SHA-256.
type sum [8]byte

// rungs is the number of sums that belong to n items: one for each power of two up to n, and one for n.
func rungs(n int64) int {
	if n == 0 {
		return 0
	}
	return bits.Len64(uint64(n)) + 1
}

// sums are those of a chain.
type sums []sum

// MarshalText writes the sums one after the other, in base64.
func (s sums) MarshalText() ([]byte, error) {
	var raw []byte
	for _, one := range s {
		raw = append(raw, one[:]...)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *sums) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw)%len(sum{}) != 0 {
		return errors.New("its hashes are damaged")
	}
	*s = nil
	for ; len(raw) > 0; raw = raw[len(sum{}):] {
		*s = append(*s, sum(raw))
	}
	return nil
}

// A chain is the hash over a sequence of items, with those at every power of two. The zero chain is empty.
type chain struct {
	n     int64
	hash  hash.Hash
	rungs sums
}

// add appends an item.
func (c *chain) add(item []byte) {
	if c.hash == nil {
		c.hash = sha256.New()
	}
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(item))) // so that no two sequences look the same
	c.hash.Write(length[:])
	c.hash.Write(item)
	c.n++
	if c.atRung() {
		c.rungs = append(c.rungs, c.sum())
	}
}

// atRung reports whether the number of items is a power of two.
func (c *chain) atRung() bool { return c.n&(c.n-1) == 0 }

func (c *chain) sum() sum { return sum(c.hash.Sum(nil)[:len(sum{})]) }

// all returns the sums for a position behind the items.
func (c *chain) all() sums {
	if c.n == 0 {
		return nil
	}
	return append(c.rungs[:len(c.rungs):len(c.rungs)], c.sum())
}

// agrees reports whether the items so far may be the first of those that p counts. It looks where there is a sum to
// compare with, and then it knows.
func (c *chain) agrees(p position) bool {
	if c.n == p.Items && c.sum() != p.Sums[len(p.Sums)-1] {
		return false
	}
	return !c.atRung() || c.rungs[len(c.rungs)-1] == p.Sums[len(c.rungs)-1]
}
