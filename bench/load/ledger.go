package load

import (
	"sync"
	"sync/atomic"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/internal/fault"
	"sluice/transport"
)

// An Entry is what the sender knows of one record. Times are those of a clock.Clock; zero: it has not come to that.
type Entry struct {
	Due      int64 // it was to be sent
	Released int64 // it was given to the batch that waits for company
	First    int64 // its first attempt began
	Start    int64 // the attempt that was accepted began
	Accepted int64
	Left     int64 // it left the sender: accepted, or settled in another way; zero: it was never handed over
	Attempts uint32
	Unknown  uint32 // attempts of which nobody knows the outcome
	Fate     audit.Fate
}

// blockSize is how many entries are allocated at once.
const blockSize = 4096

// A ledger holds one Entry per record. Different entries may be used concurrently; the attempts of one record follow
// one another, so an Entry needs no lock.
type ledger struct {
	first  int // sequence number of the first record
	most   int // entries
	clock  clock.Clock
	mu     sync.Mutex
	blocks []atomic.Pointer[[blockSize]Entry] // fixed length: readers take no lock
	next   int                                // number of entries given out

	errMu  sync.Mutex
	errors map[string]int

	requests, bytes atomic.Int64
	billing         billing
}

func newLedger(c clock.Clock, first, most int) *ledger {
	return &ledger{first: first, most: most, clock: c, errors: map[string]int{},
		blocks: make([]atomic.Pointer[[blockSize]Entry], (most+blockSize-1)/blockSize)}
}

// take reserves n entries and returns the sequence number of the first; fewer are left when got is less than n.
func (l *ledger) take(n int) (seq, got int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	got = min(n, l.most-l.next)
	seq = l.first + l.next
	for i := l.next; i < l.next+got; i++ {
		if block := &l.blocks[i/blockSize]; block.Load() == nil {
			block.Store(new([blockSize]Entry))
		}
	}
	l.next += got
	return seq, got
}

// at returns the entry of a sequence number that has been taken; nil for any other.
func (l *ledger) at(seq int) *Entry {
	i := seq - l.first
	if i < 0 || i/blockSize >= len(l.blocks) {
		return nil
	}
	block := l.blocks[i/blockSize].Load()
	if block == nil {
		return nil
	}
	return &block[i%blockSize]
}

// report has what the ledger knows, once nobody writes to it any more.
func (l *ledger) report() Report {
	all := make([]Entry, l.next)
	for i := range all {
		all[i] = *l.at(l.first + i)
	}
	return Report{Entries: all, Requests: l.requests.Load(), Bytes: l.bytes.Load(),
		Served: l.billing.of(served), Refused: l.billing.of(refused), Errors: l.errors}
}

// observe notes one attempt, and returns when it ended and how many records were accepted by it.
func (l *ledger) observe(a transport.Attempt) (end int64, accepted int) {
	start := l.clock.At(a.Start)
	end = start + int64(a.Took)
	l.requests.Add(1)
	l.bytes.Add(int64(a.Bytes))
	l.billing.note(a)
	for i, r := range a.Records {
		id, err := audit.ParseID(r.ID)
		if err != nil {
			continue // not one of ours; the sender makes all of them
		}
		if e := l.at(id.Seq); e != nil {
			l.note(e, start, end, a.Results[i].Err)
		}
		if a.Results[i].Err == nil {
			accepted++
		}
	}
	return end, accepted
}

func (l *ledger) note(e *Entry, start, end int64, err error) {
	if e.Attempts++; e.Attempts == 1 {
		e.First = start
	}
	if err == nil {
		e.Start, e.Accepted, e.Left = start, end, end
		return
	}
	f := fault.From(err)
	if f.Ambiguous {
		e.Unknown++
	}
	l.count(f)
}

// count counts the result of an attempt under its class and reason.
func (l *ledger) count(f *fault.Error) {
	name := f.Class.String()
	if f.Reason != "" {
		name += ": " + f.Reason
	}
	l.errMu.Lock()
	defer l.errMu.Unlock()
	l.errors[name]++
}

// settle notes what Deliver has returned for a record in the end, and reports whether the record leaves the sender only
// now: it was not accepted.
func (l *ledger) settle(seq int, r transport.Result, now int64) bool {
	e := l.at(seq)
	switch {
	case r.Err == nil:
		e.Fate = audit.Accepted
		return false
	case e.Unknown > 0:
		e.Fate = audit.InDoubt
	case fault.Is(r.Err, fault.Rejected):
		e.Fate = audit.Rejected
	default:
		e.Fate = audit.Unsettled
	}
	e.Left = now
	return true
}
