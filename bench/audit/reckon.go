package audit

import (
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"sluice/bench/stats"
)

// Reckon makes the matrix of a trial. sent has every record that was to be sent; seen has every delivery, in the order in
// which the consumer got them. The order of seen matters to the counts of reordered records only.
func Reckon(run string, trial int, sent []Sent, seen []Seen) Matrix {
	r := reckoning{
		records: make([]record, 0, len(sent)),
		bySeq:   make(map[int]int32, len(sent)),
		again:   map[int32][]int32{},
	}
	r.list(sent)
	for i := range seen {
		r.see(run, trial, seen, i)
	}
	for i := range r.records {
		r.settle(&r.records[i])
	}
	for record, deliveries := range r.again {
		r.m.Duplicates.add(causes(seen, deliveries, r.records[record].unknown))
	}
	r.m.Deliveries = len(seen)
	r.m.Ghosts = r.m.GhostRecords + r.m.Strangers
	r.m.InDoubt = r.m.InDoubtSeen + r.m.InDoubtUnseen
	r.rates()
	return r.m
}

type reckoning struct {
	m       Matrix
	records []record
	bySeq   map[int]int32     // index of a record
	again   map[int32][]int32 // deliveries of the records that were seen more than once
	lanes   []lane            // one per key
	seen    int               // records that were seen
	doubled int               // records that were seen more than once
}

type record struct {
	fate    Fate
	seen    int32
	intact  bool  // at least one delivery had the right bytes
	first   int32 // the first delivery
	lane    int32
	unknown int
}

// list notes what the sender says.
func (r *reckoning) list(sent []Sent) {
	lanes := map[string]int32{}
	for _, s := range sent {
		if _, known := r.bySeq[s.Seq]; known {
			r.m.Repeated++
			continue
		}
		lane, known := lanes[s.Key]
		if !known {
			lane = int32(len(lanes))
			lanes[s.Key] = lane
		}
		fate := s.Fate
		if fate != Accepted && s.Unknown > 0 {
			fate = InDoubt
		}
		r.bySeq[s.Seq] = int32(len(r.records))
		r.records = append(r.records, record{fate: fate, lane: lane, unknown: s.Unknown})
		r.m.Retries += max(0, s.Attempts-1)
		r.m.UnknownAttempts += s.Unknown
	}
	r.m.Sent = len(r.records)
	r.lanes = make([]lane, len(lanes))
}

// see counts one delivery.
func (r *reckoning) see(run string, trial int, seen []Seen, i int) {
	id, ok := parse(seen[i].ID)
	index, known := r.bySeq[id.Seq]
	if !ok || !known || id.Run != run || id.Trial != trial {
		r.m.Strangers++
		return
	}
	rec := &r.records[index]
	switch rec.seen++; rec.seen {
	case 1:
		rec.first = int32(i)
		r.seen++
		r.lanes[rec.lane].see(id.Seq, &r.m)
	case 2:
		r.doubled++
		r.again[index] = append(r.again[index], rec.first, int32(i))
	default:
		r.again[index] = append(r.again[index], int32(i))
	}
	if seen[i].CRC == id.CRC {
		rec.intact = true
	} else {
		r.m.Corrupt++
	}
}

// settle puts a record into its cell.
func (r *reckoning) settle(rec *record) {
	m := &r.m
	if rec.fate == Accepted {
		m.Accepted++
	}
	switch {
	case rec.fate == Accepted && rec.seen == 0:
		m.Lost++
	case rec.fate == Accepted && !rec.intact:
		m.Spoiled++
	case rec.fate == Accepted && rec.seen > 1:
		m.Duplicated++
	case rec.fate == Accepted:
		m.OK++
	case rec.fate == InDoubt && rec.seen > 0:
		m.InDoubtSeen++
	case rec.fate == InDoubt:
		m.InDoubtUnseen++
	case rec.seen > 0:
		m.GhostRecords++
	case rec.fate == Rejected:
		m.Rejected++
	case rec.fate == Unsettled:
		m.Unsettled++
	default:
		m.Unsent++
	}
}

func (r *reckoning) rates() {
	m := &r.m
	if r.seen > 0 {
		m.ReorderRate = float64(m.Reordered) / float64(r.seen)
	}
	m.LostUpper95 = upper95(m.Lost, m.Accepted)
	m.DuplicatedUpper95 = upper95(r.doubled, r.seen)
	m.ReorderedUpper95 = upper95(m.Reordered, r.seen)
	m.CorruptUpper95 = upper95(m.Corrupt, m.Deliveries)
	m.GhostsUpper95 = upper95(m.Ghosts, m.Deliveries)
}

// upper95 is the upper 95 % bound of a rate after so many events in n trials.
func upper95(events, n int) float64 {
	switch {
	case events == 0:
		return stats.Upper95(n)
	case events >= n:
		return 1
	}
	return distuv.Beta{Alpha: float64(events) + 1, Beta: float64(n - events)}.Quantile(0.95)
}

// A lane has the records of one key in the order of their first deliveries.
type lane struct {
	n      int    // records so far
	maxima []peak // each record that was later than all before it
}

type peak struct{ seq, at int }

// see counts a record that is late: RFC 4737 calls it reordered if a later one has come before it, and its extent is the
// distance to the earliest such one, in records received.
func (l *lane) see(seq int, m *Matrix) {
	at := l.n
	l.n++
	if len(l.maxima) == 0 || seq > l.maxima[len(l.maxima)-1].seq {
		l.maxima = append(l.maxima, peak{seq, at})
		return
	}
	i, _ := slices.BinarySearchFunc(l.maxima, seq, func(p peak, seq int) int { return p.seq - seq })
	m.Reordered++
	m.ReorderMaxExtent = max(m.ReorderMaxExtent, at-l.maxima[i].at)
}

func (d *Duplicates) add(other Duplicates) {
	d.Total += other.Total
	d.Transport += other.Transport
	d.Retry += other.Retry
	d.Redelivery += other.Redelivery
	d.Unexplained += other.Unexplained
}

// causes explains the deliveries of one record, of which there are at least two, whatever their order: of each message,
// one delivery is the first, and of the messages, one is the first. A delivery without a message's name is a message of
// its own, unless the destination says that it has been handed out before.
func causes(seen []Seen, deliveries []int32, unknown int) Duplicates {
	slices.SortFunc(deliveries, func(a, b int32) int { return strings.Compare(seen[a].MessageID, seen[b].MessageID) })
	d := Duplicates{Total: len(deliveries) - 1}
	messages := 0
	for len(deliveries) > 0 {
		name := seen[deliveries[0]].MessageID
		fresh, repeated := 0, 0
		for len(deliveries) > 0 && seen[deliveries[0]].MessageID == name {
			if seen[deliveries[0]].Receives > 1 {
				repeated++
			} else {
				fresh++
			}
			deliveries = deliveries[1:]
		}
		if fresh == 0 { // the first delivery never came to be seen
			fresh, repeated = 1, repeated-1
		}
		d.Redelivery += repeated
		if name == "" {
			messages += fresh
			continue
		}
		messages++
		d.Transport += fresh - 1
	}
	d.Retry = min(messages-1, unknown)
	d.Unexplained = messages - 1 - d.Retry
	return d
}
