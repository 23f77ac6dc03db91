package s3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/ingest/format"
)

// errSilent is the end of a request whose answer did not go on.
var errSilent = errors.New("nothing came")

// A body is the answer to a request for an object. It outlives the Read that asked for it; the one under way is followed.
type body struct {
	ctx     context.Context //nolint:containedctx // that of the request, which is as long as the body
	cancel  context.CancelCauseFunc
	timeout time.Duration // for a pause
	timer   *time.Timer   // runs while something is waited for

	from   io.ReadCloser // nil: no answer yet
	etag   string
	end    int64 // of the object, in bytes; -1: nobody has said
	failed error // why the answer broke off; nil: it did not
}

func newBody(timeout time.Duration) *body {
	b := &body{timeout: timeout}
	b.ctx, b.cancel = context.WithCancelCause(context.Background())
	b.timer = time.AfterFunc(timeout, func() { b.cancel(errSilent) })
	b.timer.Stop()
	return b
}

// follow ends the body when ctx ends, until the function that it returns is called.
func (b *body) follow(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { b.cancel(context.Cause(ctx)) })
	return func() { stop() }
}

// Read reads on. An answer that breaks off is no end: net/http counts what Content-Length has promised.
func (b *body) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	b.timer.Reset(b.timeout)
	n, err := b.from.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF { //nolint:errorlint // one that is wrapped tells of a broken connection
		b.failed = fmt.Errorf("the connection broke: %w", err)
		err = b.failed
	}
	return n, err
}

func (b *body) close() {
	b.timer.Stop()
	b.cancel(context.Canceled)
	if b.from != nil {
		_ = b.from.Close()
	}
}

// unpacked is the content of an object.
type unpacked struct {
	from   io.Reader
	packed bool
	free   func() // what from holds; nil: nothing
}

// Read reads on. What breaks off in the middle of what is compressed is an error of that, and no end.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if u.packed && err != nil && err != io.EOF { //nolint:errorlint // only this is the end of what is packed
		err = fmt.Errorf("what is compressed is damaged or breaks off: %w", err)
	}
	return n, err
}

func (u *unpacked) close() {
	if u.free != nil {
		u.free()
	}
}

// unpack looks at the first bytes of an object, and at its name: one that is named as compressed and is not is damaged.
func unpack(r io.Reader, key string) (*unpacked, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := in.Peek(format.MagicBytes)
	if err != nil && err != io.EOF { //nolint:errorlint // an object may be short
		return &unpacked{}, err
	}
	how := format.PackingOf(first)
	if how == format.Plain && len(first) > 0 && format.NamedPacked(key) {
		return &unpacked{}, errors.New("it has the name of a compressed object, and does not begin like one")
	}
	u := &unpacked{packed: how != format.Plain}
	u.from, u.free, err = how.Unpack(in)
	if err != nil {
		err = fmt.Errorf("what is compressed is damaged or breaks off: %w", err)
	}
	return u, err
}
