package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/ingest"
	"sluice/internal/fault"
)

// maxPosition bounds the token or path of a next page, which is kept in the cursor.
const maxPosition = 64 << 10

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
			ingest.OneLine(origin(u), 200), origin(s.base)))
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
