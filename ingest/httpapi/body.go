package httpapi

import (
	"bytes"
	"errors"
	"io"
)

const (
	// maxRatio is how many times larger than what came a page may become by decompression. JSON compresses to a tenth or a
	// thirtieth; deflate can do 1,032 (RFC 1951: 258 bytes out of two bits).
	maxRatio = 100
	// ratioFloor is the size of a page, decompressed, up to which no ratio is too high.
	ratioFloor = 1 << 20
)

var (
	errTooLarge = errors.New("page too large")
	errBomb     = errors.New("page compressed too well")
)

// take reads r to its end, but at most limit bytes and one more.
func take(b *bytes.Buffer, r io.Reader, limit int) error {
	_, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if b.Len() > limit {
		return errTooLarge
	}
	return err
}

// whole makes the end of the bytes in the middle of compressed data what it is.
func whole(err error) error {
	if err == io.EOF { //nolint:errorlint // gzip returns it as it is when its header is not complete
		return io.ErrUnexpectedEOF
	}
	return err
}

// A counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// inflated is decompressed data that must not have become too much out of too little.
type inflated struct {
	z    io.Reader
	from *counter
	n    int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	if i.n += int64(n); i.n > ratioFloor && i.n > maxRatio*i.from.n {
		return n, errBomb
	}
	return n, err
}
