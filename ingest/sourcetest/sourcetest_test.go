package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// A slice is the reference source: the smallest correct implementation, with one place for each fault to plant.
type slice struct {
	mu     sync.Mutex
	items  [][]byte
	oldest int           // what lies before is forgotten
	grew   chan struct{} // closed and replaced when items grow
	silent bool
	ends   bool
	waits  bool
	page   int
	fault  string // the name of the planted fault; empty: none
	reads  int
	buffer []byte
}

func (s *slice) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err := ctx.Err(); err != nil && s.fault != "ignores a context that has ended" {
		return ingest.Batch{}, err
	}
	from, err := s.place(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	if s.silent && s.fault != "ignores cancel" {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ingest.Batch{}, ctx.Err()
	}
	if from < s.oldest && s.fault != "skips what is forgotten" {
		err := ingest.ErrCursorGone
		if s.fault == "forgotten without a name" {
			err = errors.New("gone")
		}
		return ingest.Batch{}, &fault.Error{Class: fault.Blocked, Err: err}
	}
	for from == len(s.items) && s.waits {
		grew := s.grew
		s.mu.Unlock()
		select {
		case <-grew:
			s.mu.Lock()
		case <-ctx.Done():
			s.mu.Lock()
			if s.fault == "cancel is the end" {
				return ingest.Batch{}, io.EOF
			}
			return ingest.Batch{}, ctx.Err()
		}
	}
	return s.batch(from)
}

func (s *slice) place(after ingest.Cursor) (int, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(string(after), "\xff"))
	if err == nil && n > 0 && n <= len(s.items) {
		return n, nil
	}
	switch s.fault {
	case "garbage is the beginning":
		return 0, nil
	case "garbage is the end":
		return len(s.items), nil
	case "garbage panics":
		return 0, fmt.Errorf("%q", s.items[n-1])
	case "garbage is transient":
		return 0, errors.New("what?")
	}
	return 0, &fault.Error{Class: fault.Blocked, Reason: "bad_cursor", Err: fmt.Errorf("%q is no cursor of this source", after)}
}

func (s *slice) batch(from int) (ingest.Batch, error) {
	to := min(from+s.page, len(s.items))
	switch s.fault {
	case "remembers instead of reading the cursor":
		from = min(s.reads-1, len(s.items))
		to = min(from+1, len(s.items))
	case "repeats at the seam":
		from = max(0, from-1)
	case "loses at the seam":
		if from > 0 && from < to {
			from++
		}
	case "loses the last":
		to = min(to, max(from, len(s.items)-1))
	case "endless":
		if from == to && to > 0 {
			from = to - 1
		}
	}
	if from == to && s.ends != (s.fault == "wrong about the end") {
		return ingest.Batch{}, io.EOF
	}
	b := ingest.Batch{Next: ingest.Cursor(strconv.Itoa(to)), CaughtUp: to == len(s.items) && !s.ends}
	if to == 0 {
		b.Next = ""
	}
	for _, item := range s.items[from:to] {
		b.Items = append(b.Items, slices.Clone(item))
	}
	s.spoil(&b, from)
	return b, nil
}

// spoil plants the faults of what is returned.
func (s *slice) spoil(b *ingest.Batch, from int) {
	switch s.fault {
	case "shares its items":
		b.Items = s.items[from : from+len(b.Items)]
	case "items touch":
		var all []byte
		for _, item := range b.Items {
			all = append(all, item...)
		}
		for i, at := 0, 0; i < len(b.Items); i++ {
			n := len(b.Items[i])
			b.Items[i] = all[at : at+n]
			at += n
		}
	case "one buffer for all Reads":
		s.buffer = append(s.buffer[:0], slices.Concat(b.Items...)...)
		for i, at := 0, 0; i < len(b.Items); i++ {
			n := len(b.Items[i])
			b.Items[i] = s.buffer[at : at+n : at+n]
			at += n
		}
	case "wrong order":
		slices.Reverse(b.Items)
	case "caught up too early":
		b.CaughtUp = true
		if from > 0 && len(b.Items) > 0 {
			b.CaughtUp = false
		}
	case "stands still":
		if from > 0 && len(b.Items) > 0 {
			b.Next = ingest.Cursor(strconv.Itoa(from))
		}
	case "a cursor that is not text":
		b.Next += "\xff"
	case "Next depends on the clock":
		if s.reads%2 == 0 && b.Next != "" {
			b.Next = "0" + b.Next
		}
	case "changes bytes":
		for i := range b.Items {
			b.Items[i] = append(b.Items[i], '\n')
		}
	}
}

