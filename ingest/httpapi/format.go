package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"sluice/ingest/format"
)

// FormatConfig says what pages are made of.
type FormatConfig struct {
	Format    string `split_words:"true" default:"json" desc:"what a page is: json, ndjson (a JSON value per line), csv, xml, lines. Pages that are gzip or zip files are unpacked"`
	Delimiter string `split_words:"true" default:"," desc:"csv: what stands between two fields; \\t is a tab"`
	Columns   string `split_words:"true" desc:"csv: names of the columns, with commas; empty: the first row of every page holds them"`
}

// format is the kind of pages.
func (c FormatConfig) format() string {
	if c.Format == "" {
		return format.JSON
	}
	return c.Format
}

// plain reports whether pages are JSON, where settings may point into them.
func (c FormatConfig) plain() bool { return c.format() == format.JSON }

// accepted is the Accept header.
func (c FormatConfig) accepted() string {
	switch c.format() {
	case format.NDJSON:
		return "application/x-ndjson, application/jsonl, application/json;q=0.9, */*;q=0.1"
	case format.CSV:
		return "text/csv, */*;q=0.1"
	case format.XML:
		return "application/xml, text/xml, */*;q=0.1"
	case format.Lines:
		return "text/plain, */*;q=0.1"
	}
	return "application/json"
}

