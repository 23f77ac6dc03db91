package file

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// sumBytes is how much of a file's beginning, and of what stands before a place in it, tells it from another file. The
// second half is what notices a file that was truncated and has grown beyond the old place again behind an equal beginning,
// such as the header of a csv.
const sumBytes = 1024

// sum describes the first n bytes of a file. complete is false if it has fewer.
func sum(r io.ReaderAt, n int64) (text string, complete bool, err error) {
	h := sha256.New()
	buf := make([]byte, min(n, sumBytes))
	for _, from := range []int64{0, n - int64(len(buf))} {
		got, err := r.ReadAt(buf, from)
		if got < len(buf) {
			if err != nil && !errors.Is(err, io.EOF) {
				return "", false, err
			}
			return "", false, nil
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), true, nil
}

// is reports whether the file still begins as it did when p was read.
func (p place) is(r io.ReaderAt) (bool, error) {
	n := p.Offset
	if p.Packed > 0 {
		n = p.Packed
	}
	text, complete, err := sum(r, n)
	return complete && text == p.Sum, err
}
