package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/ingest"
)

const (
	cursorVersion = 1
	// maxKnown bounds the items that a cursor remembers; at 8 bytes each, about half a megabyte of text.
	maxKnown = 50_000
	// maxNumber bounds page numbers and offsets: beyond it JSON readers at the far side round.
	maxNumber = 1 << 53
	// beginning is the second name of the empty Cursor: what the zero state is written as.
	beginning = `{"v":1}`
)

// A state is what a Cursor holds: where to read next and all that is needed to go on from there. The zero state is the
// beginning.
type state struct {
	Version int `json:"v"`
	// At is the page to read: path and query (link, next), token (cursor), number (page, offset); empty: the first.
	At    string `json:"at,omitempty"`
	Pages int    `json:"n,omitempty"`    // pages read in this sweep
	Anew  int    `json:"anew,omitempty"` // how often this sweep has begun anew, because a place in it was forgotten

	Since  *mark `json:"since,omitempty"`  // what this sweep asks for; nil: Config.SinceStart
	Newest *mark `json:"newest,omitempty"` // newest value in this sweep; nil: none newer than Since
	Known  bag   `json:"known,omitempty"`  // items that earlier sweeps returned, each to be skipped once
	Ties   bag   `json:"ties,omitempty"`   // items of this sweep at the newest value
	Odd    bag   `json:"odd,omitempty"`    // items of this sweep without a value, or older than Since
	Tail   bag   `json:"tail,omitempty"`   // page: items of the last page that held any, if it may still grow
	Void   int   `json:"void,omitempty"`   // page: pages without records between that one and At
	Sure   int   `json:"sure,omitempty"`   // page: pages before this number have been read since it held records
	Vain   bool  `json:"vain,omitempty"`   // page: more were said to follow one without records, or such a one followed
	Twice  bool  `json:"twice,omitempty"`  // page: the one at At has grown, and is read again
	Size   int   `json:"size,omitempty"`   // page: records of one that another followed; 0: not known
	Full   bool  `json:"full,omitempty"`   // page, offset: a page with Limit records has been seen
	Most   int   `json:"most,omitempty"`   // where a header says what follows, or pages are capped: records of the largest page seen

	Window  *window `json:"win,omitempty"`    // what this sweep covers
	Reached *int64  `json:"to,omitempty"`     // end of the window before, in Unix milliseconds
	Again   *int64  `json:"again,omitempty"`  // where the next window begins if that is before Reached
	Seen    bag     `json:"seen,omitempty"`   // window: items of this sweep, if a later one shows them again
	Recent  recents `json:"recent,omitempty"` // since, with a look-back: items of this sweep that the next one shows again
	Mixed   bool    `json:"mixed,omitempty"`  // since, with capped pages: values have gone down in this sweep

	Done int    `json:"done,omitempty"`       // records of the page at At that have been returned, if it is read in parts
	Sum  uint64 `json:"sum,string,omitempty"` // over these records

	Part  bag               `json:"part,omitempty"`  // with details: items of the page at At that have been returned
	Queue []string          `json:"queue,omitempty"` // with children: parents that this sweep has not read yet
	Kids  map[string]*state `json:"kids,omitempty"`  // with children: the state of each parent, by its path
	Lined int               `json:"lined,omitempty"` // with children: parents that this sweep began with
	Shut  int               `json:"shut,omitempty"`  // with children: those of them that were left out

	Loop  loop `json:"loop,omitzero"`
	Same  loop `json:"same,omitzero"`   // of what pages hold, where they say what follows
	Twins int  `json:"twins,omitempty"` // pages that held what the mark of Same holds

	ETag     string `json:"etag,omitempty"`     // of the page at At; set only where a sweep of one page starts again
	Modified string `json:"modified,omitempty"` // Last-Modified of that page
}

