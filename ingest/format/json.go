package format

import (
	"fmt"
	"io"
)

// maxNesting bounds the brackets that are open at once.
const maxNesting = 10_000

// values cuts JSON: the values of a stream, or the elements of its arrays.
type values struct {
	d       *Decoder
	inArray bool
	after   byte // the last of `[` `,` or, behind an element, 0

	open    []byte // brackets that are open
	text    bool   // in a string
	escaped bool   // behind a backslash in a string
	scalar  bool   // in a number, true, false or null
	bad     error  // why the value has no end
}

func (v *values) next() (Item, error) {
	if err := v.seek(); err != nil {
		return Item{}, err
	}
	in := v.d.in
	item := Item{Line: in.line}
	start := in.off
	v.open, v.text, v.escaped, v.scalar, v.bad = v.open[:0], false, false, false, nil
	raw, whole, err := in.cut(v.scan)
	switch {
	case err != nil:
		return Item{}, err
	case v.bad != nil:
		return Item{}, &Error{Line: item.Line, Offset: start, Err: v.bad}
	case !whole && (!v.scalar || v.inArray || v.d.growing):
		return Item{}, io.ErrUnexpectedEOF
	}
	v.after = 0
	item.End = in.off
	if in.tooLong(0) {
		item.Bad, raw = v.d.tooLong(), raw[:in.max]
	}
	item.Data = in.own(raw)
	return item, nil
}

// seek uses up what stands before the next value.
func (v *values) seek() error {
	in := v.d.in
	for {
		c, err := in.peek()
		if err == io.EOF && v.inArray { //nolint:errorlint // one that is wrapped tells of a broken connection
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch {
		case space(c):
		case !v.inArray && c == '[':
			v.inArray, v.after = true, c
		case v.inArray && v.after != ',' && c == ']':
			v.inArray = false
		case v.inArray && v.after == 0 && c == ',':
			v.after = c
		case starts(c) && (!v.inArray || v.after != 0):
			return nil
		default:
			return &Error{Line: in.line, Offset: in.off, Err: fmt.Errorf("%s where %s should be: this is not JSON", show(c), v.wanted())}
		}
		in.advance(1)
	}
}

// wanted says in words what may stand where seek is.
func (v *values) wanted() string {
	if v.inArray && v.after == 0 {
		return "a comma or the end of the array"
	}
	return "a value"
}

// scan finds the end of a value.
func (v *values) scan(piece []byte) (n int, done bool) {
	for i, c := range piece {
		switch {
		case v.scalar:
			if !inScalar(c) {
				return i, true
			}
		case v.text:
			switch {
			case v.escaped:
				v.escaped = false
			case c == '\\':
				v.escaped = true
			case c == '"':
				v.text = false
				if len(v.open) == 0 {
					return i + 1, true
				}
			}
		case c == '"':
			v.text = true
		case c == '{' || c == '[':
			if len(v.open) == maxNesting {
				v.bad = fmt.Errorf("the value is nested more than %d levels deep", maxNesting)
				return i, true
			}
			v.open = append(v.open, c)
		case c == '}' || c == ']':
			if opening := v.open[len(v.open)-1]; opening == '{' != (c == '}') {
				v.bad = fmt.Errorf("%s closes %s: this is not JSON", show(c), show(opening))
				return i, true
			}
			if v.open = v.open[:len(v.open)-1]; len(v.open) == 0 {
				return i + 1, true
			}
		case len(v.open) == 0:
			v.scalar = true
		}
	}
	return len(piece), false
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// starts reports whether a value may begin with c.
func starts(c byte) bool {
	return c == '{' || c == '[' || c == '"' || c == '-' || '0' <= c && c <= '9' || c == 't' || c == 'f' || c == 'n'
}

// inScalar reports whether c can belong to a number, true, false or null.
func inScalar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '+' || c == '-' || c == '.'
}

// show shows one byte.
func show(c byte) string {
	if c > ' ' && c < 0x7f {
		return string(rune(c))
	}
	return fmt.Sprintf("the byte 0x%02x", c)
}
