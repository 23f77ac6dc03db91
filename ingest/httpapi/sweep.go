package httpapi

import (
	"cmp"
	"fmt"
	"strings"

	"sluice/ingest"
	"sluice/internal/fault"
)

// sift returns the places of the records that are new, and notes in st what has to be remembered of the page.
func (s *Source) sift(st *state, records [][]byte, hashes []uint64) (fresh []int) {
	switch {
	case s.cfg.dated():
		return s.since.sift(st, records, hashes)
	case s.cfg.windowed():
		return siftWindow(st, hashes)
	}
	known := st.Known.plus()
	st.Known = known
	for i, h := range hashes {
		if !known.take(h) {
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// turn makes next, which stands behind the last page of a sweep, the start of the following one; was is the state before
// that page.
func (s *Source) turn(next *state, was state, r *reading) {
	next.Pages, next.Loop, next.Same, next.Twins, next.Tail, next.Void, next.Sure = 0, loop{}, loop{}, 0, nil, 0, 0
	next.Anew = 0
	switch {
	case s.cfg.dated():
		next.At, next.Mixed = "", false
		s.since.turn(next)
		return
	case s.cfg.windowed():
		next.At = ""
		next.endWindow()
		return
	}
	switch s.cfg.Pagination {
	case paginationOffset:
		next.At = s.number(was, r.n)
	case paginationPage:
		next.At = s.number(was, 0)
		next.Known = bagOf(r.hashes)
		switch {
		case r.n > 0:
		case was.Tail != nil:
			next.At, next.Known = s.number(was, -1-was.Void), was.Tail // the last page with records may still grow
		default:
			next.At = s.number(was, -was.Void) // the first page without records comes next
		}
	default:
		next.Known = bagOf(r.hashes)
	}
}

// maxTwins is how many pages of a sweep may hold exactly the records of an earlier one before that counts as a circle, where
// each page says what follows: equal records are allowed, pages of nothing else are not.
const maxTwins = 3

// detect finds pages that lead in a circle: by where they lead, and by what they hold. Where pages are counted, each has a
// number of its own, and one that holds the records of another is proof enough.
func (s *Source) detect(st *state, r *reading, at string, more bool) error {
	content := r.digest()
	var what string
	switch s.cfg.Pagination {
	case paginationPage, paginationOffset:
		if r.n > 0 && !st.Twice && st.Loop.next(content) {
			what = fmt.Sprintf("has the records of an earlier page: the API does not heed the parameter %s", s.cfg.positionParam())
		}
	case paginationLink, paginationNext, paginationCursor:
		if st.Pages == 1 {
			st.Loop.next(hashOf([]byte(s.current(*st))))
		}
		switch {
		case more && st.Loop.next(hashOf([]byte(at))):
			what = "leads back to " + s.place(at) + ", where this sweep has been before"
		case more && st.twin(content, r.n) >= maxTwins:
			what = "has the records of an earlier page, and not for the first time, although its address is a new one"
		}
	}
	if what == "" {
		return nil
	}
	return s.fail(fault.Blocked, "page_loop", r.ans.url, fmt.Errorf(
		"the pages go round in a circle: page %d of this sweep %s; mend the API or the settings of SLUICE_HTTP_PAGINATION=%s",
		st.Pages, what, s.cfg.Pagination))
}

// wantDated refuses a first page whose records have no since value at all: without any, the next sweep would ask for
// everything again, for ever.
func (s *Source) wantDated(st *state, records [][]byte, ans answer) error {
	if !s.cfg.dated() || len(records) == 0 || st.Since != nil || st.Newest != nil {
		return nil
	}
	for _, r := range records {
		if _, ok := s.since.read(r); ok {
			return nil
		}
	}
	return s.fail(fault.Blocked, "no_since", ans.url, fmt.Errorf(
		"no record in the page has a value at SLUICE_HTTP_SINCE_PATH (%s) that reads as SLUICE_HTTP_SINCE_TYPE=%s; set them to where the value of %s stands in a record, and to its kind",
		s.cfg.SincePath, s.cfg.SinceType, cmp.Or(s.cfg.SinceParam, "{{since}}")))
}

// place shows a position: a path without its query values, or the hash of a token, which may be a secret.
func (s *Source) place(at string) string {
	if s.cfg.Pagination == paginationCursor {
		return fmt.Sprintf("the token with the hash %016x", hashOf([]byte(at)))
	}
	path, query, _ := strings.Cut(at, "?")
	return ingest.OneLine(path+hideQuery(query), 200)
}
