package backoff_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
)

func TestWaitGrowsToItsCap(t *testing.T) {
	p := backoff.Policy{Min: time.Second, Max: 10 * time.Second, Rand: func() float64 { return 0.5 }}
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1000: 5 * time.Second,
	} {
		if got := p.Wait(failures); got != want {
			t.Errorf("Wait(%d) = %v, want %v", failures, got, want)
		}
	}
}

func TestWaitIsSpreadOverTheWholeRange(t *testing.T) {
	p := backoff.Policy{Min: time.Second, Max: 8 * time.Second}
	var low, high int
	for range 1000 {
		switch w := p.Wait(5); {
		case w < 0 || w > 8*time.Second:
			t.Fatalf("Wait = %v, want between 0 and 8 s", w)
		case w < 2*time.Second:
			low++
		case w > 6*time.Second:
			high++
		}
	}
	if low < 150 || high < 150 {
		t.Errorf("of 1000 waits %d fell into the lowest and %d into the highest quarter, want about 250 each", low, high)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := backoff.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sleep = %v, want the deadline", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("slept %v, want a minute", took)
		}
		if err := backoff.Sleep(t.Context(), time.Hour); err != nil {
			t.Errorf("Sleep = %v, want nil after the whole time", err)
		}
	})
}
