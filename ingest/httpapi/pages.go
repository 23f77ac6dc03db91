package httpapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/internal/fault"
)

// PagesConfig says where the next page is named, and how the last one is known.
type PagesConfig struct {
	CursorHeader     string `split_words:"true" desc:"cursor: response header of the token of the next page, in the place of CURSOR_PATH; absent or empty: no next page"`
	CursorRecordPath string `split_words:"true" desc:"cursor: gjson path in the last record of a page of the token of the next one, in the place of CURSOR_PATH (starting_after, and the like); a page without records is the last"`
	MorePath         string `split_words:"true" desc:"gjson path in a page that says whether more follow; absent, null, false, 0 or empty there: it is the last page"`
	TotalPath        string `split_words:"true" desc:"page, offset: gjson path of how many pages (page) or records (offset) there are"`
	TotalHeader      string `split_words:"true" desc:"page, offset: response header with that number, in the place of TOTAL_PATH"`
	MaxPages         int    `split_words:"true" default:"0" desc:"how many pages the API gives for one question; after so many, reading starts again at the first page with the newest value seen. Needs SINCE_PATH and records in ascending order of it; 0: as many as there are"`
	ErrorPath        string `split_words:"true" desc:"gjson path in a page of the error that an API reports with the status 200 (GraphQL: errors); where something stands there, the page is refused"`
}

func (c Config) checkPages(p *problems) {
	if c.Pagination != paginationCursor && (c.CursorHeader != "" || c.CursorRecordPath != "") {
		p.add("CURSOR_HEADER or CURSOR_RECORD_PATH is set, and PAGINATION is not cursor")
	}
	counted := c.Pagination == paginationPage || c.Pagination == paginationOffset
	if !counted && (c.TotalPath != "" || c.TotalHeader != "") {
		p.add("TOTAL_PATH or TOTAL_HEADER is set, and PAGINATION is neither page nor offset")
	}
	if c.TotalPath != "" && c.TotalHeader != "" {
		p.add("both TOTAL_PATH and TOTAL_HEADER are set; keep one")
	}
	if c.MorePath != "" && c.Pagination == paginationNone {
		p.add("MORE_PATH is set, and PAGINATION is none")
	}
	switch {
	case c.MaxPages < 0:
		p.add("MAX_PAGES is %d, want 0 or more", c.MaxPages)
	case c.MaxPages > 0 && !c.dated():
		p.add("MAX_PAGES needs SINCE_PATH, by which reading goes on from the newest value")
	case c.MaxPages > 0 && c.Pagination == paginationNone:
		p.add("MAX_PAGES is set, and PAGINATION is none")
	}
}

// checkCursorPlace wants one place for the token of the next page.
func (c Config) checkCursorPlace(p *problems) {
	n := 0
	for _, place := range []string{c.CursorPath, c.CursorHeader, c.CursorRecordPath} {
		if place != "" {
			n++
		}
	}
	switch {
	case n == 0:
		p.needs("PAGINATION=cursor", "CURSOR_PATH (or CURSOR_HEADER, or CURSOR_RECORD_PATH)", "")
	case n > 1:
		p.add("CURSOR_PATH, CURSOR_HEADER and CURSOR_RECORD_PATH: more than one is set; keep one")
	}
}

// follow returns the position of the page behind r, which is read; false if there is none. st is
// the state with that page already counted; what it shows of the page size is noted there.
func (s *Source) follow(st *state, r *reading) (at string, more bool, err error) {
	n, ans := r.n, r.ans
	if n > 0 {
		s.lookAstray(*st, ans)
	}
	switch {
	case s.counted():
		more, err = s.afterCounted(st, ans, n)
		return s.number(*st, s.stride(n)), more, err
	case s.cfg.MorePath != "" && !s.says(ans):
		return "", false, nil
	}
	switch s.cfg.Pagination {
	case paginationLink:
		at, err = s.resolve(ans, nextLink(ans.links))
	case paginationNext:
		at, err = s.nextInBody(ans)
	case paginationCursor:
		at, err = s.token(ans, r.last)
	}
	if err != nil || at == "" {
		return "", false, err
	}
	if n == 0 && at == s.current(*st) {
		return "", false, nil // "ask here again later", as feeds say it
	}
	return at, true, nil
}

