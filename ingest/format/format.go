package format

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The kinds of streams.
const (
	NDJSON = "ndjson"
	CSV    = "csv"
	Lines  = "lines"
	JSON   = "json"
	XML    = "xml"
)

// Options say how a stream is cut.
type Options struct {
	Kind         string   // ndjson, csv, lines, json or xml
	Delimiter    rune     // csv: between two fields; 0: a comma
	Columns      []string // csv: the names of the columns; nil: the first row holds them
	Element      string   // xml: local name of the element that is a record
	MaxItemBytes int      // longest item, in bytes of the stream; 0: 1 MiB

	// Growing says that the stream may go on later: what stands behind the last line end is unfinished, and is
	// io.ErrUnexpectedEOF. Otherwise the end of the stream ends a line (ndjson, lines, csv) and a number (json) too.
	Growing bool

	Offset int64 // bytes of the stream before the reader's first; End counts from there
	Line   int64 // line of the reader's first byte; 0: 1
}

// An Item is what a record is made of.
type Item struct {
	Data []byte // owned by the caller, with no room behind it
	Bad  error  // why this is no item of its kind; nil: it is
	Line int64  // where it starts, from 1
	End  int64  // bytes of the stream up to and with its end
}

// An Error says why a stream cannot be cut any further. What was returned before it stands.
type Error struct {
	Line   int64 // where, from 1
	Offset int64 // bytes of the stream before that place
	Err    error
}

// Error names the place.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d (byte %d): %v", e.Line, e.Offset, e.Err)
}

// Unwrap returns what is wrong there.
func (e *Error) Unwrap() error { return e.Err }

const defaultMaxItem = 1 << 20

// A Decoder cuts one stream. It is not safe for concurrent use.
type Decoder struct {
	in      *input
	growing bool
	next    func() (Item, error)
	rows    *rows  // csv
	object  []byte // of a line, on its way
	err     error  // what every further Next returns
}

// NewDecoder returns a Decoder that reads from r, and reads ahead. It fails if the options contradict themselves.
func NewDecoder(r io.Reader, o Options) (*Decoder, error) {
	if o.MaxItemBytes < 0 || o.Offset < 0 || o.Line < 0 {
		return nil, errors.New("a limit or a place in a stream cannot be negative")
	}
	if o.MaxItemBytes == 0 {
		o.MaxItemBytes = defaultMaxItem
	}
	d := &Decoder{in: newInput(r, o), growing: o.Growing}
	switch o.Kind {
	case NDJSON:
		d.next = d.ndjson
	case Lines:
		d.next = d.text
	case CSV:
		rows, err := newRows(d, o)
		if err != nil {
			return nil, err
		}
		d.rows, d.next = rows, rows.next
	case JSON:
		d.next = (&values{d: d}).next
	case XML:
		if o.Element == "" {
			return nil, errors.New("xml needs the name of the element that is a record")
		}
		d.next = newElements(d, o.Element).next
	default:
		return nil, fmt.Errorf("there is no format %q, want %s", o.Kind, strings.Join(Kinds(), ", "))
	}
	return d, nil
}

// Kinds lists the kinds of streams.
func Kinds() []string { return []string{NDJSON, CSV, Lines, JSON, XML} }

// Next returns the next item. io.EOF: the stream has ended behind an item; io.ErrUnexpectedEOF: it has ended inside of one,
// of which nothing is returned; *Error: it cannot be cut any further; anything else is the reader's error, as it came.
// After an error it returns the same again.
func (d *Decoder) Next() (Item, error) {
	if d.err != nil {
		return Item{}, d.err
	}
	item, err := d.next()
	if err != nil {
		d.err = err
		return Item{}, err
	}
	return item, nil
}

// Header returns the names of the columns of a csv stream, and reads the first row if it holds them. Errors are those of
// Next.
func (d *Decoder) Header() ([]string, error) {
	if d.rows == nil {
		return nil, errors.New("only csv has columns")
	}
	if d.err == nil && d.rows.columns == nil {
		d.err = d.rows.header()
	}
	return slices.Clone(d.rows.columns), d.err
}

// Pos returns the place behind the last item, or, behind io.EOF, behind all that was read: bytes of the stream before it, and
// its line.
func (d *Decoder) Pos() (offset, line int64) { return d.in.off, d.in.line }

// tooLong is what is wrong with an item of more than the allowed bytes.
func (d *Decoder) tooLong() error {
	return fmt.Errorf("the record has more than %d bytes", d.in.max)
}

var errNotUTF8 = errors.New("the record is not valid UTF-8")

// ended is the error for a stream that ends with rest behind the last line end, or nil if that rest is an item.
func (d *Decoder) ended(rest []byte) error {
	switch {
	case len(rest) == 0:
		return io.EOF
	case d.growing:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// appendString appends s, which is valid UTF-8, as a JSON string. Only what must be is escaped.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// validDelimiter reports whether r can stand between two fields.
func validDelimiter(r rune) bool {
	return r != 0 && r != '"' && r != '\r' && r != '\n' && r != utf8.RuneError && utf8.ValidRune(r)
}
