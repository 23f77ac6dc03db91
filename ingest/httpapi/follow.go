package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/internal/fault"
)

// maxPosition bounds the token or path of a next page, which is kept in the cursor.
const maxPosition = 64 << 10

// target is the URL of the page at st.
func (s *Source) target(st state) *url.URL {
	u := *s.base
	if st.At != "" && s.byURL() {
		if next, err := url.Parse(origin(s.base) + st.At); err == nil { // checkPath has seen to that
			return next
		}
	}
	set := func(name, value string) { u.RawQuery = setParam(u.RawQuery, name, value) }
	if s.cfg.Limit > 0 {
		set(s.cfg.LimitParam, strconv.Itoa(s.cfg.Limit))
	}
	if st.Since != nil {
		set(s.cfg.SinceParam, st.Since.Text)
	} else if s.cfg.SinceStart != "" {
		set(s.cfg.SinceParam, s.cfg.SinceStart)
	}
	switch s.cfg.Pagination {
	case paginationCursor:
		if st.At != "" {
			set(s.cfg.CursorParam, st.At)
		}
	case paginationPage, paginationOffset:
		set(s.cfg.positionParam(), s.number(st, 0))
	}
	return &u
}

// setParam sets one parameter and leaves the others as they were written.
func setParam(query, name, value string) string {
	if q, err := url.ParseQuery(query); err != nil || q.Has(name) {
		q.Set(name, value)
		return q.Encode()
	}
	one := url.QueryEscape(name) + "=" + url.QueryEscape(value)
	if query == "" {
		return one
	}
	return query + "&" + one
}

// byURL reports whether a position is a URL.
func (s *Source) byURL() bool {
	return s.cfg.Pagination == paginationLink || s.cfg.Pagination == paginationNext
}

// counted reports whether a position is a number that this program counts.
func (s *Source) counted() bool {
	return s.cfg.Pagination == paginationPage || s.cfg.Pagination == paginationOffset
}

// number is the page number or offset at st, moved by n.
func (s *Source) number(st state, n int) string {
	at := int64(s.cfg.PageStart)
	if s.cfg.Pagination == paginationOffset {
		at = int64(s.cfg.OffsetStart)
	}
	if st.At != "" {
		at, _ = strconv.ParseInt(st.At, 10, 64) // check has seen that it is one
	}
	return strconv.FormatInt(at+int64(n), 10)
}

// current is the position of the page at st, in the form in which a page that leads to it would give it.
func (s *Source) current(st state) string {
	if s.byURL() {
		return s.target(st).RequestURI()
	}
	return st.At
}

// follow returns the position of the page behind the one just read, which held n records; false if there is none. st is
// the state with that page already counted; what it shows of the page size is noted there.
func (s *Source) follow(st *state, ans answer, n int) (at string, more bool, err error) {
	switch s.cfg.Pagination {
	case paginationPage:
		return s.number(*st, 1), s.afterCounted(st, n), nil
	case paginationOffset:
		return s.number(*st, n), s.afterCounted(st, n), nil
	case paginationLink:
		at, err = s.resolve(ans, nextLink(ans.links))
	case paginationNext:
		at, err = s.nextInBody(ans)
	case paginationCursor:
		at, err = s.tokenInBody(ans)
	}
	if err != nil || at == "" {
		return "", false, err
	}
	if n == 0 && at == s.current(*st) {
		return "", false, nil // "ask here again later", as feeds say it
	}
	return at, true, nil
}

// afterCounted reports whether a page follows one of n records where pages are counted. A page shorter than Limit is the
// last one, but only of an API that has been seen to fill a page up to Limit: many cut it to a maximum of their own
// without a word, and would be read up to the first page for ever. Else it takes an empty page to tell the end.
func (s *Source) afterCounted(st *state, n int) bool {
	if s.cfg.Limit > 0 && n >= s.cfg.Limit {
		st.Full = true
	}
	return n > 0 && (!st.Full || n >= s.cfg.Limit)
}

// nextInBody reads the URL at NextPath.
func (s *Source) nextInBody(ans answer) (string, error) {
	switch v := gjson.GetBytes(ans.body, s.cfg.NextPath); v.Type {
	case gjson.Null, gjson.False:
		return "", nil
	case gjson.String:
		return s.resolve(ans, v.String())
	default:
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"what stands at SLUICE_HTTP_NEXT_PATH (%s) is no URL; set it to where the URL of the next page stands", s.cfg.NextPath))
	}
}

// tokenInBody reads the token at CursorPath.
func (s *Source) tokenInBody(ans answer) (string, error) {
	v := gjson.GetBytes(ans.body, s.cfg.CursorPath)
	token := v.String()
	switch v.Type {
	case gjson.Null, gjson.False:
		return "", nil
	case gjson.Number:
		if token = v.Raw; token == "0" {
			return "", nil
		}
	case gjson.String:
	default:
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"what stands at SLUICE_HTTP_CURSOR_PATH (%s) is no token; set it to where the token of the next page stands", s.cfg.CursorPath))
	}
	if len(token) > maxPosition || !utf8.ValidString(token) {
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"the token of the next page (%d bytes) is longer than %d bytes or not UTF-8", len(token), maxPosition))
	}
	return token, nil
}

// resolve turns a link into a position. It has to keep the origin of the configured URL: secrets travel with every
// request, and a page must not choose who gets them.
func (s *Source) resolve(ans answer, link string) (string, error) {
	if link == "" {
		return "", nil
	}
	ref, err := url.Parse(link)
	if err != nil || len(link) > maxPosition {
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf(
			"the link to the next page (%d bytes) is no URL; the API has to mend it", len(link)))
	}
	u := ans.url.ResolveReference(ref)
	u.RawQuery = s.withoutKey(u.RawQuery)
	if u.Opaque != "" || u.User != nil || !sameOrigin(u, s.base) {
		return "", s.fail(fault.Blocked, "foreign_next_link", ans.url, fmt.Errorf(
			"the next page is said to be at %s, which is not %s; if that is right, set SLUICE_HTTP_URL to the host it names",
			clean(origin(u), 200), origin(s.base)))
	}
	at := u.RequestURI()
	if err := s.checkPath(at); err != nil {
		return "", s.fail(fault.Blocked, "bad_next", ans.url, fmt.Errorf("the link to the next page cannot be used: %w", err))
	}
	return at, nil
}

// checkPath reports what is wrong with a position that is a path and query.
func (s *Source) checkPath(at string) error {
	u, err := url.Parse(origin(s.base) + at)
	switch {
	case !strings.HasPrefix(at, "/"), err != nil, len(at) > 2*maxPosition:
		return errors.New("it points to a page by something that is no path")
	case u.User != nil || u.Fragment != "" || !sameOrigin(u, s.base) || !utf8.ValidString(at):
		return errors.New("it points to a page of another server")
	}
	return nil
}

// origin is scheme, host and port.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// sameOrigin compares scheme, host and port; a port that goes without saying may be said.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch {
		case u.Port() != "":
			return u.Port()
		case u.Scheme == "https":
			return "443"
		}
		return "80"
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}
