package ingest

import "sync"

// A tracker puts batches that settle in any order back into the order of the source.
type tracker struct {
	mu   sync.Mutex
	open []*slot // in the order of the source, until their cursor is saved
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

// head returns the number of settled batches that have no unsettled batch before them, and the cursor after the last of
// them. I1: what comes out of here has nothing unsettled before it.
func (t *tracker) head() (n int, next Cursor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < len(t.open) && t.open[n].settled {
		next = t.open[n].next
		n++
	}
	return n, next
}

// saved forgets the first n batches.
func (t *tracker) saved(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = t.open[n:]
}

// unsaved returns the number of batches whose cursor is not saved.
func (t *tracker) unsaved() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}
