package httpapi

import (
	"maps"
	"slices"

	"sluice/ingest"
)

// Where pages are numbered, a record that is added while they are read lands on the last page, which may have been read
// already: if the next page then holds records, the one before it has grown. It is read again before reading goes on, and what
// was returned of it is left out. How many records make a full page, which cannot grow, shows when a page is read again.

// noteSize notes in next what has to be known of the page r, read at st, if it may not be full.
func (s *Source) noteSize(next *state, st state, r *reading) {
	next.Tail, next.Void, next.Twice = nil, 0, false
	if s.cfg.Pagination != paginationPage {
		return
	}
	if st.Twice {
		next.Size = r.n
	}
	if r.n == 0 {
		next.Tail, next.Void, next.Vain = st.Tail, st.Void+1, st.Vain || s.saysMore() && st.Pages > 0
		return
	}
	if s.cfg.Limit == 0 || r.n < s.cfg.Limit {
		next.Tail = bagOf(r.hashes)
	}
}

// saysMore reports whether the API says itself whether more pages follow.
func (s *Source) saysMore() bool {
	return s.cfg.MorePath != "" || s.cfg.TotalPath != "" || s.cfg.TotalHeader != ""
}

// hasGrown reports whether p, read at st, shows that the page before it was not full when it was read. Where that page said
// that more follow, it was, unless the API has been seen to say so in vain: a total may count what no page shows.
func (s *Source) hasGrown(st state, p page) bool {
	said := s.saysMore() && !st.Vain
	if st.Pages == 0 || p.first > 0 || len(p.items) == 0 || said || st.Tail == nil || st.Tail.size() == st.Size {
		return false
	}
	same := bag{}
	for _, item := range p.items {
		same[hashOf(item)]++
	}
	return !maps.Equal(same, st.Tail) // else there is but one page, whatever is asked for
}

// back moves st to the last page that held records, of which the Tail was returned.
func (s *Source) back(st *state) ingest.Batch {
	st.At, st.Pages, st.Twice = s.number(*st, -1-st.Void), st.Pages-1-st.Void, true
	st.Void = 0
	st.Known = st.Known.plus(st.Tail)
	st.Ties, st.Odd, st.Seen = st.Ties.minus(st.Tail), st.Odd.minus(st.Tail), st.Seen.minus(st.Tail)
	tail := maps.Clone(st.Tail)
	st.Recent = slices.DeleteFunc(slices.Clone(st.Recent), func(x recent) bool { return tail.take(x.hash) })
	st.Tail = nil
	return ingest.Batch{}
}

// minus is b without what is in other.
func (b bag) minus(other bag) bag {
	rest := maps.Clone(b)
	for h, n := range other {
		for range n {
			rest.take(h)
		}
	}
	return rest
}
