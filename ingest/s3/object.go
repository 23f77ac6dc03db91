package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/ingest/format"
	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// A stream is an object that is being read, kept between Reads so that it need not be asked for again each time.
type stream struct {
	at   place // where dec stands; before the first item it has no ETag
	etag string
	body *body
	from *unpacked
	dec  *format.Decoder
}

func (st *stream) close() {
	st.from.close()
	st.body.close()
}

// closeStream forgets the stream.
func (s *Source) closeStream() {
	if s.stream != nil {
		s.stream.close()
		s.stream = nil
	}
}

// take reads from the object of p into the batch until that is full or the object ends, and moves p behind what was read.
func (s *Source) take(ctx context.Context, p *place, b *format.Batch) error {
	kept := s.stream != nil && s.stream.at == *p
	if !kept {
		s.closeStream()
		st, err := s.open(ctx, *p)
		if errors.Is(err, errChanged) {
			return s.changed(ctx, p, b)
		}
		if err != nil {
			return err
		}
		s.stream = st
	}
	st := s.stream
	unfollow := st.body.follow(ctx)
	defer unfollow()
	b.From(show(p.Key))
	for n := 0; !b.Full(); n++ {
		item, err := st.dec.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // the contract
			s.closeStream()
			*p = behind(p.Key)
			return nil
		case err != nil && kept && n == 0 && st.body.failed != nil && ctx.Err() == nil:
			// S3 has closed a connection that was idle while nothing was delivered.
			s.closeStream()
			return s.take(ctx, p, b)
		case err != nil:
			s.closeStream()
			return s.broken(ctx, st, err)
		}
		b.Add(item, item.Line, 0)
		st.advance()
		*p = st.at
		if !p.Packed && p.Offset == st.body.end { // there is nothing left to ask for
			s.closeStream()
			*p = behind(p.Key)
			return nil
		}
	}
	return nil
}

// advance moves the place to where the decoder is.
func (st *stream) advance() {
	offset, line := st.dec.Pos()
	st.at.ETag, st.at.Offset, st.at.Line, st.at.Packed = st.etag, offset, line-1, st.from.packed
}

// changed tells once that the object of p is another one than the one that was begun. Then it is read from its beginning.
func (s *Source) changed(ctx context.Context, p *place, b *format.Batch) error {
	if s.told != *p {
		s.told = *p
		return &fault.Error{Reason: "object_changed", Op: opGet, Err: fmt.Errorf(
			"%s was overwritten when %d bytes of it were read; it is read from its beginning, and what only the old one held behind them is lost", s.name(p.Key), p.Offset)}
	}
	at := behind(p.Key)
	err := s.take(ctx, &at, b)
	if err == nil || at.middle() {
		*p = at
	}
	return err
}

// open asks for the object of p, at p.
func (s *Source) open(ctx context.Context, p place) (*stream, error) {
	o := s.cfg.options()
	ranged := p.Offset > 0 && !p.Packed && s.cfg.Format != format.JSON // the others cannot be gone on with in the middle
	if !ranged {
		st, err := s.begin(ctx, p, o)
		if err != nil {
			return nil, err
		}
		return st, s.skip(ctx, st, p)
	}
	if o.Kind == format.CSV && o.Columns == nil {
		first, err := s.begin(ctx, p, o)
		if err != nil {
			return nil, err
		}
		unfollow := first.body.follow(ctx)
		o.Columns, err = first.dec.Header()
		unfollow()
		first.close()
		if err != nil {
			return nil, s.broken(ctx, first, err)
		}
	}
	body, err := s.get(ctx, p, p.Offset)
	if err != nil {
		return nil, err
	}
	o.Offset, o.Line = p.Offset, p.Line+1
	dec, err := format.NewDecoder(body, o)
	if err != nil {
		body.close()
		return nil, s.damaged(p, err)
	}
	return &stream{at: p, etag: p.ETag, body: body, from: &unpacked{from: body}, dec: dec}, nil
}