// encode returns the Cursor of st. Equal states have equal cursors.
func (st state) Encode() (ingest.Cursor, error) {
	st.Version = cursorVersion
	if n := st.remembered(); n > maxKnown {
		return "", tooManyKnown(n)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(st); err != nil {
		return "", err
	}
	return ingest.Cursor(strings.TrimSuffix(b.String(), "\n")), nil
}

// tooManyKnown refuses to remember n items.
func tooManyKnown(n int) error {
	return fmt.Errorf("%d records would have to be remembered in order not to repeat them, more than %d; "+
		"ask for less at a time: smaller pages (SLUICE_HTTP_LIMIT, SLUICE_HTTP_PAGINATION), a value that tells what is new "+
		"(SLUICE_HTTP_SINCE_PATH), or a finer SLUICE_HTTP_SINCE_FORMAT", n, maxKnown)
}

// remembered counts the items that st holds.
func (st state) remembered() int {
	n := st.Known.size() + st.Ties.size() + st.Odd.size() + st.Tail.size() + st.Seen.size() + len(st.Recent) + st.Part.size()
	for _, kid := range st.Kids {
		n += kid.remembered()
	}
	return n
}

// decode reads a Cursor.
func (s *Source) decode(c ingest.Cursor) (state, error) { return ingest.DecodeCursor(c, op, s.check) }

// check reports what in st cannot come from encode under this configuration.
func (s *Source) check(st state) error {
	switch {
	case st.Version != cursorVersion:
		return fmt.Errorf("its version is %d, this program reads %d", st.Version, cursorVersion)
	case st.Pages < 0 || st.Pages > maxNumber || st.Most < 0 || st.Most > maxNumber || st.Most > 0 && !s.cfg.compares() || !st.Loop.plausible() || !st.Same.plausible() || st.Twins < 0 || st.Twins > maxTwins || st.Anew < 0 || st.Anew > maxAnew:
		return errors.New("it holds a count that is out of range")
	case !s.cfg.dated() && (st.Since != nil || st.Newest != nil || st.Ties != nil || st.Odd != nil || st.Recent != nil || st.Mixed):
		return errors.New("it holds a since value, but SINCE_PARAM is not set")
	case !s.since.holds(st.Since) || !s.since.holds(st.Newest):
		return errors.New("it holds a since value of another kind")
	case !s.cfg.windowed() && (st.Window != nil || st.Reached != nil || st.Again != nil || st.Seen != nil):
		return errors.New("it holds a time window, but WINDOW_START is not set")
	case !st.Window.within() || st.Reached != nil && !plausibleTime(*st.Reached) || st.Again != nil && (st.Reached == nil || *st.Again >= *st.Reached || !plausibleTime(*st.Again)) || !slices.IsSortedFunc(st.Recent, recent.order):
		return errors.New("it holds times that are out of range")
	case st.Void < 0 || st.Void > st.Pages || st.Sure < 0 || st.Sure > maxNumber || st.Size < 0 || st.Size > maxNumber || st.Pages < 0 || st.Done < 0 || st.Done > maxNumber || st.Done == 0 && st.Sum != 0:
		return errors.New("it stands at a place in a page that is none")
	case s.cfg.DetailURL == "" && st.Part != nil:
		return errors.New("it stands in the middle of a page, but DETAIL_URL is not set")
	case !validHeader(st.ETag) || !validHeader(st.Modified):
		return errors.New("it holds a validator that is no header value")
	}
	if err := s.checkChildren(st); err != nil {
		return err
	}
	switch s.cfg.Pagination {
	case paginationNone:
		if st.At != "" {
			return errors.New("it points to a page, but PAGINATION is none")
		}
	case paginationLink, paginationNext:
		if st.At != "" {
			return s.checkPath(st.At)
		}
	case paginationPage, paginationOffset:
		if st.At != "" {
			n, err := strconv.ParseInt(st.At, 10, 64)
			if err != nil || n < 0 || n > maxNumber || strconv.FormatInt(n, 10) != st.At {
				return errors.New("it holds a page or offset that is no number")
			}
		}
	}
	return nil
}

// A bag is a set of items, each as often as it was seen, by the hash of their bytes.
type bag map[uint64]int

// hashOf is the first 8 bytes of SHA-256. With 50,000 known items, a new one is taken for a known one with a
// probability of 3e-15.
func hashOf(item []byte) uint64 {
	sum := sha256.Sum256(item)
	return binary.BigEndian.Uint64(sum[:])
}

// bagOf holds the given hashes.
func bagOf(hashes []uint64) bag {
	b := bag{}
	for _, h := range hashes {
		b[h]++
	}
	return b
}

// take removes one h and reports whether there was one.
func (b bag) take(h uint64) bool {
	n := b[h]
	if n == 0 {
		return false
	}
	if b[h] = n - 1; n == 1 {
		delete(b, h)
	}
	return true
}

// size counts the items.
func (b bag) size() (n int) {
	for _, times := range b {
		n += times
	}
	return n
}

// plus is b and others together.
func (b bag) plus(others ...bag) bag {
	sum := maps.Clone(b)
	if sum == nil {
		sum = bag{}
	}
	for _, o := range others {
		for h, n := range o {
			sum[h] += n
		}
	}
	return sum
}

// MarshalText writes the hashes in order, each as often as it is held, 8 bytes each, in base64.
func (b bag) MarshalText() ([]byte, error) {
	var raw []byte
	for _, h := range slices.Sorted(maps.Keys(b)) {
		for range b[h] {
			raw = binary.BigEndian.AppendUint64(raw, h)
		}
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (b *bag) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw)%8 != 0 || len(raw) > 8*maxKnown {
		return errors.New("it holds a list of known records that is damaged")
	}
	*b = bag{}
	for ; len(raw) > 0; raw = raw[8:] {
		(*b)[binary.BigEndian.Uint64(raw)]++
	}
	return nil
}
