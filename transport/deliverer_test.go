package transport_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

var (
	down    = &fault.Error{Class: fault.Transient, Reason: "down", Op: "test"}
	blocked = &fault.Error{Class: fault.Blocked, Reason: "gone", Op: "test"}
	bad     = &fault.Error{Class: fault.Rejected, Reason: "bad", Op: "test"}
)

func slower(d time.Duration) error {
	return &fault.Error{Class: fault.Throttled, Op: "test", RetryAfter: d}
}

func wantAccepted(t *testing.T, results []transport.Result) {
	t.Helper()
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("record %d: %v, want accepted", i, r.Err)
		}
	}
}

// halfJitter makes every wait half its ceiling, so that tests can tell how long it takes.
var halfJitter = backoff.Policy{Min: time.Second, Max: 8 * time.Second, Rand: func() float64 { return 0.5 }}

func TestRetriesOnlyWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := false
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			if r.ID == "record-0001" && !failed {
				failed = true
				return down
			}
			return nil
		}))
		wantAccepted(t, (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(3)))
		sends := tr.Sends()
		if len(sends) != 2 || fmt.Sprint(sends[1].IDs) != "[record-0001]" {
			t.Errorf("sends = %v, want a second one with the failed record alone", sends)
		}
	})
}

func TestWaitsAsToldWhenThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Fail(slower(time.Hour)), transporttest.Accept())
		start := time.Now()
		wantAccepted(t, (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(3)))
		if took := time.Since(start); took < time.Hour {
			t.Errorf("delivered after %v, want at least the hour it was told", took)
		}
	})
}

func TestRejectedRecordLeavesItsNeighboursAlone(t *testing.T) {
	tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
		if r.ID == "record-0004" {
			return bad
		}
		return nil
	}))
	results := (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(10))
	for i, r := range results {
		if (r.Err != nil) != (i == 4) {
			t.Errorf("record %d: %v", i, r.Err)
		}
	}
	if n := len(tr.Sends()); n != 1 {
		t.Errorf("%d sends, want one: nothing is left to try", n)
	}
}

func TestRequestRefusedAsAWholeIsHalvedToTheCulprit(t *testing.T) {
	tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
		for _, r := range recs {
			if r.ID == "record-0006" {
				return transporttest.Fail(&fault.Error{Class: fault.Rejected, Reason: "bad", Op: "test", Whole: true})(ctx, recs)
			}
		}
		return transporttest.Accept()(ctx, recs)
	})
	results := (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(10))
	for i, r := range results {
		if (r.Err != nil) != (i == 6) {
			t.Errorf("record %d: %v", i, r.Err)
		}
	}
	if n := len(tr.Sends()); n > 9 {
		t.Errorf("%d sends to find one of ten, want at most 9", n)
	}
}

func TestRecordsRefusedBesideOthersForTheRequestAreTriedAlone(t *testing.T) {
	tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
		switch r.ID {
		case "record-0000":
			return bad
		case "record-0001":
			return nil
		}
		return &fault.Error{Class: fault.Rejected, Reason: "too_long", Op: "test", Whole: true}
	}), transporttest.Accept())
	results := (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(5))
	if !fault.Is(results[0].Err, fault.Rejected) {
		t.Errorf("record 0: %v, want rejected", results[0].Err)
	}
	wantAccepted(t, results[1:]) // I4
	if sends := tr.Sends(); len(sends) != 2 || len(sends[1].IDs) != 3 {
		t.Errorf("sends = %v, want a second one with the three that nobody judged", sends)
	}
}

func TestOversizeRecordIsRejectedUnsent(t *testing.T) {
	tr := transporttest.Script(transporttest.Accept())
	tr.Limits.MaxRecordBytes = 100
	recs := transporttest.Records(2)
	recs[0].Body = make([]byte, 101)
	results := (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), recs)
	if got := fault.From(results[0].Err); got == nil || got.Class != fault.Rejected || got.Reason != "record_too_large" {
		t.Errorf("oversize record: %v, want rejected as record_too_large", results[0].Err)
	}
	wantAccepted(t, results[1:])
	if sends := tr.Sends(); len(sends) != 1 || len(sends[0].IDs) != 1 {
		t.Errorf("sends = %v, want one with the other record", sends)
	}
}

