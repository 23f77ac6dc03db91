package audit_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/bench/audit"
)

const (
	run   = "test-1"
	trial = 3
)

func body(seq int) []byte { return fmt.Appendf(nil, "body of %d", seq) }

// sight is the first delivery of a record, as it was sent.
func sight(seq int) audit.Seen {
	return audit.Seen{ID: audit.ID(run, trial, seq, body(seq)), CRC: audit.Checksum(body(seq)), MessageID: fmt.Sprint("m", seq), Receives: 1}
}

func sights(seqs ...int) []audit.Seen {
	var all []audit.Seen
	for _, seq := range seqs {
		all = append(all, sight(seq))
	}
	return all
}

// message is a delivery of a record under another message.
func message(seq int, id string, receives int) audit.Seen {
	s := sight(seq)
	s.MessageID, s.Receives = id, receives
	return s
}

func spoiled(s audit.Seen) audit.Seen {
	s.CRC ^= 1
	return s
}

func named(s audit.Seen, id string) audit.Seen {
	s.ID = id
	return s
}

// accepted are n records, from 0, each accepted at the first attempt.
func accepted(n int) []audit.Sent {
	all := make([]audit.Sent, n)
	for i := range all {
		all[i] = audit.Sent{Seq: i, Fate: audit.Accepted, Attempts: 1}
	}
	return all
}

func one(fate audit.Fate, attempts, unknown int) []audit.Sent {
	return []audit.Sent{{Seq: 0, Fate: fate, Attempts: attempts, Unknown: unknown}}
}

