package httpapi

import (
	"maps"
	"slices"
	"strconv"

	"sluice/ingest"
)

// Where pages are numbered, a record that is added while they are read lands on the last page, which may have been read
// already: if the next page then holds records, the one before it has grown. It is read again before reading goes on, and what
// was returned of it is left out. How many records make a full page, which cannot grow, shows when a page is read again.

// noteSize notes in next what has to be known of the page r, read at st, if it may not be full; more: another page
// follows.
func (s *Source) noteSize(next *state, st state, r *reading, more bool) {
	next.Tail, next.Void, next.Twice = nil, 0, false
	if s.cfg.Pagination != paginationPage {
		return
	}
	if st.Twice && r.n > 0 {
		next.Size = r.n
	}
	if r.n == 0 {
		next.Tail, next.Void, next.Vain = st.Tail, st.Void+1, st.Vain || s.saysMore() && (more || st.Pages > 0)
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

// hasGrown reports whether p, read at st, shows that a page before it was not full when it was read: the last one that held
// records, or an empty one behind it. Where the API says that more follow, they were full, unless it has been seen to say so in
// vain: a total may count what no page shows.
func (s *Source) hasGrown(st state, p page) bool {
	said := s.saysMore() && !st.Vain
	if s.cfg.Pagination != paginationPage || st.Pages == 0 || p.first > 0 || len(p.items) == 0 || said || s.page(st) <= st.Sure {
		return false
	}
	if !st.mayGrow() {
		return st.Void > 0
	}
	same := bag{}
	for _, item := range p.items {
		same[hashOf(item)]++
	}
	return !maps.Equal(same, st.Tail) // else there is but one page, whatever is asked for
}

// mayGrow reports whether the last page that held records may not be full.
func (st state) mayGrow() bool { return st.Tail != nil && st.Tail.size() != st.Size }

// page is the number of the page at st.
func (s *Source) page(st state) int {
	n, _ := strconv.Atoi(s.number(st, 0))
	return n
}

// back moves st to the first page that may have grown: the last one that held records, of which the Tail was returned, or the
// one behind it.
func (s *Source) back(st *state) ingest.Batch {
	pages := st.Void
	if st.mayGrow() {
		pages++
		st.Known = st.Known.plus(st.Tail)
		st.Ties, st.Odd, st.Seen = st.Ties.minus(st.Tail), st.Odd.minus(st.Tail), st.Seen.minus(st.Tail)
		tail := maps.Clone(st.Tail)
		st.Recent = slices.DeleteFunc(slices.Clone(st.Recent), func(x recent) bool { return tail.take(x.hash) })
		st.Tail = nil
	}
	st.Sure = s.page(*st)
	st.At, st.Pages, st.Void, st.Twice = s.number(*st, -pages), st.Pages-pages, 0, true
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
