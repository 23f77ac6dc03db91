package experiment

import (
	"context"
	"fmt"
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

// What calibration asks of a machine.
const (
	mostNull      = 50.0 // microseconds that the null transport may add at p99
	mostMeasuring = 0.05 // of the sender's CPU
	leastSpare    = 5    // times the highest rate of the workload that the client has to reach

	nullRate   = 1000 // per second, of the open part
	nullLength = time.Second
	maxLength  = 300 * time.Millisecond // of the closed part
	timers     = 200
)

// Calibrate finds out what this machine can measure at all, with null, the far end that is none.
func Calibrate(ctx context.Context, r *trial.Runner, null *trial.FarEnd) (*result.Calibration, error) {
	sender, err := r.Sender(ctx, null, 0)
	if err != nil {
		return nil, err
	}
	defer sender.Close()
	c := &result.Calibration{Checks: []result.Check{}}
	jitter := timerJitter()
	c.TimerP50, c.TimerP99 = micros(jitter.Quantile(0.5)), micros(jitter.Quantile(0.99))

	even := make([]time.Duration, nullRate*int(nullLength/time.Second))
	for i := range even {
		even[i] = time.Duration(i) * nullLength / time.Duration(len(even))
	}
	start := r.Clock.Now() + int64(20*time.Millisecond)
	open, err := sender.Send(ctx, load.Phase{Start: start, Due: even, MaxRecords: 1, Patience: time.Second})
	if err != nil {
		return nil, err
	}
	added := result.NewHistogram()
	for _, e := range open.Entries {
		if e.Fate == audit.Accepted {
			added.Record(time.Duration(e.Accepted - e.Released))
		}
	}
	c.NullP50, c.NullP99 = micros(added.Quantile(0.5)), micros(added.Quantile(0.99))

	closed, err := sender.Send(ctx, load.Phase{First: len(even), Start: r.Clock.Now(), Concurrency: 8, For: maxLength, Most: 1_000_000,
		MaxRecords: r.Workload.Batching.MaxRecords, Patience: time.Second})
	if err != nil {
		return nil, err
	}
	c.NullRate = float64(len(closed.Entries)) / closed.Cost.Wall.Seconds()
	c.Checks = append(c.Checks, result.Check{Name: "null_overhead", OK: c.NullP99 < mostNull, Value: c.NullP99, Limit: mostNull,
		Text: fmt.Sprintf("the null transport adds %.0f µs at p99, want under %.0f µs", c.NullP99, mostNull)})
	highest := highestRate(r.Workload)
	c.Checks = append(c.Checks, result.Check{Name: "spare_rate", OK: c.NullRate >= leastSpare*highest, Value: c.NullRate, Limit: leastSpare * highest,
		Text: fmt.Sprintf("this client can offer %.0f records a second; the workload's highest rate is %.0f, of which it has to reach %d times", c.NullRate, highest, leastSpare)})
	return c, nil
}

// Spare fails for a workload that asks for more than this client can offer.
func Spare(c *result.Calibration) error {
	for _, check := range c.Checks {
		if check.Name == "spare_rate" && !check.OK {
			return fmt.Errorf("%s; lower the rate or use a larger machine", check.Text)
		}
	}
	return nil
}

// Measuring adds to the calibration which share of the sender's CPU the measuring takes, by the transport for which the
// share is the largest; the null transport, which does nothing else, does not count.
func Measuring(f *result.File) {
	if f.Calibration == nil {
		return
	}
	perRecord := micros(load.MeasuringCost())
	for _, t := range f.Trials {
		if f.Target(t.Transport).Kind != result.Null && t.Client.CPUMicros > 0 {
			f.Calibration.MeasuringCPU = max(f.Calibration.MeasuringCPU, perRecord/t.Client.CPUMicros)
		}
	}
	share := f.Calibration.MeasuringCPU
	f.Calibration.Checks = append(f.Calibration.Checks, result.Check{Name: "measuring", OK: share < mostMeasuring, Value: share, Limit: mostMeasuring,
		Text: fmt.Sprintf("measuring takes %.2f µs a record, %.1f %% of the sender's CPU, want under %.0f %%", perRecord, share*100, mostMeasuring*100)})
}

// timerJitter is by how much timers of a millisecond are late.
func timerJitter() *result.Histogram {
	h := result.NewHistogram()
	for range timers {
		const asked = time.Millisecond
		start := time.Now()
		timer := time.NewTimer(asked)
		<-timer.C
		h.Record(time.Since(start) - asked)
	}
	return h
}

// highestRate is the highest that an open phase asks for.
func highestRate(w *workload.Workload) float64 {
	highest := 0.0
	for _, p := range w.Phases {
		highest = max(highest, float64(p.Steady), float64(p.Base), float64(p.Peak), float64(p.From), float64(p.To))
	}
	return highest
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
