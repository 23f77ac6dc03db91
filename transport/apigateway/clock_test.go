package apigateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
)

// A gatewayClock answers like a gateway whose clock is ahead of ours by skew, and refuses signatures that are more than
// five minutes off.
type gatewayClock struct {
	skew  time.Duration
	posts int
}

func (g *gatewayClock) RoundTrip(r *http.Request) (*http.Response, error) {
	g.posts++
	now := time.Now().Add(g.skew)
	resp := &http.Response{StatusCode: 200, Request: r, Header: http.Header{"Content-Type": {"application/json"}, "Date": {now.UTC().Format(http.TimeFormat)}}}
	body := "{}"
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || now.Sub(signed).Abs() > 5*time.Minute {
		resp.StatusCode = 403
		resp.Header.Set("X-Amzn-Errortype", "InvalidSignatureException")
		body = said("Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)")
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, nil
}

func TestWrongClockIsCorrectedAndForgottenWhenItIsRightAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gatewayClock{}
		tr := openOn(t, "https://abc.execute-api.eu-west-1.amazonaws.com/v1", nil)
		tr.http = &http.Client{Transport: g}
		posts := func(step string, want int) {
			t.Helper()
			g.posts = 0
			if err := send(t, tr, record("{}")).Err; err != nil {
				t.Errorf("%s: %v", step, err)
			}
			if g.posts != want {
				t.Errorf("%s: %d posts, want %d", step, g.posts, want)
			}
		}
		posts("clocks agree", 1)
		g.skew = 3 * time.Minute
		posts("a difference that is tolerated", 1)
		for _, skew := range []time.Duration{20 * time.Minute, -3 * time.Hour} {
			g.skew = skew
			posts("first with a wrong clock", 2)
			posts("next", 1)
			time.Sleep(10 * time.Hour)
			posts("hours later", 1)
		}
		g.skew = 30 * time.Second
		posts("our clock is set right", 2)
		posts("next", 1)
		if got := tr.clock.offset.Load(); got != 0 {
			t.Errorf("correction = %v, want none", time.Duration(got))
		}
	})
}

func TestSlowDriftIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gatewayClock{skew: 10 * time.Minute}
		tr := openOn(t, "https://abc.execute-api.eu-west-1.amazonaws.com/v1", nil)
		tr.http = &http.Client{Transport: g}
		for range 30 {
			if err := send(t, tr, record("{}")).Err; err != nil {
				t.Fatal(err)
			}
			g.skew += 2 * time.Minute
		}
		if g.posts != 31 {
			t.Errorf("%d posts for 30 records, want one repetition in all", g.posts)
		}
	})
}

func TestAWrongSecretIsNotTakenForAWrongClock(t *testing.T) {
	for name, date := range map[string]func(http.Header){
		"clocks agree":    func(h http.Header) { h.Set("Date", time.Now().UTC().Format(http.TimeFormat)) },
		"no date":         func(h http.Header) { h["Date"] = nil },
		"date of a cache": func(h http.Header) { h.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT"); h.Set("Age", "5") },
		"date is no date": func(h http.Header) { h.Set("Date", "yesterday") },
		"signed four before": func(h http.Header) {
			h.Set("Date", time.Now().Add(tolerance-time.Minute).UTC().Format(http.TimeFormat))
		},
	} {
		s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
			date(w.Header())
			gatewayAnswer(403, "InvalidSignatureException", said(textMismatch))(w, r, n)
		})
		e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err)
		if e == nil || e.Class != fault.Blocked || e.Reason != "bad_signature" || len(s.seen()) != 1 {
			t.Errorf("%s: got %+v after %d requests, want Blocked bad_signature after one", name, e, len(s.seen()))
		}
	}
}

func TestAClockThatCannotBeCorrectedCostsTwoRequests(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
		w.Header().Set("Date", time.Now().Add(time.Duration(n)*time.Hour).UTC().Format(http.TimeFormat))
		gatewayAnswer(403, "InvalidSignatureException", said(textMismatch))(w, r, n)
	})
	e := fault.From(send(t, openOn(t, s.URL, nil), record("{}")).Err)
	if e == nil || e.Class != fault.Transient || e.Reason != "clock_skew" || len(s.seen()) != 2 {
		t.Errorf("got %+v after %d requests, want Transient clock_skew after two", e, len(s.seen()))
	}
}
