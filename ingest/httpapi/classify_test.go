package httpapi

import (
	"net/http"
	"testing"
	"time"

	"sluice/internal/fault"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status        int
		slower, begun bool
		class         fault.Class
		reason        string
	}{
		{500, false, false, fault.Transient, "server_error"},
		{502, true, false, fault.Transient, "server_error"},
		{503, false, false, fault.Transient, "server_error"},
		{503, true, false, fault.Throttled, "throttled"},
		{429, false, false, fault.Throttled, "throttled"},
		{408, false, false, fault.Transient, "server_error"},
		{425, false, false, fault.Transient, "server_error"},
		{401, false, false, fault.Blocked, "unauthorized"},
		{403, false, false, fault.Blocked, "forbidden"},
		{403, true, false, fault.Throttled, "throttled"},
		{401, true, false, fault.Blocked, "unauthorized"},
		{404, false, false, fault.Blocked, "not_found"},
		{410, false, false, fault.Blocked, "gone"},
		{410, false, true, fault.Blocked, "cursor_gone"},
		{400, false, false, fault.Blocked, "bad_request"},
		{422, false, false, fault.Blocked, "refused"},
		{300, false, false, fault.Blocked, "unexpected_status"},
		{202, false, false, fault.Blocked, "unexpected_status"},
	} {
		if got := classify(tc.status, tc.slower, tc.begun); got.class != tc.class || got.reason != tc.reason {
			t.Errorf("classify(%d, slower %v, begun %v) = %v %s, want %v %s",
				tc.status, tc.slower, tc.begun, got.class, got.reason, tc.class, tc.reason)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "900": 15 * time.Minute, "901": 15 * time.Minute,
		"99999999999999999999": 15 * time.Minute, "9223372036854775807": 15 * time.Minute,
		"-5": 0, "1.5": 0, "soon": 0, "+7": 0, "0x10": 0,
		"Sun, 01 Mar 2026 12:00:30 GMT":  30 * time.Second,
		"Sunday, 01-Mar-26 12:00:30 GMT": 30 * time.Second,
		"Sun Mar  1 12:00:30 2026":       30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT":  0,
		"Mon, 01 Mar 2027 12:00:00 GMT":  15 * time.Minute,
		"Fri, 31 Dec 9999 23:59:59 GMT":  15 * time.Minute,
	} {
		if got := retryAfter(text, now, 15*time.Minute); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "-1", "Sun, 01 Mar 2026 12:00:30 GMT", "99999999999999999999", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(text, time.Unix(0, 0), time.Hour); got < 0 || got > time.Hour {
			t.Errorf("retryAfter(%q) = %v, want 0 to %v", text, got, time.Hour)
		}
	})
}

func TestRetryAfterGoesByTheClockOfTheServer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { // an hour behind
		date := time.Now().UTC().Add(-time.Hour)
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.Header().Set("Retry-After", date.Add(40*time.Second).Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}, nil)
	if f := fault.From(readErr(t, s)); f.Class != fault.Throttled || f.RetryAfter != 40*time.Second {
		t.Errorf("verdict %v after %v, want throttled after 40s", f.Class, f.RetryAfter)
	}
}
