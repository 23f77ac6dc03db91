package sourcetest

import (
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// tied reads pages of 1 and 7 through groups of equal values that are smaller than a page, as large, larger, and without end:
// the whole, after a kill at every page, and what is added within a group.
func tied(t testing.TB, h Harness) {
	h.need(t, "Tied", h.Tied != nil)
	for page, groups := range map[int][]int{1: {2, 5, 10 * size}, 7: {5, 7, 8, 10 * size}} {
		for _, ties := range groups {
			tied := h.Tied(page, ties)
			checks := []func(testing.TB, Harness){wholeContent, sameAgain, killed}
			if tied.Lacks["Append"] == "" {
				checks = append(checks, laterData)
			}
			if !tied.Waits && !tied.Ends {
				checks = append(checks, nothingNew)
			}
			for _, check := range checks {
				check(t, tied)
			}
		}
	}
}

// pagesTwice wants each item at least once, at most as often as the origin gives it, and an end.
func pagesTwice(t testing.TB, h Harness) {
	h.need(t, "Twice", h.Twice != nil)
	o := h.Twice(t, size)
	times := map[string]int{}
	c := ingest.Cursor("")
	for range sweeps {
		w := walk(t, h, o.Source, c, size)
		for _, item := range items(w) {
			times[string(item)]++
		}
		c = last(w, c)
	}
	if again := items(walk(t, h, o.Source, c, 0)); len(again) > 0 {
		t.Fatalf("sweep %d still returns %d items, the first %s", sweeps+1, len(again), clip(again[0]))
	}
	for i := range size {
		item := string(h.Item(i))
		if n := times[item]; n < 1 || n > 2 {
			t.Fatalf("item %d (%s) came %d times, want it once or twice", i, clip([]byte(item)), n)
		}
		delete(times, item)
	}
	for item := range times {
		t.Fatalf("%s was never in the origin", clip([]byte(item)))
	}
}

// circles wants a circle to end reading with a Blocked fault that has a reason, within a few times its length.
func circles(t testing.TB, h Harness) {
	h.need(t, "Loop", h.Loop != nil)
	for _, lead := range []int{0, 3} {
		for _, period := range []int{1, 2, 5} {
			s := h.Loop(t, lead, period)
			var c ingest.Cursor
			for reads := 0; ; reads++ {
				b, err := s.Read(t.Context(), c)
				if err == nil && reads > 4*(lead+period)+4 {
					t.Fatalf("%d pages that lead into a circle of %d: not found in %d Reads", lead, period, reads)
				}
				if err == nil {
					c = b.Next
					continue
				}
				blocked(t, "Read of pages in a circle", b, err)
				if fault.From(err).Reason == "" {
					t.Fatalf("Read of pages in a circle = %v, want a reason in it", err)
				}
				break
			}
		}
	}
}
