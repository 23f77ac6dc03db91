package format

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

const (
	maxElementDepth = 64       // of an element that is a record
	tokenSlack      = 64 << 10 // what a single piece of markup may have beyond the longest item
)

// elements cuts XML.
type elements struct {
	d     *Decoder
	name  string
	in    *counted
	dec   *xml.Decoder
	begun bool
}

func newElements(d *Decoder, name string) *elements {
	in := &counted{in: d.in}
	dec := xml.NewDecoder(in)
	dec.CharsetReader = otherCharset
	return &elements{d: d, name: name, in: in, dec: dec}
}

// otherCharset refuses what is not UTF-8, but for its first half.
func otherCharset(name string, in io.Reader) (io.Reader, error) {
	if strings.EqualFold(name, "us-ascii") || strings.EqualFold(name, "ascii") {
		return in, nil
	}
	return nil, fmt.Errorf("only UTF-8 can be read, not %s", name)
}

// A counted is the reader under an xml.Decoder. It is an io.ByteReader, so that the Decoder does not read ahead, and it
// ends a token that is too long before it fills the memory.
type counted struct {
	in    *input
	token int    // bytes read since the last token
	raw   []byte // the beginning of what was read since the last mark
	size  int64  // all of that
	total int64
	ended bool // the stream has
	over  bool // the token was too long
}

// Read is there for the interface; the Decoder uses ReadByte.
func (c *counted) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

func (c *counted) ReadByte() (byte, error) {
	if c.token > c.in.max+tokenSlack {
		c.over = true
		return 0, errors.New("a single piece of markup or text is longer than a record may be")
	}
	b, err := c.in.peek()
	if err != nil {
		c.ended = err == io.EOF //nolint:errorlint // one that is wrapped tells of a broken connection
		return 0, err
	}
	c.in.advance(1)
	c.token++
	c.size++
	c.total++
	if len(c.raw) < c.in.max+1 {
		c.raw = append(c.raw, b)
	}
	return b, nil
}

// mark begins to keep what is read, with the last ahead bytes of what was.
func (c *counted) mark(ahead int) {
	if ahead = min(ahead, len(c.raw)); int64(len(c.raw)) < c.size {
		ahead = 0
	}
	c.raw = append(c.raw[:0], c.raw[len(c.raw)-ahead:]...)
	c.size = int64(ahead)
}

// token returns the next token.
func (e *elements) token() (xml.Token, error) {
	e.in.token = 0
	t, err := e.dec.Token()
	if err == nil || err == io.EOF { //nolint:errorlint // only this is the end of a document
		return t, err
	}
	if e.in.ended {
		return nil, io.ErrUnexpectedEOF
	}
	if _, syntax := errors.AsType[*xml.SyntaxError](err); syntax || e.in.over || e.in.in.err == nil {
		return nil, &Error{Line: e.in.in.line, Offset: e.in.in.off, Err: err}
	}
	return nil, err
}

func (e *elements) next() (Item, error) {
	for {
		e.in.mark(int(e.in.total - e.dec.InputOffset())) // behind text, the Decoder has read one byte of what follows
		line := e.in.in.line
		t, err := e.token()
		if err == io.EOF && !e.begun { //nolint:errorlint // only this is the end of a document
			err = &Error{Line: e.in.in.line, Offset: e.in.in.off, Err: errors.New("there is no element in it")}
		}
		if err != nil {
			return Item{}, err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if !e.begun && strings.EqualFold(start.Name.Local, "html") && e.name != start.Name.Local {
			return Item{}, &Error{Line: line, Offset: e.in.in.off, Err: errors.New("this is an HTML page, not the XML that was asked for")}
		}
		e.begun = true
		if start.Name.Local == e.name {
			return e.item(start, line)
		}
	}
}

// item reads the element that begins with start.
func (e *elements) item(start xml.StartElement, line int64) (Item, error) {
	item := Item{Line: line}
	root := &node{}
	root.attributes(start)
	open := []*node{root}
	depth := 1
	for depth > 0 {
		t, err := e.token()
		if err == io.EOF { //nolint:errorlint // only this is the end of a document
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Item{}, err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		switch {
		case item.Bad != nil:
		case e.in.size > int64(e.in.in.max):
			item.Bad = e.d.tooLong()
			root, open = nil, nil
		case depth > maxElementDepth:
			item.Bad = fmt.Errorf("the element is nested more than %d levels deep", maxElementDepth)
			root, open = nil, nil
		default:
			open = grow(open, t)
		}
	}
	item.End = e.in.in.off
	if item.Bad != nil {
		item.Data = e.in.in.own(e.in.raw[:min(len(e.in.raw), e.in.in.max)])
		return item, nil
	}
	item.Data = e.in.in.own(root.object(nil))
	return item, nil
}

// grow adds a token to the innermost open element.
func grow(open []*node, t xml.Token) []*node {
	inner := open[len(open)-1]
	switch t := t.(type) {
	case xml.StartElement:
		child := &node{}
		child.attributes(t)
		inner.add(t.Name.Local, child)
		return append(open, child)
	case xml.EndElement:
		return open[:len(open)-1]
	case xml.CharData:
		inner.text = append(inner.text, t...)
	}
	return open
}

// A node is an element on its way to JSON.
type node struct {
	text    []byte
	members []member // in the order of their first appearance
	index   map[string]int
	nested  bool // it has elements, so that blank text between them is left out
}

// A member is a name with its values: several if it was repeated.
type member struct {
	name   string
	values []*node
}

func (n *node) attributes(start xml.StartElement) {
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		n.member("@"+a.Name.Local, &node{text: []byte(a.Value)})
	}
}

func (n *node) add(name string, child *node) {
	n.nested = true
	n.member(name, child)
}

func (n *node) member(name string, value *node) {
	if i, ok := n.index[name]; ok {
		n.members[i].values = append(n.members[i].values, value)
		return
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[name] = len(n.members)
	n.members = append(n.members, member{name, []*node{value}})
}

// value appends the JSON of n: a string if there is nothing but text.
func (n *node) value(dst []byte) []byte {
	if len(n.members) == 0 {
		return appendString(dst, n.text)
	}
	return n.object(dst)
}

// object appends the JSON object of n.
func (n *node) object(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range n.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, []byte(m.name)), ':')
		if len(m.values) == 1 {
			dst = m.values[0].value(dst)
			continue
		}
		for k, v := range m.values {
			dst = append(dst, "[,"[min(k, 1)])
			dst = v.value(dst)
		}
		dst = append(dst, ']')
	}
	if len(n.text) > 0 && !(n.nested && len(bytes.TrimFunc(n.text, unicode.IsSpace)) == 0) {
		if len(n.members) > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `"#text":`...), n.text)
	}
	return append(dst, '}')
}
