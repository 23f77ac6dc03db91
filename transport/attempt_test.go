package transport_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

func TestOutcomeOfARecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		beside int // other records in the request
		want   transport.Outcome
	}{
		"accepted":                           {nil, 0, transport.Accepted},
		"a verdict on the record":            {bad, 9, transport.Rejected},
		"a verdict on the request":           {&fault.Error{Class: fault.Rejected, Whole: true}, 9, transport.Refused},
		"a verdict on the request, alone":    {&fault.Error{Class: fault.Rejected, Whole: true}, 0, transport.Rejected},
		"down":                               {down, 0, transport.Refused},
		"throttled":                          {slower(time.Second), 0, transport.Refused},
		"blocked":                            {blocked, 0, transport.Refused},
		"the answer is lost":                 {reset, 0, transport.Unknown},
		"blocked, perhaps done all the same": {&fault.Error{Class: fault.Blocked, Ambiguous: true}, 0, transport.Unknown},
		"wrapped":                            {fmt.Errorf("send: %w", reset), 0, transport.Unknown},
		"nobody has judged it":               {fmt.Errorf("boom"), 0, transport.Refused},
	} {
		a := transport.Attempt{Records: make([]transport.Record, 1+c.beside), Results: make([]transport.Result, 1+c.beside)}
		a.Results[0].Err = c.err
		if got := a.Outcome(0); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// in is the fault of an answer that is lost, or of one that says no, after which the record is sent again d later.
func in(d time.Duration, lost bool) error {
	return &fault.Error{Reason: "on_purpose", Op: "test", Ambiguous: lost, RetryAfter: d}
}

// TestRetryOutsideOfTheWindowIsCounted: a FIFO queue of SQS drops a repeated deduplication id for five minutes.
func TestRetryOutsideOfTheWindowIsCounted(t *testing.T) {
	t.Parallel()
	const window = 5 * time.Minute
	lost, no, late := true, false, time.Nanosecond
	fail := func(err error) transporttest.Step { return transporttest.Fail(err) }
	for name, c := range map[string]struct {
		steps  []transporttest.Step
		dedup  time.Duration
		missed int
		row    string // of the fault matrix
	}{
		"inside of the window":          {[]transporttest.Step{fail(in(window-late, lost))}, window, 0, "the answer is lost, sent again inside of the window of a FIFO queue"},
		"at its end":                    {[]transporttest.Step{fail(in(window, lost))}, window, 0, ""},
		"outside":                       {[]transporttest.Step{fail(in(window+late, lost))}, window, 1, "the answer is lost, sent again outside of the window of a FIFO queue"},
		"no destination that remembers": {[]transporttest.Step{fail(in(window+late, lost))}, 0, 0, ""},
		"an answer that says no":        {[]transporttest.Step{fail(in(window+late, no))}, window, 0, ""},
		"a no before the lost answer":   {[]transporttest.Step{fail(in(window, no)), fail(in(window, lost))}, window, 0, ""},
		"the first lost answer counts":  {[]transporttest.Step{fail(in(window-late, lost)), fail(in(2*late, lost))}, window, 1, ""},
		"a no outside of the window":    {[]transporttest.Step{fail(in(window+late, lost)), fail(in(late, no))}, window, 1, ""},
		"each that may be one more": {[]transporttest.Step{fail(in(window+late, lost)), fail(in(late, lost)), fail(in(late, lost))},
			window, 3, ""},
		"begun inside, ended outside": {[]transporttest.Step{fail(in(window-time.Second, lost)),
			transporttest.After(time.Second+late, transporttest.Accept())}, window, 1, ""},
		"lost after a long time": {[]transporttest.Step{transporttest.After(time.Second, fail(in(window-time.Second+late, lost)))}, window, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transporttest.Script(append(c.steps, transporttest.Accept())...)
				tr.Limits.Dedup = c.dedup
				missed, first := 0, time.Time{}
				d := &transport.Deliverer{Transport: tr, Backoff: backoff.Policy{Rand: func() float64 { return 0 }}, Observe: func(a transport.Attempt) {
					missed += a.Missed
					for i := range a.Records {
						switch {
						case a.Doubt == nil && !first.IsZero(), a.Doubt != nil && !a.Doubt[i].Equal(first):
							t.Errorf("%s is in doubt since %v, want since %v, when the first attempt that got no answer began", a.Records[i].ID, a.Doubt, first)
						case first.IsZero() && a.Outcome(i) == transport.Unknown:
							first = a.Start
						}
					}
				}}
				wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(1)))
				if missed != c.missed {
					t.Errorf("%d may have missed the window, want %d", missed, c.missed)
				}
			})
			if c.row != "" {
				proof.Row{Area: "sqs", Fault: c.row, Action: proof.Retry, Reason: "", Promises: "P5 P6"}.Report(t)
			}
		})
	}
}

func TestOnlyTheRecordInDoubtIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
			switch r.ID {
			case "record-0001":
				return in(time.Minute, true)
			case "record-0002":
				return in(time.Minute, false)
			}
			return nil
		}), transporttest.Accept())
		tr.Limits.Dedup = time.Second
		var attempts []string
		d := &transport.Deliverer{Transport: tr, Observe: func(a transport.Attempt) {
			doubt := []bool{}
			for i := range a.Doubt {
				doubt = append(doubt, !a.Doubt[i].IsZero())
			}
			attempts = append(attempts, fmt.Sprint(len(a.Records), a.Doubt != nil, doubt, a.Missed))
		}}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(3)))
		if want := "[3 false [] 0 2 true [true false] 1]"; fmt.Sprint(attempts) != want {
			t.Errorf("attempts %v, want %s: the second with the one in doubt and the one that was refused", attempts, want)
		}
	})
}
