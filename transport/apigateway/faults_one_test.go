package apigateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// One record of five is refused; its neighbours are delivered once.
func TestFaultsOfOneRecord(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer answers
		reason string
	}{
		"400 BAD_REQUEST_BODY":                         {gatewayAnswer(400, "BadRequestException", said("Invalid request body")), "invalid_body"},
		"413 REQUEST_TOO_LARGE":                        {gatewayAnswer(413, "", "HTTP content length exceeded 10485760 bytes."), "record_too_large"},
		"403 WAF_FILTERED, where the template says so": {gatewayAnswer(403, "ForbiddenException", `{"message":"Forbidden","type":"WAF_FILTERED"}`), "filtered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, third(tc.answer), nil)
			d.onlyTheThirdDies(tc.reason)
			if got := d.ledger.Sends(); got != 5 {
				t.Errorf("%d requests, want one for each record", got)
			}
			proof.Count(t, proof.DeadLetters, 1)
			d.report(name, proof.Dead, tc.reason, "P1 P16")
		})
	}
}

// Forbidden for everybody is no verdict on a record, however many have passed before.
func TestForbiddenIsNeverTheRecordsFault(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
		if n > 3 && n < 7 {
			gatewayAnswer(403, "ForbiddenException", said("Forbidden"))(w, r, n)
			return
		}
		k.well(w, r)
	})
	d := deliverTo(t, s, k, openOn(t, s.URL, nil))
	d.noneDies()
	if got := len(k.all()); got != 5 {
		t.Errorf("%d records stored, want five", got)
	}
}

// fails drives a record that fails with a status each time, beside others that pass, until it is rejected or had its tries.
func fails(t *testing.T, tr *Transport, others bool, tries int) (rejected bool, attempts int) {
	t.Helper()
	for attempts = 1; attempts <= tries; attempts++ {
		if others {
			if err := send(t, tr, transport.Record{ID: "other", Body: []byte("{}")}).Err; err != nil {
				t.Fatal(err)
			}
		}
		if fault.Is(send(t, tr, transport.Record{ID: "r2", Body: []byte("{}")}).Err, fault.Rejected) {
			return true, attempts
		}
	}
	return false, tries
}

func TestFaultOfABodyThatBreaksTheFunction(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, after int, status int) *Transport {
		k := &store{}
		broken := third(gatewayAnswer(status, "InternalServerErrorException", `{"message": "Internal server error"}`))
		s := newServer(t, func(w http.ResponseWriter, r seen, n int) { broken(k, w, r, n) })
		return openOn(t, s.URL, func(c *Config) { c.RejectAfter = after })
	}
	for _, tc := range []struct {
		name     string
		after    int
		status   int
		others   bool
		rejected bool
	}{
		{"set aside after as many as are set", 5, 502, true, true},
		{"500 counts too", 5, 500, true, true},
		{"never, unless it is set", 0, 502, true, false},
		{"never while nothing else passes: an outage is nobody's fault", 5, 502, false, false},
		{"503 never counts", 5, 503, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rejected, attempts := fails(t, start(t, tc.after, tc.status), tc.others, 20)
			if rejected != tc.rejected || rejected && attempts != tc.after {
				t.Errorf("rejected %v after %d attempts, want %v after %d", rejected, attempts, tc.rejected, tc.after)
			}
			if tc.after == 0 {
				proof.Row{Area: "apigateway", Fault: "500 or 502 to one body again and again, while others pass", Action: proof.Retry, Reason: "service_error", Promises: "P16"}.Report(t)
			}
		})
	}
	for _, status := range []int{500, 502} {
		t.Run(fmt.Sprint("through the deliverer, ", status), func(t *testing.T) {
			t.Parallel()
			throughTheDeliverer(t, start(t, 3, status))
			proof.Row{Area: "apigateway", Fault: fmt.Sprintf("%d to one body again and again, set aside by opt-in", status), Action: proof.Dead,
				Reason: "keeps_failing", Promises: "P16"}.Report(t)
		})
	}
}

// throughTheDeliverer has one body fail until it is rejected, while others pass.
func throughTheDeliverer(t *testing.T, tr *Transport) {
	t.Helper()
	d := &transport.Deliverer{Transport: tr, Backoff: quick}
	l := new(transporttest.Ledger).Keep(d)
	done := make(chan []transport.Result, 1)
	go func() { done <- d.Deliver(t.Context(), []transport.Record{{ID: "r2", Body: []byte("{}")}}) }()
	for len(done) == 0 { // others pass in the meantime
		if r := d.Deliver(t.Context(), []transport.Record{{ID: "other", Body: []byte("{}")}}); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
	}
	e := fault.From((<-done)[0].Err)
	if e == nil || e.Class != fault.Rejected || e.Reason != "keeps_failing" || len(l.Of("r2")) < 3 {
		t.Errorf("got %+v after %d attempts, want Rejected keeps_failing after three at least", e, len(l.Of("r2")))
	}
}

// What is forgotten begins anew; nobody else is blamed for it.
func TestRepeatsAreBounded(t *testing.T) {
	var p repeats
	for i := range 5 * maxRepeats {
		p.passed("another")
		p.failed(string(rune('a' + i)))
	}
	if len(p.records) > maxRepeats {
		t.Errorf("%d records remembered, want at most %d", len(p.records), maxRepeats)
	}
}

// A used-up quota is not knocked at: the lane says so at once and waits for minutes.
func TestFaultOfAQuotaThatIsUsedUp(t *testing.T) {
	t.Parallel()
	k := &store{}
	s := newServer(t, func(w http.ResponseWriter, r seen, n int) {
		if n == 1 {
			gatewayAnswer(429, "LimitExceededException", said("Limit Exceeded"))(w, r, n)
			return
		}
		k.well(w, r)
	})
	tr := openOn(t, s.URL, nil)
	reported := make(chan error, 10)
	d := &transport.Deliverer{Transport: tr, Backoff: quick, Concurrency: 1, Patience: time.Minute, Report: func(err error) { reported <- err }}
	for i, r := range d.Deliver(t.Context(), five()) {
		if e := fault.From(r.Err); e == nil || e.Class != fault.Throttled || e.Reason != "quota_exhausted" {
			t.Errorf("record %d: %v, want unsettled because of quota_exhausted", i, r.Err)
		}
	}
	if got := len(s.seen()); got != 1 {
		t.Errorf("%d requests, want one and then silence", got)
	}
	if wait := time.Until(d.Status().RetryAt); wait < 4*time.Minute || wait > 330*time.Second {
		t.Errorf("the next request is in %v, want 5 min after the first, or a tenth more", wait)
	}
	if len(reported) != 1 || fault.From(<-reported).Reason != "quota_exhausted" {
		t.Error("the trouble was not told at once")
	}
	fresh := deliverTo(t, s, k, tr) // in the next period
	fresh.noneDies()
	fresh.report("429 QUOTA_EXCEEDED, Limit Exceeded", proof.Pause, "quota_exhausted", "P11 P12")
}
