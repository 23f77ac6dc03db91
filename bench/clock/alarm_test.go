package clock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAlarmWaitsNoShorterThanAsked(t *testing.T) {
	t.Parallel()
	c := New()
	for name, alarm := range map[string]*Alarm{"Go's timers": c.Alarm(t.Context()), "the kernel's": c.PreciseAlarm(t.Context())} {
		for _, d := range []time.Duration{-time.Second, 0, 50 * time.Microsecond, 700 * time.Microsecond, 3 * time.Millisecond} {
			at := c.Now() + int64(d)
			if !alarm.Wait(at) {
				t.Errorf("%s: a wait of %v was cut short", name, d)
			}
			if early := c.Until(at); early > 0 {
				t.Errorf("%s: a wait of %v ended %v early", name, d, early)
			}
		}
		alarm.Stop()
	}
}

func TestAlarmEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := New()
	for name, make := range map[string]func(context.Context) *Alarm{"Go's timers": c.Alarm, "the kernel's": c.PreciseAlarm} {
		ctx, cancel := context.WithCancel(t.Context())
		alarm := make(ctx)
		time.AfterFunc(5*time.Millisecond, cancel)
		if alarm.Wait(c.Now() + int64(time.Hour)) {
			t.Errorf("%s: an hour passed", name)
		}
		if alarm.Wait(c.Now() - 1) {
			t.Errorf("%s: waiting for the past goes on after the end of the context", name)
		}
		alarm.Stop()
	}
}

func TestAlarmFollowsVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		at := c.Now() + int64(time.Hour)
		alarm := c.Alarm(t.Context())
		defer alarm.Stop()
		if !alarm.Wait(at) || c.Now() != at {
			t.Errorf("the alarm for %d rang at %d", at, c.Now())
		}
	})
}

// What a timer of Go's and one of the kernel's are late by, in ns: report "late-ns" is the mean.
func BenchmarkAlarm(b *testing.B) {
	c := New()
	for name, alarm := range map[string]*Alarm{"go": c.Alarm(b.Context()), "kernel": c.PreciseAlarm(b.Context())} {
		b.Run(name, func(b *testing.B) {
			var late int64
			for b.Loop() {
				at := c.Now() + int64(2300*time.Microsecond)
				alarm.Wait(at)
				late += c.Now() - at
			}
			b.ReportMetric(float64(late)/float64(b.N), "late-ns")
		})
		alarm.Stop()
	}
}
