package format_test

import (
	"errors"
	"testing"

	"sluice/ingest/format"
)

// TestABatchThatGoesBack knows of what it still holds where it stands, what is wrong with it and how much it is.
func TestABatchThatGoesBack(t *testing.T) {
	t.Parallel()
	b := &format.Batch{MostItems: 3, MostBytes: 7}
	b.From("a")
	b.Add(format.Item{Data: []byte("one")}, 7, 0)
	b.From("b")
	b.Add(format.Item{Data: []byte("two")}, 0, 42)
	b.From("d")
	b.Add(format.Item{Data: []byte("3"), Bad: errors.New("bad")}, 3, 0)
	want := []string{"", "a, line 7", "b, behind byte 42", "d, line 3", ""}
	for i, w := range want {
		if got := b.Position(i - 1); got != w {
			t.Errorf("item %d is at %q, want %q", i-1, got, w)
		}
	}
	if !b.Full() {
		t.Error("three items with seven bytes are not full, want that they are")
	}
	b.Back(1)
	if len(b.Bad) > 0 || b.Full() || b.Position(1) != "" {
		t.Errorf("with one item: bad %v, full %v, and item 1 at %q; want none of it", b.Bad, b.Full(), b.Position(1))
	}
	b.From("c")
	b.Add(format.Item{Data: []byte("four")}, 1, 0)
	if got := b.Position(1); got != "c, line 1" || !b.Full() {
		t.Errorf("item 1 is at %q, full %v; want c, line 1, and seven bytes to be the most", got, b.Full())
	}
}