// columns are the names of the columns of csv; nil: the first row holds them.
func (c FormatConfig) columns() []string {
	if c.Columns == "" {
		return nil
	}
	names := strings.Split(c.Columns, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return names
}

// options are those of the decoder. No item is cut: one that is too long goes whole to the dead letters, and the size of
// a page bounds it.
func (c Config) options() format.Options {
	o := format.Options{Kind: c.format(), MaxItemBytes: c.MaxPageBytes}
	if o.Kind == format.XML {
		o.Element = c.Records
	}
	return o.WithCSV(c.Delimiter, c.columns())
}

func (c Config) checkFormat(p *problems) {
	p.oneOf("FORMAT", c.format(), format.JSON, format.NDJSON, format.CSV, format.XML, format.Lines)
	if err := format.CheckCSV(c.format(), c.Delimiter, c.columns()); err != nil {
		p.add("%v", err)
	}
	switch {
	case c.format() == format.XML && (c.Records == "" || strings.ContainsAny(c.Records, ".:/ ")):
		p.add("FORMAT=xml needs RECORDS to be the name of the element that is a record, without a prefix")
	case !c.plain() && c.format() != format.XML && c.Records != "":
		p.add("RECORDS is set, and FORMAT=%s has no place in a page to point to", c.format())
	}
	if c.plain() {
		return
	}
	for _, use := range [][2]string{
		{"CURSOR_PATH", c.CursorPath}, {"NEXT_PATH", c.NextPath}, {"MORE_PATH", c.MorePath}, {"TOTAL_PATH", c.TotalPath}, {"ERROR_PATH", c.ErrorPath},
	} {
		if use[1] != "" {
			p.add("%s points into a page of JSON, and FORMAT is %s", use[0], c.format())
		}
	}
}

// A page is what an answer holds, or a part of it.
type page struct {
	items [][]byte
	bad   map[int]error // by the place in items: why it is no record
	lines []int64       // by the place in items: the line where it begins; nil: there are no lines
	files []int         // by the place in items: the file of a zip file, from 1; nil: the page is none
	first int           // records of the page before these
}

// join appends the records of a file; 0: of a page that is none.
func (p *page) join(q page, file int) {
	for i, item := range q.items {
		found := format.Item{Data: item, Bad: q.bad[i]}
		if q.lines != nil {
			found.Line = q.lines[i]
		}
		p.add(found, q.lines != nil)
		if file > 0 {
			p.files = append(p.files, file)
		}
	}
}

// add appends what a decoder has found.
func (p *page) add(item format.Item, lined bool) {
	if item.Bad != nil {
		if p.bad == nil {
			p.bad = map[int]error{}
		}
		p.bad[len(p.items)] = item.Bad
	}
	p.items = append(p.items, item.Data)
	if lined {
		p.lines = append(p.lines, item.Line)
	}
}

// errHTML is a page for people where records should be.
var errHTML = errors.New("it is an HTML page: see whether a login or a proxy stands before the API")

// errJSON is a page of JSON where other records should be: as csv it might pass for a header without any rows.
var errJSON = errors.New("it is JSON, by its content type too, as SLUICE_HTTP_FORMAT does not say; set that to json")

// isJSON reports whether a page that begins so is JSON, by what the server says and by what it looks like.
func isJSON(start []byte, kind string) bool {
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	kind = strings.TrimSpace(kind)
	text := bytes.TrimSpace(trimMark(start))
	return (kind == "application/json" || strings.HasSuffix(kind, "+json")) && len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

// A stream cuts one stream of a page into records, some at a time.
type stream struct {
	next  func() (format.Item, error)
	lined bool                     // items say their lines
	half  func([]byte, error) bool // whether a record without a line end is only a part of one
	in    *ending
	err   func(error) error // says whose fault an error of reading is
	ahead *format.Item      // has been read, and did not fit
	n     int               // records so far
}

// stream opens one stream of a page.
func (c Config) stream(r io.Reader, kind string) (*stream, error) {
	in := &ending{r: r}
	buffered := bufio.NewReader(in)
	start, _ := buffered.Peek(4 * sample)
	if isHTML(start) || strings.HasPrefix(strings.ToLower(kind), "text/html") {
		return nil, damaged{errHTML}
	}
	if (c.format() == format.CSV || c.format() == format.XML) && isJSON(start, kind) {
		return nil, damaged{errJSON}
	}
	d, err := format.NewDecoder(buffered, c.options())
	if err != nil {
		return nil, damaged{err}
	}
	return &stream{next: d.Next, lined: c.format() != format.XML, half: c.half, in: in, err: func(err error) error { return err }}, nil
}

// itemBytes is about what an item takes beside its bytes.
const itemBytes = 48

// part is that of a cutter. A part has one record at least, unless there is none.
func (s *stream) part(bytes, most int) (p page, over bool, err error) {
	p.first = s.n
	for size := 0; ; {
		item, err := s.item()
		switch {
		case err == io.EOF: //nolint:errorlint // its contract
			return p, true, s.wholeEnd(p)
		case err != nil:
			return page{}, false, s.err(err)
		case item.Bad != nil && len(item.Data) >= bytes:
			return page{}, false, errTooLarge // or it would be cut
		}
		if len(p.items) > 0 && (size+len(item.Data) > bytes || len(p.items) == most) {
			s.ahead = &item
			return p, false, nil
		}
		p.add(item, s.lined)
		size += len(item.Data) + itemBytes
		s.n++
	}
}

// item is the next one.
func (s *stream) item() (format.Item, error) {
	if s.ahead != nil {
		item := *s.ahead
		s.ahead = nil
		return item, nil
	}
	item, err := s.next()
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // its contract
		return item, err
	case s.in.err != nil: // what the network says
		return item, s.in.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("behind record %d it ends in the middle of one", s.n)
	}
	return item, damaged{err}
}

// wholeEnd refuses a page that ends without a line end in the middle of a record: some servers end the connection where
// they fail, and nothing else tells.
func (s *stream) wholeEnd(p page) error {
	n := len(p.items) - 1
	if n < 0 || s.in.last == '\n' || !s.half(p.items[n], p.bad[n]) {
		return nil
	}
	return damaged{fmt.Errorf("it ends in the middle of record %d", s.n)}
}

// half reports whether a record that ends with the page, and without a line end, is only a part of one. bad is why it is none.
func (c Config) half(record []byte, bad error) bool {
	return c.format() == format.CSV && bad != nil || c.format() == format.NDJSON && !json.Valid(record)
}

// An ending remembers how a stream has ended.
type ending struct {
	r    io.Reader
	last byte  // the last that was read
	err  error // other than io.EOF
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if n > 0 {
		e.last = p[n-1]
	}
	if err != nil && err != io.EOF { //nolint:errorlint // the contract of Reader
		e.err = err
	}
	return n, err
}

// open returns what cuts the page that resp begins and body holds. What has to be held whole of it is read.
func (s *Source) open(ans *answer, resp *http.Response, body io.Reader) (cutter, error) {
	held, err := unpack(resp, body, s.cfg.MaxPageBytes, !s.cfg.inParts())
	if err != nil {
		return nil, err
	}
	switch {
	case held.r == nil || !s.cfg.inParts():
		err = s.cfg.readFiles(ans, held)
		return &uncut{split: func() (page, error) { return s.split(*ans) }}, err
	case s.cfg.plain():
		return s.openJSON(ans, held)
	}
	cut, err := s.cfg.stream(held.r, ans.kind)
	if err != nil {
		return nil, held.err(err)
	}
	cut.err = held.err
	return cut, nil
}

// readFiles reads all records of a page: JSON goes to bodies, the rest to the page.
func (c Config) readFiles(ans *answer, held *content) error {
	return held.each(func(r io.Reader, file int) error {
		if c.plain() {
			var b bytes.Buffer
			_, err := b.ReadFrom(r)
			ans.body = trimMark(b.Bytes())
			ans.bodies = append(ans.bodies, ans.body)
			return err
		}
		cut, err := c.stream(r, ans.kind)
		for over := false; err == nil && !over; {
			var p page
			p, over, err = cut.part(math.MaxInt, 0)
			ans.page.join(p, file)
		}
		return err
	})
}
