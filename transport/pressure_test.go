package transport_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// verdicts of the drivers on a destination that is overloaded, as their classify.go gives them.
var (
	unavailable = &fault.Error{Class: fault.Transient, Reason: "service_error", Op: "test"}
	kmsThrottle = &fault.Error{Class: fault.Throttled, Reason: "kms_throttled", Op: "test"}
	throttle    = &fault.Error{Class: fault.Throttled, Reason: "throttled", Op: "test"}
	tooMany     = &fault.Error{Class: fault.Throttled, Reason: "throttled", Op: "test", RetryAfter: 20 * time.Second}
	quota       = &fault.Error{Class: fault.Throttled, Reason: "quota_exhausted", Op: "test", RetryAfter: 5 * time.Minute}
	queueGone   = &fault.Error{Class: fault.Blocked, Reason: "queue_missing", Op: "test"}
)

// TestLaneIsKnockedOnOncePerBackoff: fifty batches wait for a destination that lets nothing through for an hour. All of
// them together make one request per wait, never before the time that it asked for, and everything arrives soon after.
func TestLaneIsKnockedOnOncePerBackoff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		area, fault string
		answer      *fault.Error
		action      proof.Action
		gap         time.Duration // between two knocks, at least, once the first volley is back
		most        int           // knocks in the hour
		late        time.Duration // after the hour, until all has arrived
	}{
		// Waits are half of 60 s here. A tenth of what is asked comes on top of it, or the wait if that is more.
		{"sqs", "service unavailable for an hour", unavailable, proof.Retry, 30 * time.Second, 130, 70 * time.Second},
		{"sqs", "requests throttled for an hour", throttle, proof.Retry, 30 * time.Second, 130, 70 * time.Second},
		{"sqs", "the key service throttles for an hour", kmsThrottle, proof.Retry, 30 * time.Second, 130, 70 * time.Second},
		{"sqs", "the queue is missing for an hour", queueGone, proof.Pause, time.Minute, 61, 70 * time.Second},
		{"apigateway", "service unavailable for an hour", unavailable, proof.Retry, 30 * time.Second, 130, 70 * time.Second},
		{"apigateway", "answer 429 with Retry-After for an hour", tooMany, proof.Retry, 50 * time.Second, 80, 80 * time.Second},
		{"apigateway", "a used-up quota for an hour", quota, proof.Retry, 5*time.Minute + 15*time.Second, 12, 6 * time.Minute},
	} {
		t.Run(c.area+"/"+c.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var d *transport.Deliverer
				var limit atomic.Int64
				tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
					if time.Since(begin) < time.Hour {
						limit.Store(int64(d.Status().Limit))
						return transporttest.Fail(c.answer)(ctx, recs)
					}
					return transporttest.Accept()(ctx, recs)
				})
				tr.Limits.MaxRecords = 10
				var said []error
				d = &transport.Deliverer{Transport: tr, Concurrency: 16, Report: func(err error) { said = append(said, err) },
					Backoff: backoff.Policy{Min: time.Second, Max: time.Minute, Rand: func() float64 { return 0.5 }}}
				var all sync.WaitGroup
				for range 50 {
					all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(100))) })
				}
				all.Wait()
				if took := time.Since(begin); took > time.Hour+c.late {
					t.Errorf("all has arrived %v after the hour, want within %v", took-time.Hour, c.late)
				}
				sends := tr.Sends()
				knocks := slices.IndexFunc(sends, func(s transporttest.Sent) bool { return s.At.Sub(begin) >= time.Hour })
				// Sixteen leave before the first answer is known; then the waits grow to their cap.
				if knocks < 5 || knocks > 16+8+c.most {
					t.Errorf("%d requests in the hour, want at most %d", knocks, 16+8+c.most)
				}
				for i := 16 + 8; i < knocks; i++ {
					if gap := sends[i].At.Sub(sends[i-1].At); gap < c.gap {
						t.Errorf("knock %d came %v after the one before, want %v", i, gap, c.gap)
					}
				}
				if len(said) < 2 || fault.From(said[0]) == nil || fault.From(said[0]).Code() != c.answer.Reason || said[len(said)-1] != nil {
					t.Errorf("told %v, want %s first and that all is well last", said, c.answer.Reason)
				}
				if limit := limit.Load(); c.answer.Class == fault.Throttled && limit > 1 {
					t.Errorf("%d requests at once after an hour of being throttled, want one", limit)
				}
			})
			proof.Row{Area: c.area, Fault: c.fault, Action: c.action, Reason: c.answer.Reason, Promises: "P10 P11"}.Report(t)
		})
	}
}

// histogram counts times in ten equal parts of length.
func histogram(times []time.Duration, from, length time.Duration) (parts [10]int, outside int) {
	for _, at := range times {
		if at < from || at >= from+length {
			outside++
			continue
		}
		parts[(at-from)*10/length]++
	}
	return parts, outside
}

