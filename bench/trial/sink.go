package trial

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/internal/readback"
)

// A Receipt is one copy of a record as the consumer saw it. Times are those of a clock.Clock.
type Receipt struct {
	audit.Seen
	Seq  int   // -1: the ID is none of this trial
	At   int64 // first sight of it; of what was put aside for the audit, when that was done, by the clock of the queue
	Done int64 // the work on it was done
}

// A Sink is the consumer of one trial: it does its work on every copy that it is handed, and keeps a Receipt. Safe for
// concurrent use.
type Sink struct {
	run   string
	trial int
	clock clock.Clock
	work  Work

	mu       sync.Mutex
	receipts []Receipt
	seen     map[int]bool  // by sequence number
	stray    int           // copies that belong to an earlier trial of this run
	news     chan struct{} // closed and replaced when a record is seen for the first time
	begun    int64         // 0: not yet
	slowed   int           // copies that were worked on in a slow spell
	crashed  int           // copies that were not acknowledged
}

// Work is what the consumer does with a record. Times of what goes wrong count from Begin.
type Work struct {
	For     time.Duration // how long it takes
	Slow    []Spell
	Crashes []time.Duration // when the consumer dies, after its work on the next Crash copies, and acknowledges none of them
	Crash   int             // 0: it lives
}

// A Spell is a time in which the work takes more.
type Spell struct {
	At, For time.Duration // For 0: to the end
	More    time.Duration
}

var errCrash = errors.New("the consumer ended before it acknowledged the record, as the workload wants it")

// NewSink returns the consumer of one trial.
func NewSink(run string, trial int, c clock.Clock, w Work) *Sink {
	return &Sink{run: run, trial: trial, clock: c, work: w, seen: map[int]bool{}, news: make(chan struct{})}
}

// Handle is what a readback.Consumer calls for every copy. Its error means that the copy is not to be acknowledged.
func (s *Sink) Handle(ctx context.Context, d readback.Delivery) error {
	r := Receipt{Seen: audit.Seen{ID: d.Record.ID, CRC: audit.Checksum(d.Record.Body), MessageID: d.MessageID, Receives: d.Receives}, Seq: -1, At: s.clock.Now()}
	if !d.Arrived.IsZero() {
		r.At = s.clock.At(d.Arrived)
	}
	if pause := s.pause(); pause > 0 {
		timer := time.NewTimer(pause) // work goes on when the trial ends: what was handed out is finished
		defer timer.Stop()
		<-timer.C
	}
	r.Done = s.clock.Now()
	return s.keep(r)
}

// Begin starts the time from which slow spells and crashes count.
func (s *Sink) Begin(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = now
}

// Fired is how often the consumer did what was to go wrong, by the kind of fault.
func (s *Sink) Fired() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]int{slowConsumer: s.slowed, consumerCrash: s.crashed}
}

// pause is how long the work takes that begins now.
func (s *Sink) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.work.For
	if s.begun == 0 {
		return d
	}
	since, slow := time.Duration(s.clock.Now()-s.begun), false
	for _, w := range s.work.Slow {
		if since >= w.At && (w.For == 0 || since < w.At+w.For) {
			d, slow = d+w.More, true
		}
	}
	if slow {
		s.slowed++
	}
	return d
}

// dies reports whether the consumer is to die now. The caller holds mu.
func (s *Sink) dies(now int64) bool {
	if s.begun == 0 {
		return false
	}
	due := 0 // copies that are not to be acknowledged by now
	for _, at := range s.work.Crashes {
		if time.Duration(now-s.begun) >= at {
			due += s.work.Crash
		}
	}
	return s.crashed < due
}

func (s *Sink) keep(r Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := audit.ParseID(r.ID)
	switch {
	case err == nil && id.Run == s.run && id.Trial == s.trial:
		r.Seq = id.Seq
	case err == nil && id.Run == s.run:
		s.stray++ // a late copy: it is that trial's duplicate and not this one's ghost
		return nil
	}
	s.receipts = append(s.receipts, r)
	if r.Seq >= 0 && !s.seen[r.Seq] {
		s.seen[r.Seq] = true
		close(s.news)
		s.news = make(chan struct{})
	}
	if s.dies(r.Done) {
		s.crashed++
		return errCrash
	}
	return nil
}

// Wait returns when every one of the sequence numbers has been seen, and how many are missing if limit is over or ctx
// ends before.
func (s *Sink) Wait(ctx context.Context, seqs []int, limit time.Duration) (missing int) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for i := 0; i < len(seqs); {
		s.mu.Lock()
		for i < len(seqs) && s.seen[seqs[i]] {
			i++
		}
		news := s.news
		s.mu.Unlock()
		if i == len(seqs) {
			break
		}
		select {
		case <-news:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		return s.missing(seqs[i:])
	}
	return 0
}

func (s *Sink) missing(seqs []int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, seq := range seqs {
		if !s.seen[seq] {
			n++
		}
	}
	return n
}

// Receipts returns all receipts, in the order in which the copies came, and how many copies of earlier trials came in
// between.
func (s *Sink) Receipts() ([]Receipt, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.receipts)
	slices.SortStableFunc(all, func(a, b Receipt) int { return cmp.Compare(a.At, b.At) })
	return all, s.stray
}
