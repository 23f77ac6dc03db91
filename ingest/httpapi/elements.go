package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"

	"sluice/ingest/format"
)

// plainPath are the gjson paths that go down by names alone, and so never into an array.
var plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$`)

// inParts reports whether a page of more than MaxPageBytes can be read in parts: where a setting points into the records, or
// details are put into them, it has to be held whole.
func (c Config) inParts() bool {
	switch {
	case c.DetailURL != "":
		return false
	case !c.plain():
		return true
	case c.Records != "" && !plainPath.MatchString(c.Records):
		return false
	}
	for _, path := range []string{c.CursorPath, c.NextPath, c.MorePath, c.TotalPath, c.ErrorPath} {
		if path != "" && (!plainPath.MatchString(path) || path == c.Records) {
			return false
		}
	}
	return true
}

// openJSON returns what cuts a page of JSON. One of up to MaxPageBytes is held whole; of a larger one, only what stands beside
// its records is kept for the settings that point there.
func (s *Source) openJSON(ans *answer, held *content) (cutter, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(io.LimitReader(held.r, int64(s.cfg.MaxPageBytes)+1))
	ans.body = trimMark(b.Bytes())
	if err != nil {
		return nil, held.err(err)
	}
	if b.Len() <= s.cfg.MaxPageBytes {
		ans.bodies = [][]byte{ans.body}
		return &uncut{split: func() (page, error) { return s.split(*ans) }}, nil
	}
	in := &ending{r: io.MultiReader(bytes.NewReader(ans.body), held.r)}
	e := newElements(in, s.cfg.Records, s.cfg.MaxPageBytes)
	ans.body = nil
	next := func() (format.Item, error) {
		item, err := e.next()
		if err == io.EOF { //nolint:errorlint // its contract
			ans.body = e.beside.Bytes()
			if refused := s.refusedInside(*ans); refused != nil {
				return item, refused
			}
		}
		return item, err
	}
	return &stream{next: next, half: func([]byte, error) bool { return false }, in: in, err: held.err}, nil
}

// elements are those of one array in a JSON text, one by one. All else of the text is kept, with an empty array in the place of
// that one.
type elements struct {
	dec    *json.Decoder
	in     *paced
	path   []string
	inside bool
	beside bytes.Buffer
}

func newElements(r io.Reader, path string, limit int) *elements {
	in := &paced{r: r, limit: int64(limit)}
	e := &elements{in: in, dec: json.NewDecoder(in)}
	if path != "" {
		e.path = strings.Split(path, ".")
	}
	return e
}

// next returns the next element; io.EOF: the text has ended behind the last; errTooLarge: what would have to be held is larger
// than allowed, or there is no array at the path.
func (e *elements) next() (format.Item, error) {
	if !e.inside {
		if err := e.enter(); err != nil {
			return format.Item{}, early(err)
		}
		e.inside = true
	}
	e.in.base = e.dec.InputOffset()
	if e.dec.More() {
		var element json.RawMessage
		err := e.dec.Decode(&element)
		if int64(len(element)) > e.in.limit {
			err = errTooLarge
		}
		return format.Item{Data: element}, early(err)
	}
	if err := e.leave(); err != nil {
		return format.Item{}, early(err)
	}
	if _, err := e.token(); err != io.EOF { //nolint:errorlint // its contract
		if err == nil {
			err = errors.New("something stands behind its end")
		}
		return format.Item{}, err
	}
	return format.Item{}, io.EOF
}

// enter goes down to the array.
func (e *elements) enter() error {
	for _, name := range e.path {
		if err := e.open('{'); err != nil {
			return err
		}
		found, err := e.members(name)
		if err == nil && !found {
			err = errTooLarge
		}
		if err != nil {
			return err
		}
	}
	if err := e.open('['); err != nil {
		return err
	}
	e.beside.WriteByte(']')
	return nil
}

// leave goes up from the array to the end of the text.
func (e *elements) leave() error {
	_, err := e.token()
	for i := 0; err == nil && i < len(e.path); i++ {
		if _, err = e.members(""); err == nil {
			_, err = e.token()
			e.beside.WriteByte('}')
		}
	}
	return err
}

// open reads a bracket.
func (e *elements) open(want json.Delim) error {
	t, err := e.token()
	if err == nil && t != want {
		err = errTooLarge
	}
	e.beside.WriteRune(rune(want))
	return err
}

// members keeps the members of an object up to the value of the one with a name, if that is not empty, or to its end.
func (e *elements) members(name string) (found bool, err error) {
	for e.in.base = e.dec.InputOffset(); e.dec.More(); e.in.base = e.dec.InputOffset() {
		key, err := e.token()
		if err != nil {
			return false, err
		}
		if last := e.beside.Bytes()[e.beside.Len()-1]; last != '{' {
			e.beside.WriteByte(',')
		}
		text, _ := key.(string)
		e.beside.WriteString(quoteJSON(text))
		e.beside.WriteByte(':')
		if text == name && name != "" {
			return true, nil
		}
		var value json.RawMessage
		if err := e.dec.Decode(&value); err != nil {
			return false, err
		}
		e.beside.Write(value)
		if int64(e.beside.Len()) > e.in.limit {
			return false, errTooLarge
		}
	}
	return false, nil
}

// token reads one token.
func (e *elements) token() (json.Token, error) {
	e.in.base = e.dec.InputOffset()
	return e.dec.Token()
}

// early makes the end of the bytes in the middle of JSON what it is.
func early(err error) error {
	if err == io.EOF { //nolint:errorlint // the contract of Decoder
		return io.ErrUnexpectedEOF
	}
	return err
}

// A paced reader bounds what is read before base moves on.
type paced struct {
	r              io.Reader
	n, base, limit int64
}

func (p *paced) Read(b []byte) (int, error) {
	if p.n-p.base > p.limit {
		return 0, errTooLarge
	}
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}
