package httpapi

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"time"

	"sluice/internal/fault"
)

// A reading is a page that is being read. One of more than Config.MaxPageBytes is read in parts: it stays open from one Read to
// the next, and the cursor says how many of its records were returned. Without it, as after a restart, the page is asked for
// again, and these records are read and left out.
type reading struct {
	ans     answer
	body    io.Closer
	came    *counter           // the body
	release context.CancelFunc // ends the request
	until   time.Time          // when the part that is read must be here

	cut    cutter
	over   bool      // the records so far are all
	n      int       // records so far
	last   []byte    // the last of them
	sum    hash.Hash // over their hashes
	hashes []uint64  // the hashes, where the next sweep has to know them
	next   state     // the state at the page, with these records noted

	place string // what has to be asked for to go on here
}

// A cutter cuts a page into records.
type cutter interface {
	// part returns the next records: about so many bytes of them, and at most so many if most is not 0. over: nothing follows.
	part(bytes, most int) (p page, over bool, err error)
}

// close ends the request of r.
func (r *reading) close() {
	if r.body != nil {
		_ = r.body.Close()
	}
	r.release()
}

// digest is a hash over the records so far.
func (r *reading) digest() uint64 { return binary.BigEndian.Uint64(r.sum.Sum(nil)) }

// resume returns the page at st, open behind the records that were returned of it: the one that was left open, or a new
// answer.
func (s *Source) resume(ctx context.Context, st state) (*reading, error) {
	place, err := s.placeOf(st)
	if err != nil {
		return nil, err
	}
	if r := s.held; r != nil {
		s.held = nil
		if r.place == place {
			r.until = time.Now().Add(s.cfg.Timeout)
			return r, nil
		}
		r.close()
	}
	r, err := s.ask(ctx, s.target(st), st)
	for err == nil && !r.ans.unchanged && r.n < st.Done && !r.over {
		_, _, err = s.part(ctx, r, st.Done-r.n)
		r.until = time.Now().Add(s.cfg.Timeout)
	}
	switch {
	case err != nil:
		return nil, err
	case r.ans.unchanged:
		return r, nil
	case st.Done > 0 && r.digest() != st.Sum:
		// It is not the page any more that these records were read from. What it holds now is returned whole.
		r.close()
		st.Done, st.Sum = 0, 0
		return s.ask(ctx, s.target(st), st)
	}
	return r, nil
}

// hold keeps r open for the Read that goes on at st.
func (s *Source) hold(r *reading, st state) (err error) {
	r.place, err = s.placeOf(st)
	s.held = r
	return err
}

// drop ends the page that is open.
func (s *Source) drop() {
	if s.held != nil {
		s.held.close()
		s.held = nil
	}
}

// placeOf tells places apart, in the pages of all parents.
func (s *Source) placeOf(st state) (string, error) {
	if s.held == nil && st.Done == 0 {
		return "", nil // costs nothing where nothing is read in parts
	}
	c, err := st.Encode()
	return s.base.String() + " " + string(c), err
}

// part reads on in r and notes the next records: as many as are held at once, and at most so many if most is not 0. fresh are
// the places of those that are new.
func (s *Source) part(ctx context.Context, r *reading, most int) (p page, fresh []int, err error) {
	if r.over {
		return page{first: r.n}, nil, nil
	}
	limited, cancel := context.WithDeadline(ctx, r.until)
	defer cancel()
	stop := context.AfterFunc(limited, r.release)
	p, r.over, err = r.cut.part(s.cfg.MaxPageBytes, most)
	if stopped := stop(); err == nil && !stopped && !r.over {
		err = limited.Err()
	}
	if err == nil {
		fresh, err = s.note(r, p)
	} else {
		err = s.unreadable(ctx, limited, r, err)
	}
	if err != nil || r.over {
		r.close()
	}
	return p, fresh, err
}

