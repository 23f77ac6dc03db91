package format

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"
)

// A Packing is how a stream is compressed.
type Packing uint8

// The packings.
const (
	Plain Packing = iota
	Gzip
	Zstd
)

// The first bytes of a gzip member (RFC 1952, section 2.3.1) and of a zstd frame (RFC 8878, section 3.1.1).
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// MagicBytes is how many bytes at the beginning of a stream tell its Packing.
const MagicBytes = 4

// PackingOf tells by the first MagicBytes of a stream, or all of a shorter one.
func PackingOf(first []byte) Packing {
	switch {
	case bytes.HasPrefix(first, gzipMagic):
		return Gzip
	case bytes.HasPrefix(first, zstdMagic):
		return Zstd
	}
	return Plain
}

// NamedPacked reports whether a name says that what has it is compressed.
func NamedPacked(name string) bool { return path.Ext(name) == ".gz" || path.Ext(name) == ".zst" }

// maxWindow is how much of what is unpacked a zstd frame may refer back to: that of level 19 is 8 MiB.
const maxWindow = 32 << 20

// Unpack returns a Reader of what is in r, and what frees the memory that it holds.
func (p Packing) Unpack(r io.Reader) (out io.Reader, free func(), err error) {
	nothing := func() {}
	switch p {
	case Gzip:
		unzip, err := gzip.NewReader(r)
		return unzip, nothing, err
	case Zstd:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nothing, err
		}
		return d, d.Close, nil
	}
	return r, nothing, nil
}
