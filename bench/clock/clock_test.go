package clock

import (
	"testing"
	"time"
)

func TestTwoClocksAgree(t *testing.T) {
	a, b := New(), New()
	for range 1000 {
		before, between, after := a.Now(), b.Now(), a.Now()
		// The base is read a moment after the start; a reading may be off by that moment, not by more.
		if slack := int64(time.Millisecond); between < before-slack || between > after+slack {
			t.Fatalf("another clock says %d between %d and %d", between, before, after)
		}
	}
}

func TestUntil(t *testing.T) {
	c := New()
	at := c.At(time.Now().Add(time.Hour))
	if got := c.Until(at); got > time.Hour || got < time.Hour-time.Minute {
		t.Errorf("an hour ahead is %v away", got)
	}
}