func TestDownDestinationIsKnockedOnOncePerBackoffNotPerBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Fail(down))
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Backoff: halfJitter, Concurrency: 8}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { d.Deliver(ctx, transporttest.Records(40)) })
		}
		wg.Wait()
		// Eight requests leave before the first failure is known; from then on one knock per wait, at most 4 s apart.
		sends := tr.Sends()
		if n := len(sends); n < 100 || n > 8+8+150 {
			t.Errorf("%d requests in ten minutes to a destination that is down, want about one per 4 s", n)
		}
		for i := 20; i < len(sends); i++ {
			if gap := sends[i].At.Sub(sends[i-1].At); gap < 4*time.Second {
				t.Fatalf("knock %d came %v after the one before, want 4 s", i, gap)
			}
		}
	})
}

func TestDownDestinationThatComesBackGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		up := time.Now().Add(time.Hour)
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if time.Now().Before(up) {
				return transporttest.Fail(down)(ctx, recs)
			}
			return transporttest.Accept()(ctx, recs)
		})
		d := &transport.Deliverer{Transport: tr, Report: func(err error) { reports = append(reports, err) }}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(100)))
		if took := time.Since(up); took > 40*time.Second {
			t.Errorf("delivered %v after the destination came back, want within one backoff", took)
		}
		if n := len(reports); n < 2 || reports[0] == nil || reports[n-1] != nil {
			t.Errorf("reports = %v, want trouble first and nil at the end", reports)
		}
		if s := d.Status(); s.Err != nil || s.InFlight != 0 {
			t.Errorf("status = %+v, want well and idle", s)
		}
	})
}

func TestBlockedDestinationIsProbedOnceAMinuteAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := time.Now().Add(30 * time.Minute)
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if time.Now().Before(mended) {
				return transporttest.Fail(blocked)(ctx, recs)
			}
			return transporttest.Accept()(ctx, recs)
		})
		tr.Limits.MaxRecords = 10
		d := &transport.Deliverer{Transport: tr, Concurrency: 1}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(100)))
		if n := len(tr.Sends()); n > 31+10 {
			t.Errorf("%d requests, want at most 31 probes in half an hour and then ten with the records", n)
		}
		if took := time.Since(mended); took > time.Minute {
			t.Errorf("delivered %v after it was mended, want within a minute", took)
		}
	})
}

func TestPatienceEndsADeliverThatGetsNowhere(t *testing.T) {
	for name, c := range map[string]struct {
		step transport.Result
		max  time.Duration
	}{
		"blocked: at once":            {transport.Result{Err: blocked}, 0},
		"down: when patience is over": {transport.Result{Err: down}, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(transporttest.Fail(c.step.Err))
				start := time.Now()
				results := (&transport.Deliverer{Transport: tr, Patience: 10 * time.Second}).Deliver(t.Context(), transporttest.Records(5))
				for i, r := range results {
					if !errors.Is(r.Err, c.step.Err) {
						t.Errorf("record %d: %v, want what the destination said", i, r.Err)
					}
				}
				if took := time.Since(start); took > c.max {
					t.Errorf("gave up after %v, want within %v", took, c.max)
				}
			})
		})
	}
}

func TestSendEndsAtItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Hang(), transporttest.Accept())
		var ambiguous int
		d := &transport.Deliverer{Transport: tr, Timeout: 7 * time.Second, Backoff: halfJitter, Observe: func(a transport.Attempt) {
			for _, r := range a.Results {
				if e := fault.From(r.Err); e != nil && e.Ambiguous {
					ambiguous++
				}
			}
		}}
		start := time.Now()
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(2)))
		if took := time.Since(start); took < 7*time.Second || took > 10*time.Second {
			t.Errorf("took %v, want the timeout of 7 s and a backoff", took)
		}
		if ambiguous != 2 {
			t.Errorf("%d ambiguous results observed, want 2", ambiguous)
		}
	})
}

