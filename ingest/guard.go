package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/internal/fault"
)

// A guard tells bad records from a broken destination: many records set aside in a row, or a large share of the latest,
// mean that something is wrong with the destination or the settings and not with the data (I4). It then trips, and
// nothing more is set aside until a probe passes, or others do.
type guard struct {
	share float64       // of the last window records that may be set aside, 0 to 1; 1: no guard
	probe time.Duration // between two probes while tripped

	mu      sync.Mutex
	latest  [window]bool // true: set aside
	at      int
	aside   int // how many of latest are true
	inARow  int
	healed  chan struct{} // not nil while tripped; closed when the alarm is over
	nextTry time.Time
	alarms  int // that are over
	judged  int // records judged for the first time while tripped
	refused int // how many of them were refused
}

const (
	window   = 1000 // records over which the share is counted
	inARow   = 50   // records set aside one after the other
	fullRate = 1.0  // a share that nothing can exceed
)

// count notes the fate of one record; under the lock.
func (g *guard) count(aside bool) {
	if g.latest[g.at] {
		g.aside--
	}
	g.latest[g.at] = aside
	g.at = (g.at + 1) % window
	g.inARow++
	if aside {
		g.aside++
	} else {
		g.inARow = 0
	}
}

// pass notes an accepted record. If it was the probe, the alarm is over: what was refused before passes now.
func (g *guard) pass(probe bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(false)
	switch {
	case g.healed == nil:
	case probe:
		g.heal()
	default:
		g.judged++
	}
}

// heal ends the alarm; under the lock.
func (g *guard) heal() {
	close(g.healed)
	g.healed = nil
	g.alarms++
	g.latest, g.aside, g.inARow = [window]bool{}, 0, 0
}

// mayPut notes that a record is about to be set aside, or returns a Blocked fault instead if there are too many of them. A
// probe that is refused ends the alarm too if hardly any of the records that came since were: then what is held is bad.
func (g *guard) mayPut(cause error, probe bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.healed == nil {
		if g.share >= fullRate || (g.inARow < inARow && float64(g.aside) < g.share*window) {
			g.count(true)
			return nil
		}
		g.healed = make(chan struct{})
		g.nextTry = time.Now().Add(g.probe)
		g.judged, g.refused = 0, 0
	}
	if !probe {
		g.judged, g.refused = g.judged+1, g.refused+1
	} else if g.judged >= inARow && float64(g.refused) < g.share*float64(g.judged) {
		g.heal()
		g.count(true)
		return nil
	}
	return &fault.Error{Class: fault.Blocked, Reason: reasonMass, Op: "set aside", Err: fmt.Errorf(
		"%d of the last %d records and the last %d in a row were refused, which points at the destination, the schema or the "+
			"settings and not at the data; mend them, or raise SLUICE_DEADLETTER_MAX_PERCENT if this share is expected (100: never pause); "+
			"newest refusal: %w",
		g.aside, window, g.inARow, cause)}
}

// over returns how many alarms are over. A refusal that was under way when one ended is of the time before, and says
// nothing about the record.
func (g *guard) over() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.alarms
}

// errHealed says that somebody else's probe passed.
var errHealed = errors.New("a probe has passed")

// turn waits for the next probe, of which there is one per interval over all batches, and one of each batch when again is
// closed. It returns nil when it is the
// caller's turn, errHealed when the alarm is over, ErrUnsettled when the turn comes after the end of the drain, or why ctx
// ended.
func (g *guard) turn(ctx context.Context, d *drain, again <-chan struct{}) error {
	g.mu.Lock()
	healed := g.healed
	if healed == nil {
		g.mu.Unlock()
		return errHealed
	}
	mine := g.nextTry
	if now := time.Now(); mine.Before(now) {
		mine = now // turns that nobody took are not made up for
	}
	g.nextTry = mine.Add(g.probe)
	g.mu.Unlock()
	timer := time.NewTimer(time.Until(mine))
	defer timer.Stop()
	for begun := d.begun; !d.late(time.Until(mine)); begun = nil {
		select {
		case <-timer.C:
			return nil
		case <-again:
			return nil
		case <-healed:
			return errHealed
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-begun:
		}
	}
	return ErrUnsettled
}
