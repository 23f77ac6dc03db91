package load

import (
	"time"

	"sluice/bench/audit"
	"sluice/bench/clock"
	"sluice/transport"
)

// MeasuringCost is what measuring takes of the sender per record: noting when it was released, its attempt and its fate,
// as for a transport that sends records one by one, for which it is the most. It takes a few milliseconds to find out.
func MeasuringCost() time.Duration {
	const times = 20 // the best one counts: the others were held up by somebody else
	m := newMeasuring()
	best := m.cost()
	for range times {
		best = min(best, m.cost())
	}
	return best
}

// measuring is the part of a run that measures, with attempts that nobody has made.
type measuring struct {
	*run
	attempts []transport.Attempt
}

func newMeasuring() *measuring {
	const records = 1000
	c := clock.New()
	m := &measuring{run: &run{Sender: &Sender{Clock: c}, ledger: newLedger(c, 0, records)}, attempts: make([]transport.Attempt, records)}
	m.ledger.take(records)
	body := make([]byte, 1<<10)
	for i := range m.attempts {
		m.attempts[i] = transport.Attempt{Start: time.Now(), Took: time.Millisecond, Bytes: len(body), Results: make([]transport.Result, 1),
			Records: []transport.Record{{ID: audit.ID("0123456789abcdef", 3, i, body), Body: body}}}
	}
	m.occupied.begin(c.Now())
	return m
}

// cost measures every record once, and returns the mean time that it takes.
func (m *measuring) cost() time.Duration {
	start := time.Now()
	for i := range m.attempts {
		m.record(i)
	}
	return time.Since(start) / time.Duration(len(m.attempts))
}

// record does for one record what a phase does.
func (m *measuring) record(i int) {
	now := m.Clock.Now()
	m.ledger.at(i).Released = now
	m.occupied.enter(now, 1)
	m.observe(m.attempts[i])
	m.ledger.settle(i, m.attempts[i].Results[0], now)
}
