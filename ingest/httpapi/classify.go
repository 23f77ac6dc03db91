package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// A verdict is what a status means. advice ends the sentence for the operator.
type verdict struct {
	class  fault.Class
	reason string
	advice string
}

// classify is the only place that decides what a status other than 200, 203, 204 and 304 means. begun says that the
// request was for a place further on than the beginning; slower, that the answer asks for a pause. Some, such as GitHub, say
// by 403 that a limit is used up.
func classify(status int, slower, begun bool) verdict {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && slower:
		return verdict{fault.Throttled, "throttled", ""}
	case status == http.StatusServiceUnavailable && slower:
		return verdict{fault.Throttled, "throttled", ""}
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return verdict{fault.Transient, "server_error", ""}
	case status == http.StatusUnauthorized:
		return verdict{fault.Blocked, "unauthorized", "correct the credentials, such as SLUICE_HTTP_TOKEN or SLUICE_HTTP_HEADERS"}
	case status == http.StatusForbidden:
		return verdict{fault.Blocked, "forbidden", "have access granted, or set SLUICE_HTTP_TOKEN, SLUICE_HTTP_HEADERS or what else is used to credentials that have it"}
	case status == http.StatusNotFound:
		return verdict{fault.Blocked, "not_found", "check SLUICE_HTTP_URL"}
	case status == http.StatusGone && begun:
		return verdict{fault.Blocked, "cursor_gone", "what lies between is lost at the origin; start over with sluice checkpoint reset"}
	case status == http.StatusGone:
		return verdict{fault.Blocked, "gone", "check SLUICE_HTTP_URL"}
	case status == http.StatusBadRequest:
		return verdict{fault.Blocked, "bad_request", "check SLUICE_HTTP_URL and the names of parameters"}
	case status >= 400:
		return verdict{fault.Blocked, "refused", "check SLUICE_HTTP_URL, SLUICE_HTTP_HEADERS and the names of parameters"}
	case status >= 300:
		return verdict{fault.Blocked, "unexpected_status", "set SLUICE_HTTP_URL to the address that answers"}
	}
	return verdict{fault.Blocked, "unexpected_status", "check SLUICE_HTTP_URL: this is no answer to a request for records"}
}

// refused gives the verdict on an answer that is no page.
func (s *Source) refused(ctx context.Context, resp *http.Response, st state, p *pass) error {
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 4*sample))
	after := resp.Header.Get("Retry-After")
	if limitInWords(resp.StatusCode, p.slower, start) {
		p.slower = true
		s.budget.untold(p.quota, p.answered)
	}
	begun := st.At != "" || st.Since != nil || st.Reached != nil
	v := s.atPlace(classify(resp.StatusCode, p.slower, begun), st)
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	err := fmt.Errorf("%s: %s", showURL(resp.Request.URL), status)
	if v.reason == "cursor_gone" {
		err = fmt.Errorf("%w: %w", err, ingest.ErrCursorGone)
	}
	if said := s.quote(start); said != "" {
		err = fmt.Errorf("%w, saying %q", err, said)
	}
	if v.advice != "" {
		err = fmt.Errorf("%w; %s", err, v.advice)
	}
	if v.class == fault.Blocked && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) && s.renewed(ctx, p, resp) {
		v.class = fault.Transient // what was refused is not used again
	}
	f := &fault.Error{Class: v.class, Reason: v.reason, Op: s.op(), Err: err}
	switch v.class {
	case fault.Throttled:
		f.RetryAfter = s.budget.next(p.answered)
	case fault.Transient:
		f.RetryAfter = retryAfter(after, serverTime(resp.Header), s.cfg.MaxWait)
	}
	return f
}

// serverTime is the moment at which the server made the answer, by its own clock, which is the clock that its Retry-After
// is set by.
func serverTime(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}

// retryAfter reads a Retry-After header in both forms, seconds and HTTP date (RFC 9110, section 10.2.3). The result is
// between 0 and most; 0 for what cannot be read or has passed.
func retryAfter(text string, now time.Time, most time.Duration) time.Duration {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(most/time.Second) {
			return most
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(now), most))
}
