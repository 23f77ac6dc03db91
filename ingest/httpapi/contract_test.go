package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
)

// origin is a, read by s, with the hooks of the suite that every api has.
func (a *api) origin(t testing.TB, s *Source) sourcetest.Origin {
	return sourcetest.Origin{
		Source: s,
		Reopen: func() ingest.Source { return open(t, s.cfg) },
		Append: a.add,
		Hang: func() {
			a.mu.Lock()
			a.silent = make(chan struct{})
			a.mu.Unlock()
			t.Cleanup(func() { close(a.silent) })
		},
		Forget: a.forget,
		Renews: a.renews(s.cfg),
		Delete: func(i int) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.deleted == nil {
				a.deleted = map[int]bool{}
			}
			a.deleted[i] = true
		},
		Change: func(i int) []byte {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.changed == nil {
				a.changed = map[int]record{}
			}
			r := a.record(i)
			if r.revision = 1; a.moves {
				r.at = 1000 + len(a.changed)
			}
			a.changed[i] = r
			return r.text()
		},
		Insert: func() []byte {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.inserted++
			return record{id: -a.inserted, at: -1}.text()
		},
	}
}

// forget makes all places but the beginning of a question unknown; where it cannot be asked again from there, that as well.
func (a *api) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens {
		a.era++
	} else {
		a.gone = true
	}
}

// renews reports whether a source with c begins a sweep anew whose places a forgets.
func (a *api) renews(c Config) bool {
	counted := c.Pagination == paginationNone || c.Pagination == paginationPage || c.Pagination == paginationOffset
	a.tokens = !counted && c.MaxPages != 1 && (c.dated() || c.windowed())
	return a.tokens
}

// elsewhere excuses hooks of a contract that is about something else than the way from page to page.
func elsewhere(hooks ...string) map[string]string {
	why := map[string]string{}
	for _, hook := range hooks {
		why[hook] = "TestContract has it for this way from page to page"
	}
	return why
}

// What the documents say about records that change between two pages.
const (
	missShift  = "where places are counted, what follows a record that goes away moves over the place"
	missRead   = "without since, a page that was read is not read again"
	missBehind = "what is older than the newest value is not asked for"
)

// A shape is an api and how it is read.
type shape struct {
	name        string
	size, limit int
	ties        int
	since       bool
	etags       bool
	keyset      bool
	anew        bool // MAX_PAGES is 1: each page is asked for by the newest value
	part        int  // of a page are held at once, in bytes; 0: all
}

// whole reports whether a page holds all.
func (v shape) whole(mode string) bool {
	return mode == paginationNone || v.size > 20 && (v.limit == 0 || v.limit > 20)
}

// misses is what the documents say of the shape.
func (v shape) misses(mode string) map[sourcetest.Disturbance]string {
	says := map[sourcetest.Disturbance]string{}
	shifts := mode != paginationNone && !v.keyset && !v.anew && !v.whole(mode)
	if shifts && v.ties < 1000 { // else the next sweep has the same question
		says[sourcetest.DeletedBefore] = missShift
	}
	switch {
	case v.since && shifts:
		says[sourcetest.ChangedBefore] = missShift
	case !v.since && mode != paginationNone:
		says[sourcetest.ChangedBefore], says[sourcetest.InsertedBefore] = missRead, missRead
	}
	if v.since {
		says[sourcetest.InsertedBefore] = missBehind
	}
	if v.part > 0 && v.whole(mode) {
		v.inParts(mode, says)
	}
	return says
}

// inParts changes says to what is so where the place is in the middle of the one page: what stands behind it is as it was when
// the page was asked for.
func (v shape) inParts(mode string, says map[sourcetest.Disturbance]string) {
	switch {
	case v.since:
	case mode == paginationOffset:
		says[sourcetest.DeletedBefore], says[sourcetest.DeletedAfter], says[sourcetest.ChangedAfter] = missShift, missShift, missRead
	default: // the next sweep reads the page again
		delete(says, sourcetest.ChangedBefore)
		delete(says, sourcetest.InsertedBefore)
	}
}

