package trial

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
)

// reckon turns what sender and consumer know into numbers.
func (t *trial) reckon(out *result.Trial) error {
	receipts, stray := t.receipts()
	if stray > 0 {
		t.invalid = append(t.invalid, fmt.Sprintf("%d copies of earlier trials came in: late ones, or those of a transport whose records end in the same place", stray))
	}
	first := firstOf(t.ends(receipts))
	seen := make([]audit.Seen, len(receipts))
	for i, r := range receipts {
		seen[i] = r.Seen
	}
	out.Phases = []result.Phase{}
	for _, m := range t.phases {
		m.see(first)
		p, err := m.result()
		if err != nil {
			return err
		}
		out.Phases = append(out.Phases, p)
		for _, c := range p.Failed() {
			out.Because = append(out.Because, p.Name+": "+c.Text)
		}
	}
	if c, ok := struck(t.Workload.Faults, out.Faults); ok && len(out.Phases) > 0 {
		last := &out.Phases[len(out.Phases)-1] // faults may strike in any of them
		last.Checks = append(last.Checks, c)
	}
	out.Audit = audit.Reckon(t.Run, t.number, t.sent, seen)
	out.Unexpected = append(out.Unexpected, t.unexpected(out)...)
	out.Because = append(out.Because, t.invalid...)
	if err := t.bill(out); err != nil {
		return err
	}
	out.Client = t.client()
	out.Valid = len(out.Because) == 0 && len(out.Unexpected) == 0
	return nil
}

// firstOf returns the first receipt of every record, by sequence number.
func firstOf(receipts []Receipt) map[int]Receipt {
	first := make(map[int]Receipt, len(receipts))
	for _, r := range receipts {
		if _, again := first[r.Seq]; !again && r.Seq >= 0 {
			first[r.Seq] = r
		}
	}
	return first
}

// see notes which records of the phase have been seen.
func (m *measured) see(first map[int]Receipt) {
	m.done = make([]Receipt, len(m.report.Entries))
	for i := range m.done {
		r, ok := first[m.sent.First+i]
		if m.done[i] = r; !ok {
			m.done[i].Seq = -1
		}
	}
}

// receipts are what is audited: those of the consumer or, where nobody receives, the replies.
func (t *trial) receipts() ([]Receipt, int) {
	if t.far.Consume == nil {
		return t.replies(), 0
	}
	all, stray := t.sink.Receipts()
	if t.far.Receipts { // their times are whole milliseconds, and nobody knows which of two in the same one was first
		slices.SortStableFunc(all, func(a, b Receipt) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Seq, b.Seq)) })
	}
	return all, stray
}

// ends are the receipts with which records are processed.
func (t *trial) ends(receipts []Receipt) []Receipt {
	if t.far.Receipts {
		return t.replies()
	}
	return receipts
}

// replies are one receipt for every accepted record.
func (t *trial) replies() []Receipt {
	var all []Receipt
	for _, m := range t.everySent() {
		for i, e := range m.report.Entries {
			if seq := m.sent.First + i; e.Fate == audit.Accepted {
				body := t.Pool.Body(seq)
				all = append(all, Receipt{Seq: seq, At: e.Accepted, Done: e.Accepted,
					Seen: audit.Seen{ID: audit.ID(t.Run, t.number, seq, body), CRC: audit.Checksum(body)}})
			}
		}
	}
	return all
}

// everySent has the warm-up too.
func (t *trial) everySent() []measured { return append(slices.Clone(t.warmed), t.phases...) }

// unexpected lists what the audit shows and what the faults that have struck do not allow.
func (t *trial) unexpected(out *result.Trial) []string {
	if t.far.Consume == nil {
		return nil
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(out.Faults)) {
		if out.Faults[kind] > 0 {
			kinds = append(kinds, kind)
		}
	}
	return out.Audit.Check(t.expectation(kinds))
}

// expectation is what the faults allow. Only the far ends of our own are as they are scripted to be: a service may answer
// late and hand out a copy twice without being asked to, which its users are told to expect.
func (t *trial) expectation(kinds []string) audit.Expectation {
	e := audit.ExpectationFor(kinds...)
	if kind := t.far.Target.Kind; kind == result.StandIn || kind == result.Embedded {
		return e
	}
	for _, c := range []audit.Count{audit.CountByTransport, audit.CountByRetry, audit.CountByRedelivery} {
		if e[c].Most == 0 {
			e[c] = audit.Any()
		}
	}
	if e[audit.CountInDoubt].Most == 0 {
		e[audit.CountInDoubt] = audit.Few()
	}
	return e
}

// bill adds up requests, errors and billable units.
func (t *trial) bill(out *result.Trial) error {
	total := load.Report{Errors: map[string]int{}}
	for _, m := range t.everySent() {
		r := m.report
		total.Requests += r.Requests
		total.Bytes += r.Bytes
		total.Served, total.Refused = total.Served.Add(r.Served), total.Refused.Add(r.Refused)
		total.Entries = append(total.Entries, r.Entries...)
		for name, n := range r.Errors {
			total.Errors[name] += n
		}
	}
	out.Attempts, out.Errors = int(total.Requests), total.Errors
	if t.far.Units == nil {
		return nil
	}
	out.Units = t.far.Units(total)
	bill, err := t.Book.Price(t.far.Option, out.Units)
	out.USD = bill.USD
	return err
}

// client is what the measured phases took of the sender, averaged over their records.
func (t *trial) client() result.Client {
	var c result.Client
	var total load.Cost
	records := 0
	for _, m := range t.phases {
		cost := m.report.Cost
		records += len(m.report.Entries)
		total.Wall += cost.Wall
		total.CPU += cost.CPU
		total.Procs = cost.Procs
		total.Allocs += cost.Allocs
		total.AllocBytes += cost.AllocBytes
		total.PeakRSS = max(total.PeakRSS, cost.PeakRSS)
		total.GCPauseP99 = max(total.GCPauseP99, cost.GCPauseP99)
		total.Connections += cost.Connections
		total.BytesOut += cost.BytesOut
		total.BytesIn += cost.BytesIn
	}
	n := float64(max(1, records))
	c.CPUMicros = float64(total.CPU) / n / float64(time.Microsecond)
	if total.Wall > 0 && total.Procs > 0 {
		c.CPUShare = total.CPU.Seconds() / total.Wall.Seconds() / float64(total.Procs)
	}
	c.Allocs, c.AllocBytes = float64(total.Allocs)/n, float64(total.AllocBytes)/n
	c.PeakRSS, c.GCPauseP99 = total.PeakRSS, result.Millis(total.GCPauseP99)
	c.BytesOut, c.BytesIn, c.Connections = total.BytesOut, total.BytesIn, int(total.Connections)
	return c
}
