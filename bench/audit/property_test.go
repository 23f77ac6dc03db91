package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/bench/audit"
)

// world draws what a sender says and a consumer sees, sensible or not.
func world(t *rapid.T) ([]audit.Sent, []audit.Seen) {
	n := rapid.IntRange(0, 40).Draw(t, "records")
	sent := make([]audit.Sent, n)
	for i := range sent {
		sent[i] = audit.Sent{
			Seq:      i * 3,
			Key:      rapid.SampledFrom([]string{"", "", "a"}).Draw(t, "key"),
			Fate:     audit.Fate(rapid.IntRange(0, int(audit.Unsettled)).Draw(t, "fate")),
			Attempts: rapid.IntRange(0, 4).Draw(t, "attempts"),
			Unknown:  rapid.IntRange(0, 2).Draw(t, "unknown"),
		}
	}
	seen := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) audit.Seen {
		seq := 3*rapid.IntRange(0, n).Draw(t, "seq") + rapid.SampledFrom([]int{0, 0, 0, 0, 1}).Draw(t, "stranger")
		s := message(seq, rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "message"), rapid.IntRange(0, 3).Draw(t, "receives"))
		if rapid.IntRange(0, 9).Draw(t, "spoil") == 0 {
			s = spoiled(s)
		}
		return s
	}), 0, 100).Draw(t, "seen")
	return sent, seen
}

func TestEveryRecordAndEveryDeliveryCountsOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent, seen := world(t)
		m := audit.Reckon(run, trial, sent, seen)
		same := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d and %d in %+v", what, got, want, m)
			}
		}
		same("records, cells", m.Sent, m.OK+m.Duplicated+m.Spoiled+m.Lost+m.InDoubtSeen+m.InDoubtUnseen+m.Rejected+m.Unsettled+m.Unsent+m.GhostRecords)
		same("records, listed", m.Sent, len(sent))
		same("accepted, its cells", m.Accepted, m.OK+m.Duplicated+m.Spoiled+m.Lost)
		same("accepted, listed", m.Accepted, len(slices.DeleteFunc(slices.Clone(sent), func(s audit.Sent) bool { return s.Fate != audit.Accepted })))
		same("deliveries, listed", m.Deliveries, len(seen))
		same("deliveries, firsts and others", m.Deliveries, m.OK+m.Duplicated+m.Spoiled+m.InDoubtSeen+m.GhostRecords+m.Duplicates.Total+m.Strangers)
		d := m.Duplicates
		same("duplicates, causes", d.Total, d.Transport+d.Retry+d.Redelivery+d.Unexplained)
		for _, n := range []int{m.Lost, m.Rejected, d.Transport, d.Retry, d.Redelivery, d.Unexplained, m.Corrupt, m.Reordered} {
			if n < 0 {
				t.Errorf("a count below 0 in %+v", m)
			}
		}
		if d.Retry > m.UnknownAttempts {
			t.Errorf("%d duplicates by retry, but only %d attempts of unknown outcome", d.Retry, m.UnknownAttempts)
		}
	})
}

// withoutOrder is m without what the order of deliveries decides.
func withoutOrder(m audit.Matrix) audit.Matrix {
	m.Reordered, m.ReorderMaxExtent, m.ReorderRate, m.ReorderedUpper95 = 0, 0, 0, 0
	return m
}

func TestOrderOfDeliveriesMattersToReorderingOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent, seen := world(t)
		want := audit.Reckon(run, trial, sent, seen)
		got := audit.Reckon(run, trial, sent, rapid.Permutation(seen).Draw(t, "shuffled"))
		if diff := cmp.Diff(withoutOrder(want), withoutOrder(got)); diff != "" {
			t.Errorf("in another order:\n%s", diff)
		}
	})
}

// naive counts reordering by its definition, in quadratic time.
func naive(sent []audit.Sent, seen []audit.Seen) (late, extent int) {
	keys := map[int]string{}
	for _, s := range sent {
		keys[s.Seq] = s.Key
	}
	order := map[string][]int{}
	done := map[int]bool{}
	for _, s := range seen {
		id, _ := audit.ParseID(s.ID)
		key, known := keys[id.Seq]
		if known && !done[id.Seq] {
			done[id.Seq] = true
			order[key] = append(order[key], id.Seq)
		}
	}
	for _, seqs := range order {
		for i, seq := range seqs {
			if j := slices.IndexFunc(seqs[:i], func(earlier int) bool { return earlier > seq }); j >= 0 {
				late++
				extent = max(extent, i-j)
			}
		}
	}
	return late, extent
}

func TestReorderingIsCountedByItsDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent, seen := world(t)
		m := audit.Reckon(run, trial, sent, seen)
		if late, extent := naive(sent, seen); m.Reordered != late || m.ReorderMaxExtent != extent {
			t.Errorf("%d late by at most %d, want %d by at most %d", m.Reordered, m.ReorderMaxExtent, late, extent)
		}
	})
}

// trialOf is a faultless trial of n records.
func trialOf(n int) ([]audit.Sent, []audit.Seen) {
	seen := make([]audit.Seen, n)
	for i := range seen {
		seen[i] = sight(i)
	}
	return accepted(n), seen
}

func TestAHarnessThatDropsOneReceiptInAThousandIsCaught(t *testing.T) {
	t.Parallel()
	const n = 20_000
	sent, seen := trialOf(n)
	if wrong := audit.Reckon(run, trial, sent, seen).Check(audit.ExpectationFor()); len(wrong) > 0 {
		t.Fatalf("the faultless trial: %q", wrong)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	kept := slices.DeleteFunc(slices.Clone(seen), func(audit.Seen) bool { return chance.IntN(1000) == 0 })
	m := audit.Reckon(run, trial, sent, kept)
	if want := n - len(kept); want == 0 || m.Lost != want {
		t.Errorf("lost %d, want the %d that were dropped", m.Lost, want)
	}
	if wrong, want := m.Check(audit.ExpectationFor()), fmt.Sprintf("lost is %d, want 0", n-len(kept)); !slices.Equal(wrong, []string{want}) {
		t.Errorf("got %q, want %q", wrong, want)
	}
	for kind := range faulty() {
		if wrong := m.Check(audit.ExpectationFor(kind)); !slices.Contains(wrong, fmt.Sprintf("lost is %d, want 0", m.Lost)) {
			t.Errorf("%s excuses a loss: %q", kind, wrong)
		}
	}
}

func TestAFlippedBitIsCaught(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "body")
		id := audit.ID(run, trial, 0, sent)
		got := slices.Clone(sent)
		got[rapid.IntRange(0, len(got)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		m := audit.Reckon(run, trial, accepted(1), []audit.Seen{{ID: id, CRC: audit.Checksum(got), Receives: 1}})
		if want := []string{"corrupt is 1, want 0", "spoiled is 1, want 0"}; !slices.Equal(m.Check(audit.ExpectationFor()), want) {
			t.Errorf("got %q, want %q", m.Check(audit.ExpectationFor()), want)
		}
	})
}