// followsHeader reports whether it is a header, and not the body, that says whether another page follows.
func (c Config) followsHeader() bool {
	return c.Pagination == paginationLink || c.CursorHeader != "" || c.TotalHeader != ""
}

// compares reports whether the records of the largest page tell something of another one.
func (c Config) compares() bool { return c.followsHeader() || c.MaxPages > 0 }

// stride is how far the next page is where pages are counted, behind one of n records.
func (s *Source) stride(n int) int {
	if s.cfg.Pagination == paginationOffset {
		return n
	}
	return 1
}

// afterCounted reports whether a page follows one of n records where pages are counted. The API's own word counts most.
//
// Without it, only an empty page tells the end: many APIs cut a page to a maximum of their own, or leave out of it what the
// reader may not see, and would be read up to the first short page for ever. Where nothing can stay behind a short page, it is
// the last one, but only of an API that has been seen to fill a page up to Limit.
func (s *Source) afterCounted(st *state, ans answer, n int) (bool, error) {
	if s.cfg.Limit > 0 && n >= s.cfg.Limit {
		st.Full = true
	}
	standing := s.stride(n) == 0 // the next page would be this one
	switch {
	case s.cfg.MorePath != "":
		return s.says(ans) && !standing, nil
	case s.cfg.TotalPath != "" || s.cfg.TotalHeader != "":
		total, err := s.total(ans)
		if err != nil || standing {
			return false, err
		}
		first := int64(s.cfg.PageStart)
		if s.cfg.Pagination == paginationOffset {
			first = int64(s.cfg.OffsetStart)
		}
		next, _ := strconv.ParseInt(s.number(*st, s.stride(n)), 10, 64)
		return next-first < total, nil
	}
	if s.cfg.MaxPages > 0 && n < st.Most {
		return false, nil // there has been a larger one
	}
	return n > 0 && (!s.returnsBehind() || !st.Full || n >= s.cfg.Limit), nil
}

// returnsBehind reports whether the next sweep asks for what stands behind the last page of this one, whatever that page held:
// by its number, or by the newest value.
func (s *Source) returnsBehind() bool {
	return s.cfg.MaxPages > 0 || s.cfg.Pagination == paginationOffset && !s.cfg.dated() && !s.cfg.windowed()
}

// says reports whether the page says that more follow.
func (s *Source) says(ans answer) bool { return stands(gjson.GetBytes(ans.body, s.cfg.MorePath)) }

// stands reports whether there is something: not nothing, null, false, 0, nor an empty text, list or object.
func stands(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null, gjson.False:
		return false
	case gjson.Number:
		return v.Num != 0
	case gjson.String:
		return v.Str != "" && v.Str != "0" && !strings.EqualFold(v.Str, "false")
	case gjson.JSON:
		return strings.Trim(v.Raw, "[]{} \t\r\n") != ""
	}
	return true
}

// total is how many pages or records the API says there are.
func (s *Source) total(ans answer) (int64, error) {
	where, text := "TOTAL_HEADER ("+s.cfg.TotalHeader+")", strings.TrimSpace(ans.header.Get(s.cfg.TotalHeader))
	if s.cfg.TotalPath != "" {
		where, text = "TOTAL_PATH ("+s.cfg.TotalPath+")", gjson.GetBytes(ans.body, s.cfg.TotalPath).String()
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxNumber {
		return 0, s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"what stands at SLUICE_HTTP_%s is no number of pages or records; set it to where that number stands", where))
	}
	return n, nil
}

// token is the token of the page behind one whose last record is last, or "".
func (s *Source) token(ans answer, last []byte) (string, error) {
	switch {
	case s.cfg.CursorHeader != "":
		token := ans.header.Get(s.cfg.CursorHeader)
		return token, s.checkToken(ans, token)
	case s.cfg.CursorRecordPath == "":
		return s.tokenAt(ans, gjson.GetBytes(ans.body, s.cfg.CursorPath), "CURSOR_PATH", s.cfg.CursorPath)
	case last == nil:
		return "", nil
	}
	token, err := s.tokenAt(ans, gjson.GetBytes(last, s.cfg.CursorRecordPath), "CURSOR_RECORD_PATH", s.cfg.CursorRecordPath)
	if err == nil && token == "" {
		err = s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"the last record of the page has nothing at SLUICE_HTTP_CURSOR_RECORD_PATH (%s), so that what follows it cannot be asked for", s.cfg.CursorRecordPath))
	}
	return token, err
}

