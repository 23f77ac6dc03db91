package file

import (
	"bytes"
	"context"
	"io"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/internal/fault"
)

// startAtEnd makes the first cursor where reading begins at the end of the files that are there: behind their last line
// end. A line that is longer than a record may be is taken for the end.
func (s *Source) startAtEnd(ctx context.Context, files []file) (ingest.Batch, error) {
	var st state
	for _, f := range files {
		if err := fault.Stopped(ctx, op); err != nil {
			return ingest.Batch{}, err
		}
		p, err := s.end(ctx, f)
		if err != nil {
			return ingest.Batch{}, err
		}
		if p.Offset > 0 || p.Packed > 0 {
			st.put(p)
		}
	}
	next, err := st.Encode()
	return ingest.Batch{Next: next, CaughtUp: true}, err
}

// end is the place behind all of a file.
func (s *Source) end(ctx context.Context, f file) (place, error) {
	p := fresh(f.found)
	h, err := s.handle(f.found)
	if err != nil || h == nil {
		return p, err
	}
	how, short, err := packingOf(h, f.path, f.size)
	if err != nil {
		_, err = s.broken(f, p, err)
		return p, err
	}
	if short {
		return p, nil
	}
	until := f.size
	switch how {
	case format.Plain:
		p.Offset, err = lastLine(h, f.size, int64(s.cfg.MaxRecordBytes))
		until = p.Offset
	default:
		var st *stream
		if st, err = s.unpack(ctx, f.found, h, how, p); err == nil {
			p.Offset, err = io.Copy(io.Discard, st)
		}
		s.closeStream()
		p.Packed = f.size
		if err != nil {
			_, err = s.broken(f, p, err)
		}
	}
	if err != nil {
		return p, err
	}
	p.Line = unknownLine
	p.Sum, _, err = sum(h, until)
	if err != nil {
		return p, unreadable(f.path, err)
	}
	return p, nil
}

// lastLine returns the place behind the last line end among the last bytes of a file, or its size if there is none.
func lastLine(h io.ReaderAt, size, among int64) (int64, error) {
	buf := make([]byte, min(size, among))
	from := size - int64(len(buf))
	n, err := h.ReadAt(buf, from)
	if err != nil && err != io.EOF { //nolint:errorlint // only this is the end of a file
		return 0, err
	}
	if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
		return from + int64(i) + 1, nil
	}
	if from == 0 {
		return 0, nil // its first line is not complete
	}
	return size, nil
}
