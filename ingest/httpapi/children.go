package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"sluice/ingest"
	"sluice/internal/fault"
)

// maxParents bounds the parents whose children are read; each has a state of its own in the cursor.
const maxParents = 1000

// next makes one step from st: of the source, or of the parent whose turn it is.
func (s *Source) next(ctx context.Context, st *state) (ingest.Batch, error) {
	if s.cfg.ChildURL == "" {
		return s.step(ctx, st)
	}
	if len(st.Queue) == 0 {
		if err := s.enqueue(ctx, st); err != nil {
			return ingest.Batch{}, err
		}
		return ingest.Batch{CaughtUp: len(st.Queue) == 0}, nil
	}
	path := st.Queue[0]
	kid := st.Kids[path]
	if kid == nil {
		kid = &state{Version: cursorVersion}
	}
	child, err := s.child(path)
	if err != nil {
		return ingest.Batch{}, err
	}
	child.malformed = s.malformed
	b, err := child.step(ctx, kid)
	s.malformed = child.malformed
	if err != nil && s.leaveOut(ctx, st, kid, err) {
		return ingest.Batch{CaughtUp: len(st.Queue) == 0}, nil
	}
	if err != nil {
		return ingest.Batch{}, err
	}
	if st.Kids == nil {
		st.Kids = map[string]*state{}
	}
	st.Kids[path] = kid
	delete(s.shut, path)
	if b.CaughtUp {
		st.Queue = st.Queue[1:]
		b.CaughtUp = len(st.Queue) == 0
	}
	return b, nil
}

// leaveOut reports whether reading goes on without the parent whose turn it is, after err about its children: where the origin
// refuses them from their beginning on and others can be read, or where the list does not name that parent any more. One that is
// still named has its turn again in the next sweep, at the place where it was.
func (s *Source) leaveOut(ctx context.Context, st *state, kid *state, err error) bool {
	code := fault.From(err).Code()
	if !slices.Contains([]string{"not_found", "gone", "cursor_gone", "forbidden"}, code) {
		return false
	}
	path, last := st.Queue[0], st.Shut+1 >= st.Lined
	if (kid.At != "" || last) && (code == "forbidden" || !s.orphaned(ctx, *st)) {
		return false
	}
	st.Queue, st.Shut = st.Queue[1:], st.Shut+1
	if !s.shut[path] {
		s.warn(fmt.Sprintf("the children of one parent cannot be read, and it is left out in this sweep: %v", err))
	}
	s.shut[path] = true
	return true
}

// orphaned reports whether the list does not name the parent any more whose turn it is.
func (s *Source) orphaned(ctx context.Context, st state) bool {
	now := state{}
	return s.enqueue(ctx, &now) == nil && !slices.Contains(now.Queue, st.Queue[0])
}

// child reads the pages of one parent.
func (s *Source) child(path string) (*Source, error) {
	c := *s
	c.cfg.ChildURL, c.address = "", nil
	base, err := url.Parse(origin(s.base) + path)
	if err != nil {
		return nil, s.fail(fault.Blocked, "bad_parent", s.base, errors.New("no address can be made of what a parent holds; check SLUICE_HTTP_CHILD_URL"))
	}
	c.base, c.parent = base, ingest.OneLine(base.Path, 100)
	return &c, nil
}

// parents reads the list of parents.
func (s *Source) parents() *Source {
	l := *s
	l.cfg.ChildURL, l.cfg.DetailURL, l.detail = "", "", nil
	l.cfg.Records, l.cfg.SincePath, l.cfg.SinceParam, l.cfg.WindowStart, l.cfg.MaxPages = s.cfg.ParentRecords, "", "", "", 0
	l.cfg.SinceStart, l.whole = "", true
	return &l
}

// enqueue reads the list of parents whole and lines them up. The states of parents that are not in it any more go.
func (s *Source) enqueue(ctx context.Context, st *state) error {
	list, place, to := s.parents(), state{}, parseBraces(s.cfg.ChildURL)
	list.malformed = s.malformed
	kids := map[string]*state{}
	var queue []string
	seen := map[string]bool{}
	for {
		b, err := list.step(ctx, &place)
		s.malformed = list.malformed
		switch {
		case err != nil && list.counted() && place.Pages == 1 && fault.From(err).Code() == "page_loop":
			b.CaughtUp = true // the second page is the first: the list has no pages, as its children have
		case err != nil:
			return err
		}
		for i, parent := range b.Items {
			path, err := to.fill(parent)
			if err == nil {
				err = s.checkPath(path)
			}
			switch {
			case err != nil:
				return s.fail(fault.Blocked, "bad_parent", s.base, fmt.Errorf(
					"%s of the list of parents: %w; check SLUICE_HTTP_CHILD_URL", b.Position(i), err))
			case seen[path]:
				continue
			case len(queue) == maxParents:
				return s.fail(fault.Blocked, "too_many_parents", s.base, fmt.Errorf(
					"the list holds more than %d parents; ask for fewer by parameters in SLUICE_HTTP_URL, with a daemon for each part", maxParents))
			}
			seen[path] = true
			queue = append(queue, path)
			if kid := st.Kids[path]; kid != nil {
				kids[path] = kid
			}
		}
		if b.CaughtUp {
			st.Queue, st.Kids, st.Lined, st.Shut = queue, kids, len(queue), 0
			return nil
		}
	}
}

// checkChildren reports what in st about children cannot come from encode under this configuration.
func (s *Source) checkChildren(st state) error {
	if s.cfg.ChildURL == "" {
		if st.Queue != nil || st.Kids != nil || st.Lined != 0 || st.Shut != 0 {
			return errors.New("it holds the states of parents, but CHILD_URL is not set")
		}
		return nil
	}
	if len(st.Queue) > maxParents || len(st.Kids) > maxParents || st.Lined < 0 || st.Lined > maxParents || st.Shut < 0 || st.Shut > maxParents {
		return errors.New("it holds too many parents")
	}
	for _, path := range st.Queue {
		if err := s.checkPath(path); err != nil {
			return err
		}
	}
	for path, kid := range st.Kids {
		if err := s.checkPath(path); err != nil {
			return err
		}
		child, err := s.child(path)
		if err != nil || kid == nil || kid.Queue != nil || kid.Kids != nil {
			return errors.New("it holds a parent that is none")
		}
		if err := child.check(*kid); err != nil {
			return err
		}
	}
	return nil
}