// TestManySendersDoNotComeBackTogether: fifty daemons with a lane each, without knowledge of one another.
func TestManySendersDoNotComeBackTogether(t *testing.T) {
	t.Parallel()
	const lanes, rounds = 50, 20
	for _, c := range []struct {
		area, fault, reason string
		answer              *fault.Error
		outage              time.Duration
		from, length        time.Duration // when all of them come back, from the beginning
	}{
		{"sqs", "an outage ends for fifty senders at once", "service_error", unavailable, time.Hour, time.Hour, 30 * time.Second},
		{"apigateway", "fifty senders are told the same Retry-After", "throttled",
			&fault.Error{Class: fault.Throttled, Reason: "throttled", Op: "test", RetryAfter: time.Minute}, time.Second, time.Minute, 6 * time.Second},
	} {
		t.Run(c.area+"/"+c.fault, func(t *testing.T) {
			var parts [10]int
			for round := range rounds {
				synctest.Test(t, func(t *testing.T) {
					begin := time.Now()
					var mu sync.Mutex
					var times []time.Duration
					var all sync.WaitGroup
					for lane := range lanes {
						tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
							at := time.Since(begin)
							if at < c.outage {
								return transporttest.Fail(c.answer)(ctx, recs)
							}
							mu.Lock()
							times = append(times, at)
							mu.Unlock()
							return transporttest.Accept()(ctx, recs)
						})
						rnd := rand.New(rand.NewPCG(uint64(round), uint64(lane)))
						d := &transport.Deliverer{Transport: tr, Backoff: backoff.Policy{Rand: rnd.Float64}}
						all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1))) })
					}
					all.Wait()
					got, outside := histogram(times, c.from, c.length)
					if outside > 0 || len(times) != lanes {
						t.Errorf("round %d: %d of %d senders came outside of %v to %v", round, outside, len(times), c.from, c.from+c.length)
					}
					for i, n := range got {
						parts[i] += n
					}
				})
			}
			// Where each wait is drawn from zero to its cap, the rest of one has a density that falls in a straight line; that of
			// the longer one of two draws rises in one. Both have a peak of twice the mean.
			if mean, most := lanes*rounds/10, slices.Max(parts[:]); most > mean*22/10 {
				t.Errorf("%d of %d came in the same tenth of %v, want at most about twice %d: %v", most, lanes*rounds, c.length, mean, parts)
			}
			proof.Row{Area: c.area, Fault: c.fault, Action: proof.Retry, Reason: c.reason, Promises: "P10 P11"}.Report(t)
		})
	}
}

// A request that left before the destination asked to be left alone passes after that. It shows that the destination
// lives, and not that it has changed its mind.
func TestAnOldSuccessDoesNotLiftWhatTheDestinationAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		asked       time.Duration
		least, most time.Duration // until the next request
	}{
		"asked for a minute": {time.Minute, time.Minute, 67 * time.Second},
		"asked for no wait":  {0, 2 * time.Second, 2 * time.Second}, // then it may lift our own
		"asked for a moment": {time.Millisecond, 2 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(
					transporttest.After(2*time.Second, transporttest.Accept()),
					transporttest.After(time.Second, transporttest.Fail(slower(c.asked))),
					transporttest.Accept())
				d := &transport.Deliverer{Transport: tr, Concurrency: 4, Backoff: backoff.Policy{Min: 3 * time.Second, Max: 6 * time.Second, Rand: func() float64 { return 0.9 }}}
				begin := time.Now()
				var all sync.WaitGroup
				for range 2 {
					all.Go(func() { d.Deliver(t.Context(), transporttest.Records(1)) })
					synctest.Wait()
				}
				time.Sleep(1500 * time.Millisecond) // until the second is refused
				d.Deliver(t.Context(), transporttest.Records(1))
				all.Wait()
				if at := tr.Sends()[2].At.Sub(begin) - time.Second; at+time.Second < c.least || at > c.most {
					t.Errorf("the next request left %v after the refusal, want %v to %v", at, c.least, c.most)
				}
			})
		})
	}
}

// TestWhoeverIsSlowToHearTheNewsHoldsUpNobody: the log is a pipe that nobody reads.
func TestWhoeverIsSlowToHearTheNewsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var said []error
		full := make(chan struct{})
		up := time.Now().Add(time.Minute)
		tr := transporttest.Script(func(ctx context.Context, recs []transport.Record) []transport.Result {
			if now := time.Now(); now.Before(up) || now.After(up.Add(time.Hour)) && now.Before(up.Add(2*time.Hour)) {
				return transporttest.Fail(down)(ctx, recs)
			}
			return transporttest.Accept()(ctx, recs)
		})
		d := &transport.Deliverer{Transport: tr, Report: func(err error) {
			<-full
			mu.Lock()
			defer mu.Unlock()
			said = append(said, err)
		}}
		var all sync.WaitGroup
		all.Go(func() { wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1))) })
		time.Sleep(30 * time.Second)
		for range 20 { // over an hour of peace and an hour of trouble
			wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(3)))
			time.Sleep(10 * time.Minute)
		}
		close(full)
		all.Wait()
		if n := len(said); n < 2 || n > 4 || said[0] == nil || said[n-1] != nil {
			t.Errorf("told %v, want what is newest last, and little of what it has overtaken", said)
		}
	})
}
