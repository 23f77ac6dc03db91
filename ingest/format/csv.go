package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// rows cuts csv.
type rows struct {
	d       *Decoder
	delim   []byte
	columns []string // nil: not known yet
	names   [][]byte // each as `"name":`

	state   rowState
	matched int // bytes of a delimiter that have been seen
	seen    int // bytes of the row that have been seen

	fields [][]byte
	plain  []byte // of quoted fields, without quotes
	object []byte
}

// A rowState is where in a row the scanner stands.
type rowState uint8

const (
	atField  rowState = iota // before the first byte of a field
	unquoted                 // in a field without quotes
	quoted                   // between quotes
	atQuote                  // behind a quote in a quoted field: its end, or the first of two
)

func newRows(d *Decoder, o Options) (*rows, error) {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if !validDelimiter(o.Delimiter) {
		return nil, fmt.Errorf("%q cannot stand between the fields of csv", o.Delimiter)
	}
	r := &rows{d: d, delim: utf8.AppendRune(nil, o.Delimiter)}
	if o.Columns == nil {
		return r, nil
	}
	return r, r.name(o.Columns)
}

// name takes the names of the columns. It refuses names that would make objects with equal or empty members.
func (r *rows) name(columns []string) error {
	if len(columns) == 0 {
		return errors.New("csv needs the name of a column")
	}
	at := map[string]int{}
	names := make([][]byte, len(columns))
	for i, column := range columns {
		other, twice := at[column]
		switch {
		case column == "":
			return fmt.Errorf("column %d of the csv has no name", i+1)
		case twice:
			return fmt.Errorf("columns %d and %d of the csv have the same name", other+1, i+1)
		case !utf8.ValidString(column):
			return fmt.Errorf("the name of column %d of the csv is not valid UTF-8", i+1)
		}
		at[column] = i
		names[i] = append(appendString(nil, []byte(column)), ':')
	}
	r.columns, r.names = append([]string(nil), columns...), names
	return nil
}

// header takes the names of the columns from the first row.
func (r *rows) header() error {
	for {
		line, start := r.d.in.line, r.d.in.off
		row, item, err := r.cut()
		if err != nil {
			return err
		}
		if item.Bad == nil && len(row) == 0 {
			continue
		}
		if err = item.Bad; err == nil {
			err = r.split(row)
		}
		if err == nil {
			columns := make([]string, len(r.fields))
			for i, field := range r.fields {
				columns[i] = string(field)
			}
			err = r.name(columns)
		}
		if err != nil {
			return &Error{Line: line, Offset: start, Err: err}
		}
		return nil
	}
}

func (r *rows) next() (Item, error) {
	if r.columns == nil {
		if err := r.header(); err != nil {
			return Item{}, err
		}
	}
	for {
		row, item, err := r.cut()
		if err != nil {
			return Item{}, err
		}
		if item.Bad == nil && len(row) == 0 {
			continue
		}
		if item.Bad == nil {
			item.Bad = r.make(row)
		}
		item.Data = row
		if item.Bad == nil {
			item.Data = r.object
		}
		item.Data = r.d.in.own(item.Data)
		return item, nil
	}
}

// cut returns the next row without its line end, and an Item that lacks its Data only.
func (r *rows) cut() (row []byte, item Item, err error) {
	in := r.d.in
	r.state, r.matched, r.seen = atField, 0, 0
	item.Line = in.line
	raw, whole, err := in.cut(r.scan)
	if err == nil && !whole {
		err = r.d.ended(raw)
		if err == nil && r.state == quoted {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return nil, Item{}, err
	}
	item.End = in.off
	row = trimLine(raw)
	if in.tooLong(len(raw) - len(row)) {
		item.Bad, row = r.d.tooLong(), raw[:in.max]
	}
	return row, item, nil
}

// scan finds the end of a row.
func (r *rows) scan(piece []byte) (n int, done bool) {
	state, last := r.state, r.delim[len(r.delim)-1]
	for i, c := range piece {
		if state == quoted {
			switch {
			case c == '"':
				state = atQuote
			case c == '\n' && r.seen+i >= r.d.in.max: // a stray quote must not swallow the rest of the stream
				return i + 1, true
			}
			continue
		}
		switch {
		case c == '\n':
			return i + 1, true
		case c == '"' && state != unquoted:
			state = quoted
		case len(r.delim) == 1 && c == last:
			state = atField
		default:
			state = unquoted
			if len(r.delim) > 1 && r.match(c) {
				state = atField
			}
		}
	}
	r.state = state
	r.seen += len(piece)
	return len(piece), false
}

// match reports whether c is the last byte of a delimiter of several bytes.
func (r *rows) match(c byte) bool {
	switch {
	case c == r.delim[r.matched]:
		r.matched++
	case c == r.delim[0]:
		r.matched = 1
	default:
		r.matched = 0
	}
	if r.matched < len(r.delim) {
		return false
	}
	r.matched = 0
	return true
}

// make makes a JSON object of row.
func (r *rows) make(row []byte) error {
	if !utf8.Valid(row) {
		return errNotUTF8
	}
	if err := r.split(row); err != nil {
		return err
	}
	if len(r.fields) != len(r.columns) {
		return fmt.Errorf("the row has %d fields, want %d", len(r.fields), len(r.columns))
	}
	object := append(r.object[:0], '{')
	for i, field := range r.fields {
		if i > 0 {
			object = append(object, ',')
		}
		object = appendString(append(object, r.names[i]...), field)
	}
	r.object = append(object, '}')
	return nil
}

// split puts the fields of row into r.fields.
func (r *rows) split(row []byte) error {
	r.fields, r.plain = r.fields[:0], r.plain[:0]
	if cap(r.plain) < len(row) { // fields point into it: it must not move
		r.plain = make([]byte, 0, len(row))
	}
	for more := true; more; {
		var field []byte
		if len(row) > 0 && row[0] == '"' {
			from := len(r.plain)
			rest, ok := r.unquote(row[1:])
			if !ok || len(rest) > 0 && !bytes.HasPrefix(rest, r.delim) {
				return fmt.Errorf("field %d has something behind its closing quote, or none (RFC 4180 wants a quote inside of quotes doubled)", len(r.fields)+1)
			}
			field, row = r.plain[from:], rest
			more = len(row) > 0
			row = bytes.TrimPrefix(row, r.delim)
		} else {
			field, row, more = bytes.Cut(row, r.delim)
			if bytes.IndexByte(field, '"') >= 0 {
				return fmt.Errorf("field %d has a quote and is not quoted itself (RFC 4180 does not allow that)", len(r.fields)+1)
			}
		}
		r.fields = append(r.fields, field)
	}
	return nil
}

// unquote appends to r.plain what stands before the closing quote, and returns what stands behind it.
func (r *rows) unquote(row []byte) (rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(row, '"')
		if i < 0 {
			return nil, false
		}
		r.plain = append(r.plain, row[:i]...)
		row = row[i+1:]
		if len(row) == 0 || row[0] != '"' {
			return row, true
		}
		r.plain, row = append(r.plain, '"'), row[1:]
	}
}