// tokenAt reads the token that a setting points to.
func (s *Source) tokenAt(ans answer, v gjson.Result, setting, path string) (string, error) {
	token := v.String()
	switch v.Type {
	case gjson.Null, gjson.False:
		return "", nil
	case gjson.Number:
		if token = v.Raw; token == "0" && setting == "CURSOR_PATH" {
			return "", nil
		}
	case gjson.String:
	default:
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"what stands at SLUICE_HTTP_%s (%s) is no token; set it to where the token of the next page stands", setting, path))
	}
	return token, s.checkToken(ans, token)
}

// checkToken refuses what a cursor cannot hold.
func (s *Source) checkToken(ans answer, token string) error {
	if len(token) > maxPosition || !utf8.ValidString(token) {
		return s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"the token of the next page (%d bytes) is longer than %d bytes or not UTF-8", len(token), maxPosition))
	}
	return nil
}

// refusedInside gives the verdict on a page that reports an error although its status is 200.
func (s *Source) refusedInside(ans answer) error {
	if s.cfg.ErrorPath == "" || ans.empty {
		return nil
	}
	v := gjson.GetBytes(ans.body, s.cfg.ErrorPath)
	if !stands(v) {
		return nil
	}
	return s.fail(fault.Transient, "error_in_page", ans.url, fmt.Errorf(
		"the answer reports an error at SLUICE_HTTP_ERROR_PATH (%s), saying %q", s.cfg.ErrorPath, s.quote([]byte(v.Raw)[:min(len(v.Raw), 4*sample)])))
}

// capped ends a sweep at the last page that the API gives for one question, and starts the next at the newest value. It
// reports whether there is a new question. next stands behind the page, was before it.
func (s *Source) capped(next *state, ans answer, more bool) (bool, error) {
	if s.cfg.MaxPages == 0 || next.Pages < s.cfg.MaxPages {
		return more, nil
	}
	newer := next.Newest != nil && (next.Since == nil || s.since.compare(s.bound(*next), next.Since) > 0)
	switch {
	case next.Mixed:
		return false, s.fail(fault.Blocked, "capped", ans.url, errors.New(
			"the pages that the API gives (SLUICE_HTTP_MAX_PAGES) are used up, and their records do not ascend by SLUICE_HTTP_SINCE_PATH, so that what follows cannot be asked for; have them sorted by a parameter in SLUICE_HTTP_URL"))
	case newer:
		s.since.turn(next)
		next.At, next.Pages, next.Loop, next.Same, next.Twins = "", 0, loop{}, loop{}, 0
		next.Tail, next.Void, next.Sure, next.Anew = nil, 0, 0, 0
		return true, nil
	case more && s.guesses(*next):
		return true, nil
	case more:
		return false, s.fail(fault.Blocked, "capped", ans.url, fmt.Errorf(
			"more records have one value at SLUICE_HTTP_SINCE_PATH, or lie within SLUICE_HTTP_SINCE_LOOKBACK, than %d pages hold (SLUICE_HTTP_MAX_PAGES); use larger pages (SLUICE_HTTP_LIMIT) or finer values", s.cfg.MaxPages))
	}
	return false, nil
}

// guesses reports whether only an empty page can tell the end: as long as no page was full, a page that looks like one of
// several may be all there is.
func (s *Source) guesses(st state) bool {
	return s.counted() && !s.saysMore() && !st.Full
}

// bound is what the next sweep asks for when this one ends now. st has a newest value.
func (s *Source) bound(st state) *mark {
	if s.since.lookback > 0 {
		return s.since.asked(st.Newest, st.Since)
	}
	return st.Newest
}

// noteOrder notes in st whether values go down within a sweep, which only matters where the API caps its pages.
func (s *Source) noteOrder(st *state, records [][]byte) {
	if s.cfg.MaxPages == 0 {
		return
	}
	newest := st.Newest
	if st.Twice {
		newest = nil // it was found on this page
	}
	for _, r := range records {
		v, dated := s.since.read(r)
		switch {
		case !dated:
		case newest != nil && s.since.compare(&v, newest) < 0:
			st.Mixed = true
			return
		default:
			newest = &v
		}
	}
}
