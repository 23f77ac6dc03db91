package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sluice/ingest/format"
	"sluice/internal/fault"
)

// emptySum is the sum of no bytes.
var emptySum = func() string {
	h := sha256.Sum256(nil)
	return hex.EncodeToString(h[:8])
}()

// A visit is what was found in a file.
type visit struct {
	place   place
	more    bool // the batch was full before the file was read to its end
	rest    bool // behind place there is something that is not complete yet
	passing bool // the error may vanish when the file has been written to its end
	gone    bool // it is not what it was a moment ago: nothing was found out
}

// visit reads from a file into the batch, from p on, or from the beginning if p is nil or tells of another file.
func (s *Source) visit(ctx context.Context, f file, p *place, b *format.Batch) (visit, error) {
	if p == nil {
		p = new(fresh(f.found))
	}
	if l, ok := s.same[f.id]; ok && l.size == f.size && l.mtime.Equal(f.mtime) && l.place.Offset == p.Offset && l.place.Sum == p.Sum && (!l.rest || !s.quiet(f.found)) {
		v := visit{place: *p, rest: l.rest}
		return v, nil
	}
	h, err := s.handle(f.found)
	if err != nil || h == nil {
		return visit{gone: true}, err
	}
	how, short, err := packingOf(h, f.path, f.size)
	if err != nil {
		return s.broken(f, *p, err)
	}
	if short {
		return visit{place: *p}, nil
	}
	same, err := p.is(h)
	if err != nil {
		return visit{}, unreadable(f.path, err)
	}
	if !same || (p.Packed > 0) != (how != format.Plain) && p.Offset > 0 {
		if p.More && p.Offset > 0 {
			if err := s.tell(*p, "was truncated or replaced"); err != nil {
				return visit{}, err
			}
		}
		p = new(fresh(f.found))
	}
	if how != format.Plain {
		return s.visitPacked(ctx, f, how, h, *p, b)
	}
	return s.visitPlain(ctx, f, h, *p, b)
}

// handle opens a file, or returns the handle that is kept. It returns nil if the file is not there any more, or another is.
func (s *Source) handle(f found) (*os.File, error) {
	if h := s.open[f.id]; h != nil {
		return h, nil
	}
	h, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(f.path, err)
	}
	info, err := h.Stat()
	if err != nil || foundOf(f.path, info).id != f.id {
		_ = h.Close()
		return nil, nil
	}
	if len(s.open) >= maxOpen {
		for id := range s.open { // any one: it is opened again when it is needed
			s.release(id)
			break
		}
	}
	s.open[f.id] = h
	return h, nil
}

// visitPlain reads a file that is not compressed.
func (s *Source) visitPlain(ctx context.Context, f file, h io.ReaderAt, p place, b *format.Batch) (visit, error) {
	o := s.cfg.options()
	o.Growing = !s.quiet(f.found)
	at := len(b.Items)
	if o.Kind == format.CSV && o.Columns == nil && p.Offset > 0 {
		var err error
		if o.Columns, err = header(io.NewSectionReader(h, 0, f.size), o); err != nil {
			return s.broken(f, p, err)
		}
	}
	o.Offset, o.Line = p.Offset, max(0, p.Line)+1
	d, err := format.NewDecoder(io.NewSectionReader(h, p.Offset, f.size-p.Offset), o)
	if err != nil {
		return visit{}, refuse("file_damaged", err)
	}
	v, err := s.fill(ctx, f, d, o.Growing, p, b)
	if err != nil {
		return s.broken(f, v.place, err)
	}
	still, err := p.is(h) // or it was truncated and written anew while it was read
	if err != nil {
		return visit{}, unreadable(f.path, err)
	}
	if !still {
		b.Back(at)
		return visit{gone: true}, nil
	}
	text, complete, err := sum(h, v.place.Offset)
	if err != nil {
		return visit{}, unreadable(f.path, err)
	}
	if !complete {
		b.Back(at)
		return visit{gone: true}, nil
	}
	v.place.Sum = text
	return v, nil
}

// visitPacked reads a compressed file.
func (s *Source) visitPacked(ctx context.Context, f file, how format.Packing, h io.ReaderAt, p place, b *format.Batch) (visit, error) {
	if p.Packed == f.size && !p.More {
		return visit{place: p}, nil
	}
	text, complete, err := sum(h, f.size)
	if err != nil {
		return visit{}, unreadable(f.path, err)
	}
	if !complete {
		return visit{gone: true}, nil
	}
	p.Packed, p.Sum = f.size, text
	st, err := s.unpack(ctx, f.found, h, how, p)
	if err != nil {
		s.closeStream()
		return s.broken(f, p, err)
	}
	v, err := s.fill(ctx, f, st.dec, st.growing, p, b)
	if err != nil || !v.more {
		s.closeStream()
	}
	if err != nil {
		return s.broken(f, v.place, err)
	}
	st.at = v.place
	return v, nil
}

// fill takes items from d, which was told that the file is growing or not, into the batch until it is full or there are no more.
func (s *Source) fill(ctx context.Context, f file, d *format.Decoder, growing bool, p place, b *format.Batch) (visit, error) {
	v := visit{place: p}
	before := len(b.Items)
	b.From(show(filepath.Base(f.path)))
	for !b.Full() {
		if len(b.Items)%256 == 0 {
			if err := fault.Stopped(ctx, op); err != nil {
				return v, err
			}
		}
		item, err := d.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // the contract
			v.place.take(d) // blank lines too
			return v, nil
		case err == io.ErrUnexpectedEOF && growing: //nolint:errorlint // the contract
			v.rest = true
			return v, nil
		case err != nil && len(b.Items) > before && ctx.Err() == nil:
			v.more = true // what was read comes first; the error will be met again
			return v, nil
		case err != nil:
			return v, err
		}
		line := item.Line
		if p.Line < 0 {
			line = 0
		}
		b.Add(item, line, v.place.Offset)
		v.place.take(d)
	}
	v.more = true
	return v, nil
}

// take moves p to where d is.
func (p *place) take(d *format.Decoder) {
	offset, line := d.Pos()
	p.Offset = offset
	if p.Line >= 0 {
		p.Line = line - 1
	}
}

// broken is the verdict on a file that cannot be read further. While it still changes it may become whole.
func (s *Source) broken(f file, p place, err error) (visit, error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return visit{}, err
	}
	where := fmt.Sprintf("%s, behind line %d (byte %d)", show(f.path), p.Line, p.Offset)
	_, packed := errors.AsType[*packedError](err)
	cut, isCut := errors.AsType[*format.Error](err)
	var verdict error
	switch {
	case isCut:
		verdict = refuse("file_damaged", fmt.Errorf("%s: %w; mend the file or the settings of SLUICE_FILE_FORMAT", show(f.path), cut))
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF: //nolint:errorlint // a header that is not there any more
		what := "the file breaks off"
		if s.cfg.Format == format.CSV {
			what = "a quote that is opened is never closed, or the file breaks off"
		}
		verdict = refuse("file_truncated", fmt.Errorf("%s: %s; put the whole file in its place, or move it to another folder", where, what))
	case packed:
		verdict = refuse("file_damaged", fmt.Errorf("%s: what is compressed is damaged: %w; put a whole file in its place, or move it to another folder", where, err))
	default:
		return visit{}, unreadable(f.path, err)
	}
	if s.quiet(f.found) || isCut {
		return visit{}, verdict
	}
	return visit{place: p, rest: true, passing: true}, passing(verdict)
}