func item(i int) []byte { return fmt.Appendf(nil, `{"id":%d}`, i) }

// harness makes slices with a planted fault.
func harness(kind, planted string) Harness {
	h := Harness{Item: item, Ends: kind == "ends", Waits: kind == "waits", Garbage: []ingest.Cursor{"99999", "0"}}
	h.New = func(_ testing.TB, n int) Origin {
		s := &slice{page: 5, grew: make(chan struct{}), fault: planted, ends: h.Ends, waits: h.Waits}
		add := func(n int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for range n {
				s.items = append(s.items, item(len(s.items)))
			}
			close(s.grew)
			s.grew = make(chan struct{})
		}
		add(n)
		o := Origin{
			Source: s,
			Reopen: func() ingest.Source {
				return &slice{items: s.items, page: 5, grew: make(chan struct{}), fault: planted, ends: h.Ends, waits: h.Waits}
			},
			Hang:   func() { s.mu.Lock(); s.silent = true; s.mu.Unlock() },
			Forget: func() { s.mu.Lock(); s.oldest = len(s.items) + 1; s.mu.Unlock() },
		}
		if !h.Ends {
			o.Append = add
		}
		return o
	}
	return h
}

func TestTheReferencePasses(t *testing.T) {
	for _, kind := range []string{"polled", "ends", "waits"} {
		t.Run(kind, func(t *testing.T) { Run(t, harness(kind, "")) })
	}
}

// A recorder keeps the failures of a check instead of failing the test.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// verdict runs the suite outside of the testing package's sight and returns the checks that failed.
func verdict(t *testing.T, h Harness) map[string]string {
	failed := map[string]string{}
	for _, c := range checks() {
		r := &recorder{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() { c.run(r, h) })
		wg.Wait()
		if r.failed != "" {
			failed[c.name] = r.failed
		}
	}
	return failed
}

func TestEveryPlantedFaultIsCaught(t *testing.T) {
	for _, tc := range []struct{ kind, planted, by string }{
		{"polled", "remembers instead of reading the cursor", "same items again from every cursor"},
		{"polled", "Next depends on the clock", "same items again from every cursor"},
		{"polled", "repeats at the seam", "whole content in order, once"},
		{"polled", "loses at the seam", "whole content in order, once"},
		{"polled", "loses the last", "whole content in order, once"},
		{"polled", "wrong order", "whole content in order, once"},
		{"polled", "changes bytes", "whole content in order, once"},
		{"polled", "stands still", "whole content in order, once"},
		{"polled", "caught up too early", "whole content in order, once"},
		{"polled", "a cursor that is not text", "whole content in order, once"},
		{"polled", "wrong about the end", "nothing new"},
		{"ends", "wrong about the end", "whole content in order, once"},
		{"ends", "endless", "whole content in order, once"},
		{"polled", "endless", "nothing new"},
		{"polled", "shares its items", "returned items belong to the caller"},
		{"polled", "items touch", "returned items belong to the caller"},
		{"polled", "one buffer for all Reads", "returned items belong to the caller"},
		{"polled", "ignores a context that has ended", "cancelled before reading"},
		{"polled", "ignores cancel", "cancelled while the origin is silent"},
		{"waits", "cancel is the end", "cancelled while waiting for data"},
		{"polled", "garbage is the beginning", "garbage is no cursor"},
		{"polled", "garbage is the end", "garbage is no cursor"},
		{"polled", "garbage panics", "garbage is no cursor"},
		{"polled", "garbage is transient", "garbage is no cursor"},
		{"polled", "skips what is forgotten", "forgotten cursor"},
		{"polled", "forgotten without a name", "forgotten cursor"},
	} {
		t.Run(tc.kind+": "+tc.planted, func(t *testing.T) {
			failed := verdict(t, harness(tc.kind, tc.planted))
			why, caught := failed[tc.by]
			if !caught {
				t.Fatalf("not caught by %q; failed were %v", tc.by, failed)
			}
			t.Log(why)
		})
	}
}
