package ingest

import "sync"

// A tracker puts batches that settle in any order back into the order of the source.
type tracker struct {
	mu   sync.Mutex
	open []*slot // in the order of the source; the first one is unsettled, or head has not looked yet
}

// A slot is one batch on its way.
type slot struct {
	next    Cursor // the place after the batch
	settled bool
}

// add appends a batch; the caller adds them in the order of the source.
func (t *tracker) add(next Cursor) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &slot{next: next}
	t.open = append(t.open, s)
	return s
}

// settle says that every item of the batch is accepted or durably set aside.
func (t *tracker) settle(s *slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.settled = true
}

// head forgets the settled batches that have no unsettled batch before them, and returns the cursor after the last of
// them. ok is false if there is none. I1: what comes out of here has nothing unsettled before it.
func (t *tracker) head() (next Cursor, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.open) > 0 && t.open[0].settled {
		next, ok = t.open[0].next, true
		t.open = t.open[1:]
	}
	return next, ok
}

// unsettled returns the number of batches on their way.
func (t *tracker) unsettled() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, s := range t.open {
		if !s.settled {
			n++
		}
	}
	return n
}
