package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"

	"sluice/ingest"
	"sluice/internal/fault"
)

// maxRedirects bounds the redirects of one request, all of them on the same origin.
const maxRedirects = 5

// An answer is a page as it came.
type answer struct {
	url            *url.URL // where it came from, after redirects
	body           []byte   // JSON: of the last file
	bodies         [][]byte // JSON: of every file in a page that is a zip file; else the one
	page           page     // other formats
	empty          bool     // 204: no records, no body
	unchanged      bool     // 304
	kind           string
	header         http.Header
	links          []string // Link headers
	etag, modified string
}

// ask makes one request for the page at st, and returns it open, in front of its first record. Its errors carry the verdict and
// no query value.
func (s *Source) ask(ctx context.Context, target *url.URL, st state) (*reading, error) {
	p, err := s.enter(ctx, target)
	if err != nil {
		return nil, err
	}
	r := &reading{until: time.Now().Add(s.cfg.Timeout), sum: sha256.New(), next: st}
	r.next.Done, r.next.Sum = 0, 0
	open, release := context.WithCancel(context.WithoutCancel(ctx)) // it may outlive this Read
	r.release = release
	limited, cancel := context.WithDeadline(ctx, r.until)
	defer cancel()
	stop := context.AfterFunc(limited, release)
	if err := s.answered(ctx, limited, open, r, target, st, p); err != nil || !stop() {
		r.close()
		if err == nil {
			err = s.network(ctx, limited, target, limited.Err())
		}
		return nil, err
	}
	return r, nil
}

// answered makes the request of ask, which lives as long as open.
func (s *Source) answered(ctx, limited, open context.Context, r *reading, target *url.URL, st state, p *pass) error {
	req, err := s.request(open, target, st)
	if err != nil {
		return s.fail(fault.Blocked, "bad_request", target, errors.New("no request can be made of this URL"))
	}
	s.dress(req, st)
	if err := s.authorize(limited, req, p); err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return s.network(ctx, limited, target, err)
	}
	r.body, r.came = resp.Body, &counter{r: resp.Body}
	s.noted(p, resp)
	r.ans = answer{url: resp.Request.URL, header: resp.Header, links: resp.Header.Values("Link"), kind: resp.Header.Get("Content-Type")}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
	case http.StatusNoContent:
		r.ans.empty, r.cut = true, &uncut{split: func() (page, error) { return page{}, nil }}
		return nil
	case http.StatusNotModified:
		if st.ETag == "" && st.Modified == "" {
			return s.fail(fault.Transient, "bad_page", target, errors.New("304 Not Modified in answer to a request without a condition"))
		}
		r.ans.unchanged = true
		return nil
	default:
		return s.refused(ctx, resp, st, p)
	}
	r.ans.etag, r.ans.modified = validators(resp.Header)
	if r.cut, err = s.open(&r.ans, resp, r.came); err != nil {
		return s.unreadable(ctx, limited, r, err)
	}
	return nil
}

// get makes one request, and returns the answer whole.
func (s *Source) get(ctx context.Context, target *url.URL) (answer, error) {
	r, err := s.ask(ctx, target, state{})
	if err != nil {
		return answer{}, err
	}
	r.close()
	return r.ans, nil
}

// dress sets the headers.
func (s *Source) dress(req *http.Request, st state) {
	req.Header.Set("Accept", s.cfg.accepted())
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "sluice")
	s.cfg.Headers.apply(req.Header)
	if st.ETag != "" {
		req.Header.Set("If-None-Match", st.ETag)
	}
	if st.Modified != "" {
		req.Header.Set("If-Modified-Since", st.Modified)
	}
}

// checkRedirect follows redirects on the same origin only: every header goes along, secrets too.
func (s *Source) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case s.signer != nil:
		return http.ErrUseLastResponse // a signature is for one address
	case req.Method != via[0].Method:
		return http.ErrUseLastResponse // to answer a POST with a redirect asks for a GET, which is another question
	case req.URL.User != nil || !sameOrigin(req.URL, s.base):
		return s.fail(fault.Blocked, "foreign_redirect", via[len(via)-1].URL, fmt.Errorf(
			"redirected to %s, which is not %s; if that is right, set SLUICE_HTTP_URL to the address it names", ingest.OneLine(origin(req.URL), 200), origin(s.base)))
	case len(via) > maxRedirects:
		return s.fail(fault.Blocked, "redirect_loop", via[0].URL, fmt.Errorf(
			"redirected more than %d times; set SLUICE_HTTP_URL to the address that answers", maxRedirects))
	}
	req.Header.Del("Referer") // the address with its query, which net/http repeats there
	s.addKey(req.URL)
	return nil
}

// network gives the verdict on a request that got no whole answer. ctx is the caller's, limited the one with the timeout.
func (s *Source) network(ctx, limited context.Context, target *url.URL, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f // from checkRedirect
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its own text holds the URL with its query
	}
	switch {
	case ctx.Err() != nil:
		return s.fail(fault.Transient, "stopped", target, fmt.Errorf("stopped while reading: %w", ctx.Err()))
	case limited.Err() != nil:
		return s.fail(fault.Transient, "timeout", target, fmt.Errorf("no whole answer within %v (SLUICE_HTTP_TIMEOUT)", s.cfg.Timeout))
	case s.handshake(err) != "":
		return s.fail(fault.Blocked, "tls_refused", target, fmt.Errorf("%w; %s", hideURLs(err), s.handshake(err)))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.fail(fault.Transient, "truncated", target, fmt.Errorf("the answer was cut off %w", hideURLs(err)))
	}
	return s.fail(fault.Transient, "network", target, hideURLs(err))
}

// fail makes the one kind of error that this package returns. Its text names target without query values.
func (s *Source) fail(class fault.Class, reason string, target *url.URL, err error) error {
	return &fault.Error{Class: class, Reason: reason, Op: s.op(), Err: fmt.Errorf("%s: %w", showURL(target), err)}
}

// validHeader reports whether v can be sent as a validator and kept in a cursor.
func validHeader(v string) bool {
	for i := range len(v) {
		if v[i] >= 0x7f {
			return false
		}
	}
	return len(v) <= 1024 && httpguts.ValidHeaderFieldValue(v)
}

// validators are the ETag, or else the Last-Modified, by which the server can tell whether the page has changed; empty
// where there is none that can be trusted: then the page is simply read whole the next time.
//
// Last-Modified counts whole seconds: a page that changes twice in one second looks unchanged the second time. So it
// counts only if the answer was made well after it (RFC 9110, section 8.8.2.2).
func validators(h http.Header) (etag, modified string) {
	if etag = h.Get("ETag"); etag != "" && validHeader(etag) {
		return etag, ""
	}
	modified = h.Get("Last-Modified")
	at, err := http.ParseTime(modified)
	made, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || made.Sub(at) < 2*time.Second || !validHeader(modified) {
		return "", ""
	}
	return "", modified
}
