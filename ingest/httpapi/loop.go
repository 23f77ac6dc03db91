package httpapi

// A loop finds out that a sequence repeats, with one remembered element: it compares each element with a mark that is
// moved on after 1, 2, 4, … steps (Brent's method), so that a cycle of any length is found within three times the steps that lead into it
// and around it. The zero loop has seen nothing.
type loop struct {
	Mark  uint64 `json:"m,string,omitempty"`
	Power int    `json:"p,omitempty"` // steps after which the mark moves on
	Steps int    `json:"s,omitempty"` // steps since it did
}

// next takes the next element of the sequence and reports whether it closes a cycle.
func (l *loop) next(x uint64) bool {
	if l.Power == 0 {
		*l = loop{Mark: x, Power: 1}
		return false
	}
	if x == l.Mark {
		return true
	}
	if l.Steps++; l.Steps == l.Power {
		*l = loop{Mark: x, Power: 2 * l.Power}
	}
	return false
}

// plausible reports whether next can have made l.
func (l loop) plausible() bool {
	return l.Power >= 0 && l.Power <= maxNumber && l.Power&(l.Power-1) == 0 && l.Steps >= 0 && l.Steps <= l.Power
}

// twin notes what a page of n records holds, and returns how many pages held the same as the mark, which is counted anew
// when the mark moves on. Pages without records are all alike and do not count.
func (st *state) twin(content uint64, n int) int {
	if n == 0 {
		return 0
	}
	mark := st.Same.Mark
	switch again := st.Same.next(content); {
	case again:
		st.Twins++
	case st.Same.Mark != mark:
		st.Twins = 0
	}
	return st.Twins
}