// note notes the records of p in r.
func (s *Source) note(r *reading, p page) (fresh []int, err error) {
	if err := s.wantDated(&r.next, p.items, r.ans); err != nil {
		return nil, err
	}
	hashes := make([]uint64, len(p.items))
	for i, item := range p.items {
		hashes[i] = hashOf(item)
		_, _ = r.sum.Write(binary.BigEndian.AppendUint64(nil, hashes[i]))
	}
	if s.remembersPages() {
		r.hashes = append(r.hashes, hashes...)
		if len(r.hashes) > maxKnown && s.cfg.Pagination == paginationNone {
			return nil, s.fail(fault.Blocked, "too_many_known", r.ans.url, tooManyKnown(len(r.hashes)))
		}
		r.hashes = r.hashes[:min(len(r.hashes), maxKnown+1)]
	}
	if r.n += len(p.items); len(p.items) > 0 {
		r.last = p.items[len(p.items)-1]
	}
	s.noteOrder(&r.next, p.items)
	return s.sift(&r.next, p.items, hashes), nil
}

// remembersPages reports whether the records of a page have to be known when it is read again, in this sweep or the next.
func (s *Source) remembersPages() bool {
	return s.cfg.Pagination == paginationPage || !s.cfg.dated() && !s.cfg.windowed() && s.cfg.Pagination != paginationOffset
}

// unreadable gives the verdict on a page that cannot be read any further. ctx is the caller's, limited the one with the
// timeout.
func (s *Source) unreadable(ctx, limited context.Context, r *reading, err error) error {
	at := r.ans.url
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return s.judge(f)
	}
	bad, isBad := errors.AsType[damaged](err)
	switch {
	case errors.Is(err, errTooLarge):
		return s.tooLarge(at)
	case isBad:
		return s.judge(s.fail(fault.Transient, "bad_page", at, fmt.Errorf("the page cannot be read: %w", bad.err)))
	case errors.Is(err, errBomb):
		return s.fail(fault.Blocked, "page_bomb", at, fmt.Errorf(
			"the page becomes more than %d times larger by decompression, as no page of records does; see what answers there, and ask for smaller pages (SLUICE_HTTP_LIMIT)", maxRatio))
	}
	return s.network(ctx, limited, at, fmt.Errorf("after %d bytes of the page: %w", r.came.n, err))
}

// tooLarge refuses a page that has to be held whole.
func (s *Source) tooLarge(at *url.URL) error {
	why := "a page of zip files, and one of JSON with a record of this size, is held whole"
	switch {
	case s.cfg.DetailURL != "":
		why = "with SLUICE_HTTP_DETAIL_URL a page is held whole"
	case !s.cfg.inParts():
		why = "a page is read in parts only if SLUICE_HTTP_RECORDS is a plain path to an array, and no other setting points into that array"
	}
	return s.fail(fault.Blocked, "page_too_large", at, fmt.Errorf(
		"the page is larger than %d bytes, and %s; ask for smaller pages (SLUICE_HTTP_LIMIT), or raise SLUICE_HTTP_MAX_PAGE_BYTES",
		s.cfg.MaxPageBytes, why))
}

// An uncut page is one that is held whole.
type uncut struct {
	split func() (page, error)
	p     page
	cut   bool
	from  int
}

func (u *uncut) part(_, most int) (page, bool, error) {
	if !u.cut {
		p, err := u.split()
		if err != nil {
			return page{}, false, err
		}
		u.p, u.cut = p, true
	}
	to := len(u.p.items)
	if most > 0 {
		to = min(to, u.from+most)
	}
	p := u.p.between(u.from, to)
	u.from = to
	return p, to == len(u.p.items), nil
}

// between is the records from one place up to another.
func (p page) between(from, to int) page {
	out := page{items: p.items[from:to], first: p.first + from}
	for i := from; i < to; i++ {
		if p.bad[i] != nil {
			if out.bad == nil {
				out.bad = map[int]error{}
			}
			out.bad[i-from] = p.bad[i]
		}
	}
	if p.lines != nil {
		out.lines = p.lines[from:to]
	}
	if p.files != nil {
		out.files = p.files[from:to]
	}
	return out
}
