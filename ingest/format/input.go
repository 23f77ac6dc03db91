package format

import (
	"bytes"
	"io"
)

const (
	bufferBytes = 64 << 10
	arenaBytes  = 64 << 10 // small items lie in one piece of memory of this size
	lineEnd     = 2        // bytes of the longest line end
	mostEmpty   = 100      // Reads in a row that return nothing before that is an error
)

var bom = []byte("\xef\xbb\xbf")

// An input is a stream that items are cut from. What it holds is bounded: the buffer, and the beginning of an item that is
// longer than the buffer.
type input struct {
	r        io.Reader
	err      error // of r; what the buffer holds comes first
	buf      []byte
	pos, end int   // what of buf is not yet used
	off      int64 // bytes of the stream before buf[pos]
	line     int64 // the line of buf[pos]
	max      int   // longest item

	size  int64  // of the item cut last, all of it
	long  []byte // the beginning of an item that does not fit into buf
	arena []byte
}

func newInput(r io.Reader, o Options) *input {
	return &input{r: r, buf: make([]byte, bufferBytes), off: o.Offset, line: max(1, o.Line), max: o.MaxItemBytes}
}

// fill reads more behind what the buffer holds; there must be room.
func (in *input) fill() error {
	if in.pos > 0 {
		in.end = copy(in.buf, in.buf[in.pos:in.end])
		in.pos = 0
	}
	for range mostEmpty {
		if in.err != nil {
			return in.err
		}
		var n int
		n, in.err = in.r.Read(in.buf[in.end:])
		in.end += n
		if n > 0 {
			return nil
		}
	}
	in.err = io.ErrNoProgress
	return in.err
}

// begin skips the byte order mark at the beginning of the stream.
func (in *input) begin() {
	if in.off > 0 {
		return
	}
	for in.end-in.pos < len(bom) && bytes.HasPrefix(bom, in.buf[in.pos:in.end]) && in.fill() == nil {
	}
	if bytes.HasPrefix(in.buf[in.pos:in.end], bom) {
		in.advance(len(bom))
	}
}

// advance uses up n bytes of the buffer.
func (in *input) advance(n int) {
	in.line += int64(bytes.Count(in.buf[in.pos:in.pos+n], []byte{'\n'}))
	in.pos += n
	in.off += int64(n)
}

// cut uses up one item. scan is given its bytes piece by piece, and says how many of a piece belong to it and whether it
// ends there; if it does not, all of them must. whole is false if the stream ended first; raw is then what was left. raw is
// valid until the next call; of an item that is too long it has at least the first max bytes.
func (in *input) cut(scan func(piece []byte) (n int, done bool)) (raw []byte, whole bool, err error) {
	in.begin()
	in.long, in.size = in.long[:0], 0
	scanned := 0
	for {
		n, done := scan(in.buf[in.pos+scanned : in.end])
		scanned += n
		if done {
			return in.take(scanned), true, nil
		}
		if scanned == len(in.buf) {
			in.keep(in.buf)
			in.advance(scanned)
			scanned = 0
		}
		switch err := in.fill(); {
		case err == io.EOF: //nolint:errorlint // one that is wrapped tells of a broken connection
			return in.take(scanned), false, nil
		case err != nil:
			return nil, false, err
		}
	}
}

// take uses up the last n bytes of an item, and returns the item.
func (in *input) take(n int) []byte {
	raw := in.buf[in.pos : in.pos+n]
	if in.size > 0 {
		in.keep(raw)
		raw = in.long
	} else {
		in.size = int64(n)
	}
	in.advance(n)
	return raw
}

// keep holds what is needed of an item that does not fit into the buffer.
func (in *input) keep(piece []byte) {
	in.size += int64(len(piece))
	in.long = append(in.long, piece[:min(len(piece), max(0, in.max+lineEnd-len(in.long)))]...)
}

// tooLong reports whether raw, which cut returned, has more than the allowed bytes when ending of them are its line end.
func (in *input) tooLong(ending int) bool { return in.size-int64(ending) > int64(in.max) }

// own copies b for the caller.
func (in *input) own(b []byte) []byte {
	if len(b) > arenaBytes/8 {
		return append(make([]byte, 0, len(b)), b...)
	}
	if len(in.arena)+len(b) > cap(in.arena) {
		in.arena = make([]byte, 0, arenaBytes)
	}
	from := len(in.arena)
	in.arena = append(in.arena, b...)
	return in.arena[from:len(in.arena):len(in.arena)]
}

// peek returns the next byte without using it up; io.EOF or the reader's error if there is none.
func (in *input) peek() (byte, error) {
	in.begin()
	if in.pos == in.end {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	return in.buf[in.pos], nil
}
