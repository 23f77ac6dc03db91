package ingest_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// A sliceSource serves items page by page; its cursor is an index. It holds what has appeared by now.
type sliceSource struct {
	items   [][]byte
	page    int
	ends    bool                  // io.EOF at the end; else caught up
	born    func(i int) time.Time // when item i appears; nil: it has always been there
	disturb func(after int) error // trouble before a Read; nil: none
	mu      sync.Mutex            // guards reads
	reads   []int                 // cursors that were read
}

func (s *sliceSource) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	at := 0
	if after != "" {
		var err error
		if at, err = strconv.Atoi(string(after)); err != nil {
			return ingest.Batch{}, &fault.Error{Class: fault.Blocked, Op: "read", Err: err}
		}
	}
	s.mu.Lock()
	s.reads = append(s.reads, at)
	s.mu.Unlock()
	if s.disturb != nil {
		if err := s.disturb(at); err != nil {
			return ingest.Batch{}, err
		}
	}
	end := at
	for end < len(s.items) && end-at < s.page && (s.born == nil || !s.born(end).After(time.Now())) {
		end++
	}
	if end == at && at == len(s.items) && s.ends {
		return ingest.Batch{}, io.EOF
	}
	b := ingest.Batch{Next: after, CaughtUp: end-at < s.page}
	for _, item := range s.items[at:end] {
		b.Items = append(b.Items, append([]byte(nil), item...))
	}
	if end > at {
		b.Next = ingest.Cursor(strconv.Itoa(end))
	}
	return b, ctx.Err()
}

func numbered(n int) [][]byte {
	items := make([][]byte, n)
	for i := range items {
		items[i] = fmt.Appendf(nil, `{"n":%d}`, i)
	}
	return items
}

// memCheckpoint keeps the cursor in memory and calls onSave before it takes a new one.
type memCheckpoint struct {
	mu     sync.Mutex
	cursor ingest.Cursor
	onSave func(ingest.Cursor) error
}

func (c *memCheckpoint) Load(context.Context) (ingest.Cursor, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursor, nil
}

func (c *memCheckpoint) Save(_ context.Context, cursor ingest.Cursor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onSave != nil {
		if err := c.onSave(cursor); err != nil {
			return err
		}
	}
	c.cursor = cursor
	return nil
}

// memDeadLetter keeps items in memory.
type memDeadLetter struct {
	mu    sync.Mutex
	items []string
	aside []ingest.Refused
	fail  func() error
}

func (d *memDeadLetter) Put(_ context.Context, r ingest.Refused) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(); err != nil {
			return err
		}
	}
	d.items = append(d.items, string(r.Item))
	d.aside = append(d.aside, r)
	return nil
}

func (d *memDeadLetter) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.items)
}

// pipeline returns a Pipeline over src and tr with everything else in memory.
func pipeline(src ingest.Source, tr transport.Transport) (*ingest.Pipeline, *memCheckpoint, *memDeadLetter) {
	ck, dl := &memCheckpoint{}, &memDeadLetter{}
	return &ingest.Pipeline{Source: src, Parse: ingest.Naming{Stream: "test"}.Parser(), Deliverer: &transport.Deliverer{Transport: tr},
		Checkpoint: ck, DeadLetter: dl, InFlight: 3, Drain: time.Minute}, ck, dl
}