func TestReckon(t *testing.T) {
	t.Parallel()
	type dup = audit.Duplicates
	cases := []struct {
		name string
		sent []audit.Sent
		seen []audit.Seen
		want audit.Matrix
	}{
		{"nothing", nil, nil, audit.Matrix{}},
		{"all seen", accepted(3), sights(0, 1, 2), audit.Matrix{Sent: 3, Accepted: 3, OK: 3}},
		{"one lost", accepted(3), sights(0, 2), audit.Matrix{Sent: 3, Accepted: 3, OK: 2, Lost: 1}},
		{"as many as sent, but one twice and one never", accepted(2), sights(0, 0),
			audit.Matrix{Sent: 2, Accepted: 2, Duplicated: 1, Lost: 1, Duplicates: dup{Total: 1, Transport: 1}}},

		{"rejected and not seen", one(audit.Rejected, 1, 0), nil, audit.Matrix{Sent: 1, Rejected: 1}},
		{"rejected and seen", one(audit.Rejected, 1, 0), sights(0), audit.Matrix{Sent: 1, Ghosts: 1, GhostRecords: 1}},
		{"rejected and seen twice", one(audit.Rejected, 1, 0), sights(0, 0),
			audit.Matrix{Sent: 1, Ghosts: 1, GhostRecords: 1, Duplicates: dup{Total: 1, Transport: 1}}},
		{"rejected after an attempt of unknown outcome, and seen", one(audit.Rejected, 2, 1), sights(0),
			audit.Matrix{Sent: 1, InDoubt: 1, InDoubtSeen: 1, Retries: 1, UnknownAttempts: 1}},
		{"in doubt and seen", one(audit.InDoubt, 1, 1), sights(0), audit.Matrix{Sent: 1, InDoubt: 1, InDoubtSeen: 1, UnknownAttempts: 1}},
		{"in doubt and not seen", one(audit.InDoubt, 1, 1), nil, audit.Matrix{Sent: 1, InDoubt: 1, InDoubtUnseen: 1, UnknownAttempts: 1}},
		{"unsettled", one(audit.Unsettled, 4, 0), nil, audit.Matrix{Sent: 1, Unsettled: 1, Retries: 3}},
		{"unsettled and seen", one(audit.Unsettled, 4, 0), sights(0), audit.Matrix{Sent: 1, Ghosts: 1, GhostRecords: 1, Retries: 3}},
		{"never sent", one(audit.Unsent, 0, 0), nil, audit.Matrix{Sent: 1, Unsent: 1}},
		{"never sent and seen", one(audit.Unsent, 0, 0), sights(0), audit.Matrix{Sent: 1, Ghosts: 1, GhostRecords: 1}},

		{"of another run", accepted(1), append(sights(0), named(sight(0), audit.ID("test-2", trial, 0, body(0)))),
			audit.Matrix{Sent: 1, Accepted: 1, OK: 1, Ghosts: 1, Strangers: 1}},
		{"of another trial", accepted(1), append(sights(0), named(sight(0), audit.ID(run, trial+1, 0, body(0)))),
			audit.Matrix{Sent: 1, Accepted: 1, OK: 1, Ghosts: 1, Strangers: 1}},
		{"of a record that there is not", accepted(1), sights(0, 7), audit.Matrix{Sent: 1, Accepted: 1, OK: 1, Ghosts: 1, Strangers: 1}},
		{"without an ID", accepted(1), append(sights(0), named(sight(0), "")), audit.Matrix{Sent: 1, Accepted: 1, OK: 1, Ghosts: 1, Strangers: 1}},

		{"spoiled", accepted(1), []audit.Seen{spoiled(sight(0))}, audit.Matrix{Sent: 1, Accepted: 1, Spoiled: 1, Corrupt: 1}},
		{"spoiled twice", accepted(1), []audit.Seen{spoiled(sight(0)), spoiled(message(0, "m0", 2))},
			audit.Matrix{Sent: 1, Accepted: 1, Spoiled: 1, Corrupt: 2, Duplicates: dup{Total: 1, Redelivery: 1}}},
		{"spoiled, then whole", accepted(1), []audit.Seen{spoiled(sight(0)), message(0, "m0", 2)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Corrupt: 1, Duplicates: dup{Total: 1, Redelivery: 1}}},

		{"redelivered", accepted(1), []audit.Seen{sight(0), message(0, "m0", 2), message(0, "m0", 3)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 2, Redelivery: 2}}},
		{"redelivered, and the first time was not noted", accepted(1), []audit.Seen{message(0, "m0", 2), message(0, "m0", 3)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 1, Redelivery: 1}}},
		{"sent again in doubt", one(audit.Accepted, 2, 1), []audit.Seen{message(0, "a", 1), message(0, "b", 1)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 1, Retry: 1}, Retries: 1, UnknownAttempts: 1}},
		{"one message more than attempts in doubt", one(audit.Accepted, 2, 1), []audit.Seen{message(0, "a", 1), message(0, "b", 1), message(0, "c", 1)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 2, Retry: 1, Unexplained: 1}, Retries: 1, UnknownAttempts: 1}},
		{"another message though every attempt was answered", one(audit.Accepted, 2, 0), []audit.Seen{message(0, "a", 1), message(0, "b", 1)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 1, Unexplained: 1}, Retries: 1}},
		{"messages without names, sent again in doubt", one(audit.Accepted, 2, 1), []audit.Seen{message(0, "", 0), message(0, "", 0), message(0, "", 2)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 2, Retry: 1, Redelivery: 1}, Retries: 1, UnknownAttempts: 1}},
		{"every cause at once", one(audit.Accepted, 2, 1), []audit.Seen{message(0, "a", 1), message(0, "a", 1), message(0, "b", 1), message(0, "b", 2), message(0, "c", 1)},
			audit.Matrix{Sent: 1, Accepted: 1, Duplicated: 1, Duplicates: dup{Total: 4, Transport: 1, Retry: 1, Redelivery: 1, Unexplained: 1}, Retries: 1, UnknownAttempts: 1}},

		{"a record that the sender lists twice", append(accepted(1), accepted(1)...), sights(0), audit.Matrix{Sent: 1, Accepted: 1, OK: 1, Repeated: 1}},

		// RFC 4737: 3 is first seen at place 0, so 0, 1 and 2 come 1, 2 and 3 places late.
		{"the last comes first", accepted(4), sights(3, 0, 1, 2), audit.Matrix{Sent: 4, Accepted: 4, OK: 4, Reordered: 3, ReorderMaxExtent: 3, ReorderRate: 0.75}},
		{"two neighbours swapped", accepted(4), sights(0, 2, 1, 3), audit.Matrix{Sent: 4, Accepted: 4, OK: 4, Reordered: 1, ReorderMaxExtent: 1, ReorderRate: 0.25}},
		{"late by the earliest later one", accepted(5), sights(2, 3, 4, 1, 0), audit.Matrix{Sent: 5, Accepted: 5, OK: 5, Reordered: 2, ReorderMaxExtent: 4, ReorderRate: 0.4}},
		{"a duplicate is not late", accepted(2), []audit.Seen{sight(0), sight(1), message(0, "m0", 2)},
			audit.Matrix{Sent: 2, Accepted: 2, OK: 1, Duplicated: 1, Duplicates: dup{Total: 1, Redelivery: 1}}},
		{"order counts within a key only", []audit.Sent{{Seq: 0, Key: "a", Fate: audit.Accepted}, {Seq: 1, Key: "b", Fate: audit.Accepted}, {Seq: 2, Key: "a", Fate: audit.Accepted}},
			sights(1, 2, 0), audit.Matrix{Sent: 3, Accepted: 3, OK: 3, Reordered: 1, ReorderMaxExtent: 1, ReorderRate: 1.0 / 3}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := audit.Reckon(run, trial, c.sent, c.seen)
			c.want.Deliveries = len(c.seen)
			bounds := cmpopts.IgnoreFields(audit.Matrix{}, "LostUpper95", "DuplicatedUpper95", "CorruptUpper95", "ReorderedUpper95", "GhostsUpper95")
			if diff := cmp.Diff(c.want, got, bounds); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestUpperBounds(t *testing.T) {
	t.Parallel()
	all := make([]int, 1000)
	for i := range all {
		all[i] = i
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: %.7f, want %.7f", what, got, want)
		}
	}
	m := audit.Reckon(run, trial, accepted(1000), sights(all...))
	near("none of 1000 lost", m.LostUpper95, 1-math.Pow(0.05, 1.0/1000))
	near("none of 1000 doubled", m.DuplicatedUpper95, 1-math.Pow(0.05, 1.0/1000))
	near("none of 1000 corrupt", m.CorruptUpper95, 1-math.Pow(0.05, 1.0/1000))
	near("none of 1000 late", m.ReorderedUpper95, 1-math.Pow(0.05, 1.0/1000))
	near("none of 1000 a ghost", m.GhostsUpper95, 1-math.Pow(0.05, 1.0/1000))

	// The bound p for k of n solves: at p, k or fewer of n have a probability of 5 %.
	m = audit.Reckon(run, trial, accepted(1000), sights(all[:998]...))
	p := m.LostUpper95
	atMost2 := math.Pow(1-p, 1000) * (1 + 1000*p/(1-p) + 1000*999/2*math.Pow(p/(1-p), 2))
	near("2 of 1000 lost", atMost2, 0.05)

	m = audit.Reckon(run, trial, accepted(2), nil)
	near("all lost", m.LostUpper95, 1)
	near("none seen", m.CorruptUpper95, 1)
}

func TestReckonOfAMillionRecordsIsCheap(t *testing.T) {
	const n = 1_000_000
	sent, seen := accepted(n), make([]audit.Seen, 0, n+n/10)
	for i := range n {
		sent[i].Key = "k" + string(rune('a'+i%26))
		seen = append(seen, audit.Seen{ID: audit.Identity{Run: run, Trial: trial, Seq: i}.String(), MessageID: "m", Receives: 1})
		if i%10 == 0 {
			seen = append(seen, seen[len(seen)-1])
		}
	}
	start := time.Now()
	m := audit.Reckon(run, trial, sent, seen)
	took := time.Since(start)
	if m.OK != n-n/10 || m.Duplicated != n/10 {
		t.Errorf("ok %d, duplicated %d; want %d and %d", m.OK, m.Duplicated, n-n/10, n/10)
	}
	if took > 20*time.Second { // quadratic time would be hours; the race detector and a busy machine are allowed for
		t.Errorf("took %v, want about half a second", took)
	}
	t.Logf("1,100,000 deliveries of %d records took %v", n, took)
}
