package clock

import (
	"sync"
	"testing"
	"time"
)

func TestSleepIsNoShorterThanAsked(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 4 { // side by side, since they share timers
		all.Go(func() {
			for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, 50 * time.Microsecond, 700 * time.Microsecond, 3 * time.Millisecond} {
				start := time.Now()
				Sleep(d)
				if took := time.Since(start); took < d {
					t.Errorf("a sleep of %v took %v", d, took)
				}
			}
		})
	}
	all.Wait()
}

// late-ns is by how much the mean sleep is late.
func BenchmarkSleep(b *testing.B) {
	for name, sleep := range map[string]func(time.Duration){"runtime": time.Sleep, "kernel": Sleep} {
		b.Run(name, func(b *testing.B) {
			const asked = 1300 * time.Microsecond
			b.ReportAllocs()
			for b.Loop() {
				sleep(asked)
			}
			b.ReportMetric(float64(b.Elapsed()-asked*time.Duration(b.N))/float64(b.N), "late-ns")
		})
	}
}
