package ingest

import (
	"testing"

	"sluice/transport"
)

// TestWhatIsHeldHoldsItsKeyUp: with an order by key nothing goes past a record that waits for the guard.
func TestWhatIsHeldHoldsItsKeyUp(t *testing.T) {
	t.Parallel()
	of := func(place int, key string) *entry {
		return &entry{place: place, records: []transport.Record{{ID: key, Key: key}}}
	}
	b := &backlog{held: []*entry{of(0, "a")}, left: []*entry{of(1, "a"), of(2, "b"), of(3, "b")}}
	now := b.wave(true)
	if len(now) != 1 || now[0].place != 2 {
		t.Errorf("%d items may go, want the first of b alone: one of a is held", len(now))
	}
	if len(b.left) != 2 || b.left[0].place != 1 || b.left[1].place != 3 {
		t.Errorf("%d items are left, want the others in their order", len(b.left))
	}
}