func TestThrottlingLowersConcurrencyAndSuccessRaisesItAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var inFlight, peak, sends int
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			mu.Lock()
			inFlight++
			sends++
			tooMany := inFlight > 4
			if sends > 200 {
				peak = max(peak, inFlight)
			}
			mu.Unlock()
			defer func() { mu.Lock(); inFlight--; mu.Unlock() }()
			time.Sleep(10 * time.Millisecond)
			if tooMany {
				return transporttest.Fail(slower(0))(ctx, recs)
			}
			return transporttest.Accept()(ctx, recs)
		})
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Concurrency: 32, Backoff: backoff.Policy{Min: 10 * time.Millisecond}}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1000)))
		if peak > 8 {
			t.Errorf("up to %d requests at once after 200 of them, to a destination that takes 4", peak)
		}
		if sends > 1500 {
			t.Errorf("%d requests for 1000 records", sends)
		}
	})
}

func TestBrokenDriverCostsNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(
			func(context.Context, []transport.Record) []transport.Result { return nil },
			func(context.Context, []transport.Record) []transport.Result { return make([]transport.Result, 1) },
			transporttest.Accept())
		wantAccepted(t, (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(3)))
		if n := len(tr.Sends()); n != 3 {
			t.Errorf("%d sends, want 3: silence is no fate", n)
		}
	})
}

func TestEveryRecordHasAFateWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tr := transporttest.Script(transporttest.After(300*time.Millisecond, transporttest.Accept()))
		tr.Limits.MaxRecords = 1
		results := (&transport.Deliverer{Transport: tr, Concurrency: 2}).Deliver(ctx, transporttest.Records(20))
		accepted := 0
		for i, r := range results {
			switch {
			case r.Err == nil:
				accepted++
			case !fault.Is(r.Err, fault.Transient):
				t.Errorf("record %d: %v, want unsettled", i, r.Err)
			}
		}
		if accepted != 6 {
			t.Errorf("%d accepted in a second of two at a time per 300 ms, want 6", accepted)
		}
	})
}

// TestStorm delivers through every kind of trouble at once.
func TestStorm(t *testing.T) {
	fired := map[string]int{}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &memory.Transport{Limits: transport.Capabilities{MaxRecords: 10, MaxBytes: 2000, MaxInFlight: 4}}
				tr := transporttest.NewFaulty(inner, seed)
				tr.Throttle, tr.Drop, tr.LoseReply, tr.Stall, tr.Entry, tr.Block = 0.1, 0.1, 0.1, 0.1, 0.05, 0.02
				tr.Poison = func(r transport.Record) bool { return r.ID == "record-0013" }
				recs := transporttest.Records(300)
				results := (&transport.Deliverer{Transport: tr, Timeout: 20 * time.Second}).Deliver(t.Context(), recs)
				got := map[string]int{}
				for _, r := range inner.Records() {
					got[r.ID]++
				}
				for i, r := range recs {
					poison := r.ID == "record-0013"
					if (results[i].Err != nil) != poison || (got[r.ID] == 0) != poison {
						t.Errorf("%s: result %v, arrived %d times", r.ID, results[i].Err, got[r.ID])
					}
				}
				for kind, n := range tr.Fired() {
					fired[kind] += n
				}
			})
		})
	}
	for _, kind := range []string{"throttle", "drop", "lost reply", "stall", "entry", "block"} {
		if fired[kind] == 0 {
			t.Errorf("%q never happened: the test shows nothing about it", kind)
		}
	}
}

func TestRequestsThatFailTogetherAreOneSetback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if time.Since(start) < time.Second {
				return transporttest.After(time.Second, transporttest.Fail(down))(ctx, recs)
			}
			return transporttest.Accept()(ctx, recs)
		})
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Concurrency: 16, Backoff: halfJitter}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(16)))
		// 1 s until all sixteen have failed, half of the first ceiling (1 s) as the wait after one setback.
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v, want one wait for the first setback and not the longest there is", took)
		}
	})
}

func TestOneRecordMayBeToldToWaitWhileOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := false
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			if r.ID == "record-0001" && !told {
				told = true
				return &fault.Error{Op: "test", RetryAfter: time.Hour}
			}
			return nil
		}))
		start := time.Now()
		wantAccepted(t, (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), transporttest.Records(3)))
		if took := time.Since(start); took < time.Hour {
			t.Errorf("sent again after %v, want at least the hour it was told", took)
		}
	})
}
