package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// A slice is the reference source: the smallest correct implementation, with one place for each fault to plant. Its cursor
// is the key of the last item, and keys ascend.
type slice struct {
	*origin
	page   int
	fault  string // the name of the planted fault; empty: none
	reads  int
	buffer []byte
}

// An origin is what slices read.
type origin struct {
	mu      sync.Mutex
	items   []entry
	top     int           // the highest key there ever was
	oldest  int           // what has a lower key is forgotten
	renewed int           // places with a lower key are forgotten, and the items are there
	grew    chan struct{} // closed and replaced when items grow
	silent  bool
	ends    bool
	waits   bool
	ties    int
}

type entry struct {
	key  int // from 1
	data []byte
}

func (s *slice) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err := ctx.Err(); err != nil && s.fault != "ignores a context that has ended" {
		return ingest.Batch{}, err
	}
	key, err := s.place(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	from := s.index(key)
	if s.silent && s.fault != "ignores cancel" {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ingest.Batch{}, ctx.Err()
	}
	switch {
	case key == 0 || key >= s.renewed || !strings.HasPrefix(s.fault, "renews"):
	case s.fault == "renews for ever":
		from = 0
	case s.fault == "renews behind the page":
		from, s.renewed = min(s.page, len(s.items)), 0
	case s.fault == "renews for nobody":
		return ingest.Batch{}, &fault.Error{Class: fault.Blocked, Err: ingest.ErrCursorGone}
	default:
		from, s.renewed = 0, 0
	}
	if key < s.oldest && s.fault != "skips what is forgotten" {
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
	if err == nil && n > 0 && n <= s.top {
		return n, nil
	}
	switch s.fault {
	case "garbage is the beginning":
		return 0, nil
	case "garbage is the end":
		return s.top, nil
	case "garbage panics":
		return 0, fmt.Errorf("%q", s.items[n-1].data)
	case "garbage is transient":
		return 0, errors.New("what?")
	}
	return 0, &fault.Error{Class: fault.Blocked, Reason: "bad_cursor", Err: fmt.Errorf("%q is no cursor of this source", after)}
}

// index is the place of the first item behind a key.
func (s *slice) index(key int) int {
	switch {
	case s.fault == "counts places":
		return min(key, len(s.items))
	case s.fault == "wants the item of the cursor" && key > 0 && !slices.ContainsFunc(s.items, func(e entry) bool { return e.key == key }):
		return len(s.items)
	case s.fault == "skips after a restart" && s.reads == 1 && key > 0:
		key++
	case s.fault == "repeats after a restart" && s.reads == 1 && key > 0:
		key--
	}
	return sort.Search(len(s.items), func(i int) bool { return s.items[i].key > key })
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
	b := ingest.Batch{CaughtUp: to == len(s.items) && !s.ends}
	if to > 0 {
		key := s.items[to-1].key
		switch {
		case s.fault == "counts places":
			key = to
		case s.fault == "forgets ties" && s.ties > 1:
			key = min(s.top, (key-1)/s.ties*s.ties+s.ties) // the end of the group
		case s.fault == "repeats ties" && s.ties > 1 && to < len(s.items):
			key = max(key-(key-1)%s.ties, s.items[from].key) // its beginning
		}
		b.Next = ingest.Cursor(strconv.Itoa(key))
	}
	for _, item := range s.items[from:to] {
		b.Items = append(b.Items, slices.Clone(item.data))
	}
	s.spoil(&b, from)
	return b, nil
}

// spoil plants the faults of what is returned.
func (s *slice) spoil(b *ingest.Batch, from int) {
	switch s.fault {
	case "shares its items":
		for i := range b.Items {
			b.Items[i] = s.items[from+i].data
		}
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

// A ring is the reference for pages that lead in a circle: its cursor counts the pages.
type ring struct {
	lead, period int
	fault        string
}

func (r ring) Read(_ context.Context, after ingest.Cursor) (ingest.Batch, error) {
	n, _ := strconv.Atoi(string(after))
	found := n >= r.lead+r.period
	switch {
	case r.fault == "does not look for circles", r.fault == "sees only a page that leads to itself" && r.period > 1, r.fault == "sees only short circles" && r.period > 2:
		found = false
	case found && r.fault == "a circle is the end":
		return ingest.Batch{Next: after, CaughtUp: true}, nil
	case found && r.fault == "a circle without a reason":
		return ingest.Batch{}, &fault.Error{Class: fault.Blocked, Err: errors.New("what?")}
	case found && r.fault == "a circle that may vanish":
		return ingest.Batch{}, &fault.Error{Reason: "page_loop", Err: errors.New("what?")}
	}
	if found {
		return ingest.Batch{}, &fault.Error{Class: fault.Blocked, Reason: "page_loop", Err: errors.New("in a circle")}
	}
	return ingest.Batch{Items: [][]byte{item(n)}, Next: ingest.Cursor(strconv.Itoa(n + 1))}, nil
}

// A twin gives each page of a slice twice, behind cursors of its own.
type twin struct {
	slice ingest.Source
	fault string
}

func (w twin) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	c, again := strings.CutSuffix(string(after), "+")
	if w.fault == "one of two pages is left out" && !again && c != "" {
		b, err := w.slice.Read(ctx, ingest.Cursor(c))
		if err != nil {
			return b, err
		}
		c = string(b.Next)
	}
	b, err := w.slice.Read(ctx, ingest.Cursor(c))
	if err == nil && !again && len(b.Items) > 0 {
		b.Next, b.CaughtUp = ingest.Cursor(c+"+"), false
	}
	if w.fault == "the second page for ever" && again && b.CaughtUp {
		b.Next = after + "+"
	}
	return b, err
}

// add adds items behind the last.
func (o *origin) add(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range n {
		o.top++
		o.items = append(o.items, entry{o.top, item(o.top - 1)})
	}
	close(o.grew)
	o.grew = make(chan struct{})
}

// remove removes item i.
func (o *origin) remove(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items = slices.DeleteFunc(o.items, func(e entry) bool { return string(e.data) == string(item(i)) })
}

// harness makes slices with a planted fault.
func harness(kind, planted string) Harness { return tiedHarness(kind, planted, 5, 1) }

func tiedHarness(kind, planted string, page, ties int) Harness {
	h := Harness{Item: item, Ends: kind == "ends", Waits: kind == "waits", Garbage: []ingest.Cursor{"99999", "0"}, Lacks: map[string]string{}}
	h.Misses = map[Disturbance]string{ChangedBefore: "keys stay", InsertedBefore: "keys below the first are not asked for"}
	switch planted {
	case "a promise too little":
		h.Misses[DeletedAfter] = "it may be"
	case "counts places, and says so":
		planted = "counts places"
		h.Misses[DeletedBefore] = "places are counted"
	}
	h.New = func(_ testing.TB, n int) Origin {
		under := &origin{grew: make(chan struct{}), ends: h.Ends, waits: h.Waits, ties: ties}
		under.add(n)
		o := Origin{
			Source: &slice{origin: under, page: page, fault: planted},
			Reopen: func() ingest.Source { return &slice{origin: under, page: page, fault: planted} },
			Hang:   func() { under.mu.Lock(); under.silent = true; under.mu.Unlock() },
			Forget: func() { under.mu.Lock(); under.oldest = under.top + 1; under.mu.Unlock() },
		}
		if o.Renews = strings.HasPrefix(planted, "renews"); o.Renews {
			o.Forget = func() { under.mu.Lock(); under.renewed = under.top + 1; under.mu.Unlock() }
		}
		if !h.Ends {
			o.Append = under.add
		}
		if !h.Waits {
			o.Delete = under.remove
			o.Insert = func() []byte { return under.insert() }
			o.Change = func(i int) []byte { return under.change(i) }
		}
		return o
	}
	if h.Ends {
		h.Lacks["Append"] = "it is closed"
	}
	if h.Waits {
		h.Lacks["Change"], h.Lacks["Delete"], h.Lacks["Insert"] = "only grows", "only grows", "only grows"
	}
	if kind != "polled" {
		h.Lacks["Loop"], h.Lacks["Twice"] = "the polled one has it", "the polled one has it"
	} else {
		h.Loop = func(_ testing.TB, lead, period int) ingest.Source { return ring{lead, period, planted} }
		h.Twice = func(t testing.TB, n int) Origin {
			o := h.New(t, n)
			o.Source = twin{o.Source, planted}
			return o
		}
	}
	h.Tied = func(page, ties int) Harness { return tiedHarness(kind, planted, page, ties) }
	switch planted {
	case "a hook is missing":
		h.Twice = nil
	case "a hook is there and excused":
		h.Lacks["Twice"] = "who knows"
	}
	return h
}

// insert adds an item ahead of the first.
func (o *origin) insert() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := 0
	if len(o.items) > 0 {
		key = min(0, o.items[0].key-1)
	}
	e := entry{key, fmt.Appendf(nil, `{"inserted":%d}`, key)}
	o.items = slices.Insert(o.items, 0, e)
	return e.data
}

// change changes item i where it stands.
func (o *origin) change(i int) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.IndexFunc(o.items, func(e entry) bool { return string(e.data) == string(item(i)) })
	o.items[at].data = fmt.Appendf(nil, `{"changed":%d}`, i)
	return slices.Clone(o.items[at].data)
}
