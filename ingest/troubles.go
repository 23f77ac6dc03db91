package ingest

import (
	"slices"
	"sync"
)

// troubles are what keeps a Run from going on, of each part as many as there are batches in trouble with it. A part is well
// when none of them is left: one batch gets its dead letter written, another still waits for its next try.
type troubles struct {
	tell func(Part, error) // one call at a time; may be nil
	mu   sync.Mutex
	open []*trouble
}

// A trouble is that of one batch with one part.
type trouble struct {
	part Part
	err  error
}

// begin notes a trouble, or a new reason of one that is there, and tells of it.
func (s *troubles) begin(t *trouble, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.err = err
	if !slices.Contains(s.open, t) {
		s.open = append(s.open, t)
	}
	s.say(t.part, err)
}

// end notes that a trouble is over, and tells what is left of those with its part: the newest, or that it is well.
func (s *troubles) end(t *trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.open, t)
	if i < 0 {
		return
	}
	s.open = slices.Delete(s.open, i, i+1)
	for _, other := range slices.Backward(s.open) {
		if other.part == t.part {
			s.say(t.part, other.err)
			return
		}
	}
	s.say(t.part, nil)
}

func (s *troubles) say(part Part, err error) {
	if s.tell != nil {
		s.tell(part, err)
	}
}