// begin asks for the object of p, at its beginning.
func (s *Source) begin(ctx context.Context, p place, o format.Options) (*stream, error) {
	body, err := s.get(ctx, p, 0)
	if err != nil {
		return nil, err
	}
	defer body.follow(ctx)()
	st := &stream{at: behind(p.Key), etag: body.etag, body: body, from: &unpacked{}}
	st.from, err = unpack(body, p.Key)
	if err == nil {
		st.dec, err = format.NewDecoder(st.from, o)
	}
	if err != nil {
		st.close()
		return nil, s.broken(ctx, st, err)
	}
	return st, nil
}

// skip reads past what is before p.
func (s *Source) skip(ctx context.Context, st *stream, p place) error {
	defer st.body.follow(ctx)()
	for p.Offset > st.at.Offset {
		_, err := st.dec.Next()
		if err == io.EOF { //nolint:errorlint // the contract
			err = fmt.Errorf("it ends before byte %d, up to which it was read", p.Offset)
		}
		if err != nil {
			st.close()
			return s.broken(ctx, st, err)
		}
		st.advance()
	}
	return nil
}

// get asks for an object from a byte on; where p is in its middle, it has to be the same object.
func (s *Source) get(ctx context.Context, p place, from int64) (*body, error) {
	b := newBody(s.cfg.Timeout)
	defer b.follow(ctx)()
	in := &sdk.GetObjectInput{Bucket: aws.String(s.cfg.Bucket), Key: aws.String(p.Key)}
	if p.middle() {
		in.IfMatch = aws.String(p.ETag)
	}
	if from > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", from))
	}
	b.timer.Reset(b.timeout)
	defer b.timer.Stop()
	out, err := call(b.ctx, s, opGet, p.Key, func(ctx context.Context, with func(*sdk.Options)) (*sdk.GetObjectOutput, error) {
		return s.client.GetObject(ctx, in, with)
	})
	if err != nil {
		cause := context.Cause(b.ctx)
		b.close()
		return nil, s.ended(ctx, cause, p.Key, err)
	}
	b.from, b.etag, b.end = out.Body, aws.ToString(out.ETag), -1
	if out.ContentLength != nil {
		b.end = from + *out.ContentLength
	}
	switch {
	case p.middle() && b.etag != p.ETag: // the condition was ignored
		b.close()
		return nil, errChanged
	case b.etag == "", from > 0 && !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", from)):
		b.close()
		return nil, &fault.Error{Class: fault.Blocked, Reason: "bad_answer", Op: opGet, Err: fmt.Errorf(
			"%s: the answer has no ETag, or another part of the object than was asked for; check that S3, or what speaks its protocol, is at the address", s.name(p.Key))}
	}
	return b, nil
}

// ended is the verdict on an answer that did not come, or broke off, when the context of the request had the cause.
func (s *Source) ended(ctx context.Context, cause error, key string, err error) error {
	if e := fault.Stopped(ctx, op); e != nil {
		return e
	}
	if errors.Is(cause, errSilent) {
		return &fault.Error{Reason: "timeout", Op: opGet, Err: fmt.Errorf("%s: nothing came for %v (%s)", s.name(key), s.cfg.Timeout, timeoutVariable)}
	}
	return err
}

// broken is the verdict on an object that cannot be read further.
func (s *Source) broken(ctx context.Context, st *stream, err error) error {
	if failed := st.body.failed; failed != nil {
		return s.ended(ctx, context.Cause(st.body.ctx), st.at.Key, &fault.Error{Reason: "network", Op: opGet,
			Err: fmt.Errorf("%s: the answer broke off: %s", s.name(st.at.Key), awscreds.FirstLine(failed.Error()))})
	}
	return s.damaged(st.at, err)
}

// damaged is the verdict on an object that is not what it should be.
func (s *Source) damaged(p place, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF { //nolint:errorlint // a header that is not there
		what := "it breaks off"
		if s.cfg.Format == format.CSV {
			what = "a quote that is opened is never closed, or it breaks off"
		}
		err = errors.New(what)
	}
	return &fault.Error{Class: fault.Blocked, Reason: "object_damaged", Op: opGet, Err: fmt.Errorf(
		"%s, behind line %d (byte %d): %w; put a whole object in its place, or an empty one to go on without the rest, or mend SLUICE_S3_FORMAT, _COLUMNS and _DELIMITER", s.name(p.Key), p.Line, p.Offset, err)}
}
