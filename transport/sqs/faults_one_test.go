package sqs

import (
	"net/http"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/proof"
)

// One record of ten is refused: the others are delivered once, whatever the way in which it is said.
func TestFaultsOfOneRecord(t *testing.T) {
	t.Parallel()
	asEntry := func(code string) trouble {
		return func(k *store, w http.ResponseWriter, r request, _ int) {
			seven, others := sevenOf(r)
			a := answer{Successful: k.take(others...)}
			for _, m := range seven {
				a.Failed = append(a.Failed, failed(m.ID, code, true))
			}
			a.write(w)
		}
	}
	asWhole := func(refuse func(http.ResponseWriter, request, int)) trouble {
		return func(k *store, w http.ResponseWriter, r request, n int) {
			if seven, _ := sevenOf(r); len(seven) > 0 {
				refuse(w, r, n)
				return
			}
			k.well(w, r)
		}
	}
	for name, tc := range map[string]struct {
		trouble trouble
		action  proof.Action
		reason  string
		most    int // requests
	}{
		"one entry with invalid characters":             {asEntry("InvalidMessageContents"), proof.Dead, "invalid_characters", 1},
		"one entry over the queue's limit":              {asEntry("InvalidParameterValue"), proof.Dead, "invalid_parameter", 1},
		"one entry refused with an unknown code":        {asEntry("Flurb"), proof.Dead, "entry_refused", 2},
		"BatchRequestTooLong, until one is alone":       {asWhole(fail(400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong")), proof.Split, "request_too_large", 9},
		"answer 413 of a proxy, until one is alone":     {asWhole(func(w http.ResponseWriter, _ request, _ int) { w.WriteHeader(413) }), proof.Split, "request_too_large", 9},
		"request refused for the characters of one":     {asWhole(fail(400, "InvalidMessageContents", "InvalidMessageContents")), proof.Split, "invalid_characters", 9},
		"request refused for a parameter of one record": {asWhole(fail(400, "InvalidParameterValueException", "InvalidParameterValue")), proof.Split, "invalid_parameter", 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, tc.trouble, nil)
			d.onlySevenDies(tc.reason)
			if tc.action == proof.Split {
				d.ledger.Split(t, tc.reason)
			}
			if got := d.ledger.Sends(); got > tc.most {
				t.Errorf("%d requests, want at most %d", got, tc.most)
			}
			proof.Count(t, proof.DeadLetters, 1)
			d.report(name, tc.action, tc.reason, "P1 P16")
		})
	}
}

// What SQS would refuse, or alter without a word, never leaves.
func TestFaultsThatAreSeenBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"body that is not UTF-8":                "bad\xffutf8",
		"body with a character that SQS drops":  "bad\x00control",
		"body with U+FFFE, which XML knows not": "bad\uFFFEnoncharacter",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &store{}
			s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
			recs := ten()
			recs[7].Body = []byte(body)
			d := deliverTo(t, s, k, openOn(t, s, nil), recs)
			d.onlySevenDies("invalid_characters")
			if e := d.ledger.Of("r7"); len(e) != 1 || e[0].Ambiguous {
				t.Errorf("attempts at it: %+v, want one, that nobody saw", e)
			}
			if got := len(s.of("SendMessageBatch")); got != 1 {
				t.Errorf("%d requests, want one with its neighbours", got)
			}
			d.report(name, proof.Dead, "invalid_characters", "P2 P5 P16")
		})
	}
}

// A code that nobody knows is no verdict before the record was refused alone.
func TestUnknownCodeWithTheSendersFaultIsAskedAboutOnceMore(t *testing.T) {
	t.Parallel()
	d := deliver(t, func(k *store, w http.ResponseWriter, r request, _ int) {
		seven, others := sevenOf(r)
		a := answer{Successful: k.take(others...)}
		for _, m := range seven {
			if len(others) > 0 { // it is the company that is refused
				a.Failed = append(a.Failed, failed(m.ID, "Flurb", true))
				continue
			}
			a.Successful = append(a.Successful, k.take(m)...)
		}
		a.write(w)
	}, nil)
	d.noneDies()
	if e := d.ledger.Of("r7"); len(e) != 2 || e[0] == nil || e[0].Class != fault.Rejected || !e[0].Whole || e[1] != nil {
		t.Errorf("attempts: %+v, want refused once, with others, and accepted alone", e)
	}
}
