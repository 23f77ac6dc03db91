package apigateway

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/proof"
)

func TestFaultsOfCredentials(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]answers{
		"expired token":                       gatewayAnswer(403, "ExpiredTokenException", said(textExpired)),
		"unknown key, and there is a new one": gatewayAnswer(403, "UnrecognizedClientException", said(textInvalid)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, func(k *store, w http.ResponseWriter, r seen, n int) {
				if r.key == "KEY1" {
					refuse(w, r, n)
					return
				}
				k.well(w, r)
			}, nil)
			d.noneDies()
			if got := len(d.server.seen()); got != 6 || d.ledger.Sends() != 5 {
				t.Errorf("%d requests in %d sends, want one extra inside of the first", got, d.ledger.Sends())
			}
			d.report(name, proof.Retry, "", "P10") // inside of one Send: there is nothing to tell
		})
	}
}

func TestFaultsOfTheClock(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"our clock 10 min behind": 10 * time.Minute, "our clock 10 min ahead": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			var skew, refused atomic.Int64
			skew.Store(int64(by))
			s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
				now := time.Now().Add(time.Duration(skew.Load()))
				w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
				signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				if err != nil || now.Sub(signed).Abs() > 5*time.Minute { // API Gateway: a signature counts for five minutes
					refused.Add(1)
					gatewayAnswer(403, "InvalidSignatureException", said("Signature expired: x"))(w, r, n)
					return
				}
				k.well(w, r)
			})
			tr := openThrough(t, s.URL, awshttp.NewBuildableClient())
			d := deliverTo(t, s, k, tr)
			d.noneDies()
			skew.Store(0) // healed
			for range 3 {
				if err := send(t, tr, record("{}")).Err; err != nil {
					t.Errorf("after the clocks agree again: %v", err)
				}
			}
			if got := refused.Load(); got != 2 {
				t.Errorf("%d requests refused, want one when the clock went wrong and one when it was right again", got)
			}
			if got := d.ledger.Sends(); got != 5 {
				t.Errorf("%d sends for five records, want five: a corrected signature is no new attempt", got)
			}
			d.report(name, proof.Retry, "clock_skew", "P10 P12")
		})
	}
}

func TestFaultOfATokenThatNobodyRenews(t *testing.T) {
	t.Parallel()
	k := &store{}
	trouble := first(3, gatewayAnswer(403, "ExpiredTokenException", said(textExpired)))
	s := newServer(t, func(w http.ResponseWriter, r seen, n int) { trouble(k, w, r, n) })
	fixed := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: testSecret, SessionToken: testToken}, nil
	})
	tr, err := Open(config(s.URL), identity(t, fixed))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	d := deliverTo(t, s, k, tr)
	d.noneDies()
	d.ledger.Paused(t, "expired_token", probe)
	d.report("expired token, and no newer one is to be had", proof.Pause, "expired_token", "P11 P12")
}
