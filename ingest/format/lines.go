package format

import (
	"bytes"
	"unicode/utf8"
)

// endOfLine finds the end of a line.
func endOfLine(piece []byte) (n int, done bool) {
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		return i + 1, true
	}
	return len(piece), false
}

// trimLine returns raw without its line end.
func trimLine(raw []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte{'\n'}), []byte{'\r'})
}

// cutLine returns the next line without its end, and an Item that lacks its Data only. Of a line that is too long, which
// is Bad, it returns the beginning.
func (d *Decoder) cutLine() (line []byte, item Item, err error) {
	item.Line = d.in.line
	raw, whole, err := d.in.cut(endOfLine)
	if err == nil && !whole {
		err = d.ended(raw)
	}
	if err != nil {
		return nil, Item{}, err
	}
	item.End = d.in.off
	line = trimLine(raw)
	if d.in.tooLong(len(raw) - len(line)) {
		item.Bad, line = d.tooLong(), raw[:d.in.max]
	}
	return line, item, nil
}

// ndjson returns the next line that is not blank.
func (d *Decoder) ndjson() (Item, error) {
	for {
		line, item, err := d.cutLine()
		if err != nil {
			return Item{}, err
		}
		if item.Bad == nil && blank(line) {
			continue
		}
		item.Data = d.in.own(line)
		return item, nil
	}
}

// blank reports whether there is nothing but white space, as JSON knows it.
func blank(line []byte) bool {
	for _, c := range line {
		if !space(c) {
			return false
		}
	}
	return true
}

// text returns the next line as a JSON object.
func (d *Decoder) text() (Item, error) {
	line, item, err := d.cutLine()
	if err != nil {
		return Item{}, err
	}
	if item.Bad == nil && !utf8.Valid(line) {
		item.Bad = errNotUTF8
	}
	if item.Bad != nil {
		item.Data = d.in.own(line)
		return item, nil
	}
	d.object = append(appendString(append(d.object[:0], `{"line":`...), line), '}')
	item.Data = d.in.own(d.object)
	return item, nil
}
