package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/ingest/format"
)

// packingOf looks at the first bytes, and at the name: a file named as compressed that is not is damaged; while it is too short
// to tell, nothing can be read of it.
func packingOf(f io.ReaderAt, path string, size int64) (how format.Packing, tooShort bool, err error) {
	var magic [format.MagicBytes]byte
	n, err := f.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF { //nolint:errorlint // only this is the end of a file
		return 0, false, err
	}
	how = format.PackingOf(magic[:n])
	switch {
	case how != format.Plain || !format.NamedPacked(path):
		return how, false, nil
	case size < int64(len(magic)):
		return how, true, nil
	}
	return 0, false, &packedError{errors.New("it has the name of a compressed file, and does not begin like one")}
}

// A packedError is what is wrong with a compressed file.
type packedError struct{ err error }

func (e *packedError) Error() string { return e.err.Error() }
func (e *packedError) Unwrap() error { return e.err }

// A stream is a compressed file that is being read, kept between Reads so that it need not be unpacked from its beginning
// each time.
type stream struct {
	id   string
	size int64 // of the file when it was opened
	at   place
	ctx  context.Context //nolint:containedctx // that of the Read under way
	file io.ReaderAt     // the handle of the Source
	from io.Reader
	free func() // what from holds; nil: nothing
	dec  *format.Decoder

	growing bool // is what dec was told
}

// Read unpacks. It ends soon after the Read under way is cancelled, however much there is to skip.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // only this is the end of what is packed
		err = &packedError{err}
	}
	return n, err
}

// rewind begins to unpack from the beginning.
func (s *stream) rewind(how format.Packing) error {
	if s.free != nil {
		s.free()
	}
	var err error
	s.from, s.free, err = how.Unpack(bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 64<<10))
	if err != nil {
		return &packedError{err}
	}
	return nil
}

// unpack returns the stream of a compressed file, at p.
func (s *Source) unpack(ctx context.Context, f found, h io.ReaderAt, how format.Packing, p place) (*stream, error) {
	if st := s.stream; st != nil && st.id == f.id && st.size == f.size && st.at.Offset == p.Offset && st.at.Sum == p.Sum {
		st.ctx = ctx
		return st, nil
	}
	s.closeStream()
	st := &stream{id: f.id, size: f.size, at: p, ctx: ctx, file: h}
	s.stream = st
	o := s.cfg.options()
	o.Growing = !s.quiet(f)
	st.growing = o.Growing
	if o.Kind == format.CSV && o.Columns == nil && p.Offset > 0 {
		if err := st.rewind(how); err != nil {
			return nil, err
		}
		var err error
		if o.Columns, err = header(st, o); err != nil {
			return nil, err
		}
	}
	if err := st.rewind(how); err != nil {
		return nil, err
	}
	if n, err := io.CopyN(io.Discard, st, p.Offset); err != nil {
		if err == io.EOF { //nolint:errorlint // only this is the end of what is packed
			err = &packedError{fmt.Errorf("there are %d bytes in it, and %d were read of it", n, p.Offset)}
		}
		return nil, err
	}
	o.Offset, o.Line = p.Offset, max(0, p.Line)+1
	var err error
	st.dec, err = format.NewDecoder(st, o)
	return st, err
}

// closeStream forgets the stream.
func (s *Source) closeStream() {
	if s.stream != nil {
		if s.stream.free != nil {
			s.stream.free()
		}
		s.stream = nil
	}
}

// header reads the names of the columns at the beginning of r.
func header(r io.Reader, o format.Options) ([]string, error) {
	o.Offset, o.Line = 0, 0
	d, err := format.NewDecoder(r, o)
	if err != nil {
		return nil, err
	}
	return d.Header()
}