// harness is the suite's view of a shape.
func (v shape) harness(mode string) sourcetest.Harness {
	h := sourcetest.Harness{Item: (&api{ties: v.ties}).item, Garbage: garbageCursors, Misses: v.misses(mode), Lacks: map[string]string{}}
	make := func(t testing.TB, n int, twice bool) sourcetest.Origin {
		a := &api{mode: mode, size: v.size, ties: v.ties, etags: v.etags, keyset: v.keyset, moves: v.since, n: n, twice: twice, part: v.part}
		s := start(t, a, v.limit, v.since)
		if v.anew {
			c := s.cfg
			c.MaxPages = 1
			s = open(t, c)
		}
		o := a.origin(t, s)
		if h.Lacks["Forget"] != "" {
			o.Forget = nil
		}
		if h.Lacks["Insert"] != "" {
			o.Insert = nil
		}
		if h.Lacks["Change"] != "" {
			o.Change, o.Delete = nil, nil
		}
		return o
	}
	h.New = func(t testing.TB, n int) sourcetest.Origin { return make(t, n, false) }
	switch {
	case mode == paginationNone:
		h.Lacks["Forget"], h.Lacks["Loop"], h.Lacks["Twice"] = "each sweep begins at the beginning", "there is one page", "there is one page"
	case mode == paginationPage || mode == paginationOffset:
		h.Lacks["Twice"] = "a page with the records of another number is taken for a circle"
	default:
		h.Twice = func(t testing.TB, n int) sourcetest.Origin { return make(t, n, true) }
	}
	switch {
	case v.anew:
		h.Twice, h.Lacks["Twice"] = nil, "no page is followed"
		h.Lacks["Loop"] = "no page is followed: what does not lead on is capped"
	case mode != paginationNone:
		h.Loop = func(t testing.TB, lead, period int) ingest.Source {
			return hushed{serve(t, circle(t, lead, period).ServeHTTP, func(c *Config) {
				*c = (&api{mode: mode}).config(strings.TrimSuffix(c.URL, "/items?secretless=visible-not"), v.limit, v.since)
			}), t}
		}
	}
	if v.since && v.ties >= 1000 {
		h.Lacks["Forget"] = "each sweep begins with the same question"
	}
	counted := mode == paginationPage || mode == paginationOffset
	if counted && v.size == 1 {
		h.Lacks["Insert"] = "with one record in a page, one more in front makes the next page the same as this one: a circle"
	}
	switch {
	case v.part == 0:
	case !v.whole(mode):
		maps.Copy(h.Lacks, elsewhere("Change", "Delete", "Insert"))
		h.Misses = nil
	default:
		h.Lacks["Forget"] = "the page is the first one, which is never forgotten"
	}
	if v.whole(mode) && v.part == 0 {
		h.Lacks["Pages"] = "one page holds all"
	}
	switch {
	case !v.since:
		h.Lacks["Tied"] = "no value orders the records"
	case (v.ties != 1 || v.anew) && v.name != "":
		h.Lacks["Tied"] = "the shape since has it"
	default:
		h.Tied = func(page, ties int) sourcetest.Harness {
			v := v
			v.name, v.size, v.limit, v.ties = "", page, 0, ties
			return v.harness(mode)
		}
	}
	return h
}

func TestContract(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for _, v := range []shape{
			{"pages of 7", 7, 0, 1, false, false, false, false, 0},
			{"pages of 1", 1, 0, 1, false, true, false, false, 0},
			{"limit kept", 100, 7, 1, false, true, false, false, 0},
			{"limit cut to less", 7, 100, 1, false, true, false, false, 0},
			{"since", 7, 0, 1, true, false, false, false, 0},
			{"since, all tied", 7, 7, 1000, true, true, false, false, 0},
			{"since, limit cut to less", 7, 100, 3, true, true, false, false, 0},
			{"since, one page", 1000, 0, 3, true, true, false, false, 0},
			{"places that name a record, pages of 7", 7, 0, 1, false, false, true, false, 0},
			{"places that name a record, pages of 1", 1, 0, 1, false, true, true, false, 0},
			{"places that name a record, since", 7, 0, 1, true, true, true, false, 0},
			{"since, each page anew", 100, 7, 3, true, true, false, true, 0},
		} {
			if v.anew && mode == paginationNone {
				continue // there is one page
			}
			if v.keyset && mode != paginationLink && mode != paginationNext && mode != paginationCursor {
				continue // where pages are numbered, places count
			}
			t.Run(mode+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				sourcetest.Run(t, v.harness(mode))
			})
		}
	}
}

var garbageCursors = []ingest.Cursor{
	`{"v":1} `, `{"v":1}{}`, `{"v":1,"extra":1}`, `{"v":1,"n":-1}`, `{"v":1,"full":false}`, `{"v":1,"known":"!"}`, `{"v":1,"known":"AAAA"}`,
	`{"v":1,"newest":{"k":"","t":""}}`, `{"v":1,"etag":"a\nb"}`, `{"v":1,"loop":{"p":-3}}`, `{"v":2}`,
}

// circle serves pages that lead into a circle behind a few that do not, whatever they are asked for. It wants that to be found
// within three times the pages.
func circle(t testing.TB, lead, period int) http.Handler {
	requests := 0
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		page := requests
		if requests++; requests > 3*(lead+period)+3 {
			t.Errorf("%d requests for %d pages that lead into a circle of %d", requests, lead, period)
		}
		if page >= lead {
			page = lead + (page-lead)%period
		}
		next := lead + (page+1-lead)%period
		if page < lead {
			next = page + 1
		}
		w.Header().Set("Link", fmt.Sprintf(`<?hush=s3cr3t-%d>; rel=next`, next))
		fmt.Fprintf(w, `{"data":[{"id":%d,"at":1}],"meta":{"next":"?hush=s3cr3t-%d"}}`, page, next)
	})
}

// hushed is a Source over a circle: the reason has a name of its own, and the error shows neither query values nor tokens.
type hushed struct {
	*Source
	t testing.TB
}

func (h hushed) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	b, err := h.Source.Read(ctx, after)
	if err != nil && (fault.From(err).Code() != "page_loop" || strings.Contains(err.Error(), "s3cr3t")) {
		h.t.Errorf("error = %v (%s), want page_loop, and no query value or token in it", err, fault.From(err).Code())
	}
	return b, err
}
