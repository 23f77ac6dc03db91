package result

import (
	"math"
	"testing"
	"time"
)

func filled(n int) *Histogram {
	h := NewHistogram()
	for i := range n {
		h.Record(time.Duration(i+1) * time.Millisecond)
	}
	return h
}

func TestQuantileNeedsTenSamplesBeyondIt(t *testing.T) {
	for _, c := range []struct {
		n                   int
		p50, p90, p99, p999 bool
	}{
		{19, false, false, false, false},
		{20, true, false, false, false},
		{100, true, true, false, false},
		{999, true, true, false, false},
		{1000, true, true, true, false},
		{10000, true, true, true, true},
	} {
		s := filled(c.n).Summary()
		for name, q := range map[string]struct {
			got  *float64
			want bool
		}{"p50": {s.P50, c.p50}, "p90": {s.P90, c.p90}, "p99": {s.P99, c.p99}, "p99.9": {s.P999, c.p999}} {
			if (q.got != nil) != q.want {
				t.Errorf("%d samples: %s is given: %v, want %v", c.n, name, q.got != nil, q.want)
			}
		}
	}
}

func TestHistogramSurvivesItsText(t *testing.T) {
	h := filled(5000)
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeHistogram(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		if got, want := back.Quantile(q), h.Quantile(q); got != want {
			t.Errorf("quantile %v is %v after reading, was %v", q, got, want)
		}
	}
	if back.N() != h.N() {
		t.Errorf("%d samples after reading, were %d", back.N(), h.N())
	}
	back.Merge(filled(5000))
	if back.N() != 10000 {
		t.Errorf("%d samples after merging, want 10000", back.N())
	}
	if _, err := DecodeHistogram("HISTFAAA?"); err == nil {
		t.Error("a damaged text was read without complaint")
	}
}

func TestNoSampleIsDropped(t *testing.T) {
	h := NewHistogram()
	for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, time.Hour} {
		h.Record(d)
	}
	if h.N() != 4 || h.Negative() != 1 {
		t.Errorf("%d samples, %d below zero, want 4 and 1", h.N(), h.Negative())
	}
	if got := h.Quantile(1); math.Abs(got.Minutes()-10) > 0.1 {
		t.Errorf("the longest is kept as %v, want ten minutes", got)
	}
}

func TestAbove(t *testing.T) {
	if got := filled(1000).Above(900 * time.Millisecond); math.Abs(got-0.1) > 0.002 {
		t.Errorf("%v of 1 to 1000 ms is above 900 ms, want 0.1", got)
	}
}
