package sqs

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/proof"
)

func TestFaultsOfCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		code   string
	}{
		"expired token, answered with 403":    {403, "ExpiredToken"},
		"expired token, answered with 400":    {400, "ExpiredTokenException"},
		"unknown key, and there is a new one": {403, "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			s := newServer(t)
			s.on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) {
				if r.Key == "KEY1" {
					fail(tc.status, tc.code, "")(w, r, n)
					return
				}
				k.well(w, r)
			})
			source, fetched := numbered()
			d := deliverTo(t, s, k, openThrough(t, s.URL, awshttp.NewBuildableClient(), source), ten())
			d.noneDies()
			sent := s.of("SendMessageBatch")
			if len(sent) > 3 || d.ledger.Sends() != 1 || fetched.Load() != 2 {
				t.Errorf("%d requests in %d sends with %d sets of credentials, want at most two extra, one send, two sets", len(sent), d.ledger.Sends(), fetched.Load())
			}
			if a, b := sent[0].Entries, sent[len(sent)-1].Entries; len(a) != 10 || len(b) != 10 || a[3].Body != b[3].Body {
				t.Error("the request was not the same after the refresh")
			}
			d.report(name, proof.Retry, "", "P10") // inside of one Send: there is nothing to tell
		})
	}
}

// The clock of SQS is ahead or behind, and right again later.
func TestFaultsOfTheClock(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"our clock 10 min behind": 10 * time.Minute, "our clock 10 min ahead": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			var skew, refused atomic.Int64
			s := newServer(t)
			inner := s.Config.Handler
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				now := time.Now().Add(time.Duration(skew.Load()))
				w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
				signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				if err != nil || now.Sub(signed).Abs() > 5*time.Minute { // SQS: a signature counts for five minutes
					refused.Add(1)
					w.Header().Set("Content-Type", "application/x-amz-json-1.0")
					fail(403, "InvalidSignatureException", "SignatureDoesNotMatch")(w, request{}, 0)
					return
				}
				inner.ServeHTTP(w, r)
			})
			s.on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
			provider, _ := numbered()
			tr := openThrough(t, s.URL, awshttp.NewBuildableClient(), provider)
			skew.Store(int64(by))                       // after opening, which would have found it out
			for phase, most := range []int64{1, 1, 2} { // wrong; still wrong, known; right again
				if phase == 2 {
					skew.Store(0)
				}
				k.clear()
				d := deliverTo(t, s, k, tr, ten())
				d.noneDies()
				if got := len(k.all()); got != 10 {
					t.Errorf("phase %d: %d messages stored, want each once", phase, got)
				}
				if phase == 0 {
					d.ledger.Retried(t, "clock_skew")
				}
				if got := refused.Load(); got > most {
					t.Errorf("phase %d: %d requests refused so far, want at most %d", phase, got, most)
				}
			}
			proof.Row{Area: "sqs", Fault: name, Action: proof.Retry, Reason: "clock_skew", Promises: "P10 P12"}.Report(t)
		})
	}
}

func TestFaultOfATokenThatNobodyRenews(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := newServer(t)
	expired := fail(403, "ExpiredToken", "")
	s.on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) {
		if n <= 3 {
			expired(w, r, n)
			return
		}
		k.well(w, r)
	})
	d := deliverTo(t, s, k, openThrough(t, s.URL, awshttp.NewBuildableClient(), nil), ten())
	d.noneDies()
	d.ledger.Paused(t, "expired_token", probe)
	d.report("expired token, and no newer one is to be had", proof.Pause, "expired_token", "P11 P12")
}
