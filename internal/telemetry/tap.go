package telemetry

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pace "golang.org/x/time/rate"

	"sluice/ingest"
	"sluice/transport"
)

// Stages are what a tap can show of data on its way.
func Stages() []string { return []string{stageRead, stageShaped, stageSettled, stageSetAside} }

const (
	stageRead     = "read"     // items as the source gave them
	stageShaped   = "shaped"   // the records made of them
	stageSettled  = "settled"  // what has come of them: accepted by the destination, or set aside
	stageSetAside = "setaside" // only what was set aside, with the reason
)

const (
	maxTaps  = 2
	tapRate  = 100      // sightings a second that one tap takes; the others are dropped and counted
	tapRoom  = 64       // sightings that wait for a slow reader; what comes then is dropped and counted
	tapBytes = 16 << 10 // of one body that are kept for a reader
)

// A sighting is one item or record at one stage. Its bytes are its own.
type sighting struct {
	at     time.Time
	stage  string
	fate   string // accepted or set_aside; empty before that is known
	item   []byte // the beginning of it
	record transport.Record
	size   int // of the whole item or body

	// Of what was set aside: where it came from, how far it came, and why.
	position string
	refused  ingest.Stage
	reason   error
}

// A tap is one reader.
type tap struct {
	stage   string  // empty: all
	sample  float64 // share of what is seen that is shown
	limit   *pace.Limiter
	waiting chan sighting
	dropped atomic.Int64
}

// taps are the readers of a Monitor. While there is none, a look costs one atomic load.
type taps struct {
	open  atomic.Pointer[[]*tap] // nil: none. Replaced, never changed
	mu    sync.Mutex             // of replacing
	ended chan struct{}          // closed when the admin port closes
	once  sync.Once
}

var errTooManyTaps = errors.New("two taps are open already; end one of them")

// add opens a tap.
func (t *taps) add(stage string, sample float64) (*tap, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*tap
	if old := t.open.Load(); old != nil {
		all = slices.Clone(*old)
	}
	if len(all) >= maxTaps {
		return nil, errTooManyTaps
	}
	one := &tap{stage: stage, sample: sample, limit: pace.NewLimiter(tapRate, tapRate), waiting: make(chan sighting, tapRoom)}
	all = append(all, one)
	t.open.Store(&all)
	return one, nil
}

// remove closes a tap.
func (t *taps) remove(one *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*t.open.Load()), func(x *tap) bool { return x == one })
	if len(all) == 0 {
		t.open.Store(nil)
		return
	}
	t.open.Store(&all)
}

// end has all readers leave.
func (t *taps) end() { t.once.Do(func() { close(t.ended) }) }

// show offers a sighting to every reader. It waits for none of them.
func (t *taps) show(s sighting) {
	all := t.open.Load()
	if all == nil {
		return
	}
	kept := false
	for _, one := range *all {
		wanted := one.stage == "" || one.stage == s.stage || one.stage == stageSetAside && s.fate == fateSetAside
		if !wanted || one.sample < 1 && rand.Float64() >= one.sample {
			continue
		}
		if !one.limit.Allow() || len(one.waiting) == cap(one.waiting) {
			one.dropped.Add(1)
			continue
		}
		if !kept {
			s.keep()
			kept = true
		}
		select {
		case one.waiting <- s:
		default:
			one.dropped.Add(1)
		}
	}
}

// keep makes the bytes of a sighting its own: the batch that they belong to is not to be kept in memory by a slow reader.
func (s *sighting) keep() {
	s.at = time.Now()
	s.size = len(s.item) + len(s.record.Body)
	s.item = bytes.Clone(s.item[:min(len(s.item), tapBytes)])
	s.record.Body = bytes.Clone(s.record.Body[:min(len(s.record.Body), tapBytes)])
	s.record.Headers = maps.Clone(s.record.Headers)
}

// TapParser returns parse with a place for taps before and behind it.
func (m *Monitor) TapParser(parse ingest.Parser) ingest.Parser {
	return func(item []byte) ([]transport.Record, error) {
		m.taps.show(sighting{stage: stageRead, item: item})
		records, err := parse(item)
		if err == nil && m.taps.open.Load() != nil {
			for _, record := range records {
				m.taps.show(sighting{stage: stageShaped, record: record})
			}
		}
		return records, err
	}
}

// TapDeadLetter returns d with a place for taps behind it.
func (m *Monitor) TapDeadLetter(d ingest.DeadLetter) ingest.DeadLetter { return tapped{d, &m.taps} }

type tapped struct {
	ingest.DeadLetter
	taps *taps
}

func (t tapped) Put(ctx context.Context, r ingest.Refused) error {
	err := t.DeadLetter.Put(ctx, r)
	if err == nil {
		t.taps.show(sighting{stage: stageSettled, fate: fateSetAside, item: r.Item, position: r.Position, refused: r.Stage, reason: r.Reason})
	}
	return err
}

// accepted shows the records of an attempt that the destination has.
func (t *taps) accepted(a transport.Attempt) {
	if t.open.Load() == nil {
		return
	}
	for i, r := range a.Records {
		if a.Outcome(i) == transport.Accepted {
			t.show(sighting{stage: stageSettled, fate: fateAccepted, record: r})
		}
	}
}
