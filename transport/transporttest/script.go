package transporttest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

// A Step decides what one Send returns. It may wait; it must obey ctx as a Transport does.
type Step func(ctx context.Context, recs []transport.Record) []transport.Result

// Accept takes every record.
func Accept() Step {
	return func(_ context.Context, recs []transport.Record) []transport.Result {
		results := make([]transport.Result, len(recs))
		for i, r := range recs {
			results[i].Receipt = r.ID
		}
		return results
	}
}

// Fail gives every record the same error.
func Fail(err error) Step {
	return func(_ context.Context, recs []transport.Record) []transport.Result {
		results := make([]transport.Result, len(recs))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
}

// Each gives every record the error that verdict returns for it.
func Each(verdict func(transport.Record) error) Step {
	return func(_ context.Context, recs []transport.Record) []transport.Result {
		results := make([]transport.Result, len(recs))
		for i, r := range recs {
			results[i] = transport.Result{Receipt: r.ID, Err: verdict(r)}
		}
		return results
	}
}

// Hang answers only when ctx ends, and then does not know what became of the records.
func Hang() Step {
	return func(ctx context.Context, recs []transport.Record) []transport.Result {
		<-ctx.Done()
		return Fail(&fault.Error{Op: "script.Hang", Ambiguous: true, Err: ctx.Err()})(ctx, recs)
	}
}

// After waits for d of (virtual) time, or until ctx ends, before it takes step.
func After(d time.Duration, step Step) Step {
	return func(ctx context.Context, recs []transport.Record) []transport.Result {
		select {
		case <-time.After(d):
			return step(ctx, recs)
		case <-ctx.Done():
			return Fail(&fault.Error{Op: "script.After", Ambiguous: true, Err: ctx.Err()})(ctx, recs)
		}
	}
}

// A Scripted Transport takes one Step per Send; the last one is repeated without end. It notes every Send.
type Scripted struct {
	Limits transport.Capabilities
	mu     sync.Mutex
	steps  []Step
	sends  []Sent
}

// A Sent is one Send as a Scripted Transport saw it.
type Sent struct {
	At  time.Time
	IDs []string
}

// Script returns a Transport that follows steps, of which there is at least one.
func Script(steps ...Step) *Scripted { return &Scripted{steps: steps} }

// Capabilities returns Limits.
func (s *Scripted) Capabilities() transport.Capabilities { return s.Limits }

// Size is the length of the body.
func (s *Scripted) Size(r transport.Record) int { return len(r.Body) }

// Send takes the next Step.
func (s *Scripted) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	ids := make([]string, len(recs))
	for i, r := range recs {
		ids[i] = r.ID
	}
	s.mu.Lock()
	s.sends = append(s.sends, Sent{At: time.Now(), IDs: ids})
	step := s.steps[0]
	if len(s.steps) > 1 {
		s.steps = s.steps[1:]
	}
	s.mu.Unlock()
	return step(ctx, recs)
}

// Sends returns every Send so far.
func (s *Scripted) Sends() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sends...)
}

// Close does nothing.
func (s *Scripted) Close() error { return nil }

// Faulty stands before another Transport and makes trouble of every kind with given probabilities.
type Faulty struct {
	transport.Transport
	Throttle  float64 // the request is throttled
	Drop      float64 // the request is lost before it arrives
	LoseReply float64 // the request arrives, its answer does not
	Stall     float64 // the answer comes after a time between nothing and a minute
	Entry     float64 // one record fails on its own, for now
	Block     float64 // the destination refuses everything until a person acts

	Poison func(transport.Record) bool // records that are refused for ever; nil: none

	mu    sync.Mutex
	rnd   *rand.Rand
	fired map[string]int
}

// NewFaulty puts a Faulty before inner whose troubles depend on seed alone, given the same sequence of Sends.
func NewFaulty(inner transport.Transport, seed uint64) *Faulty {
	return &Faulty{Transport: inner, rnd: rand.New(rand.NewPCG(seed, 1)), fired: map[string]int{}}
}

// Fired returns how often each kind of trouble was made, so that a test can tell that it saw any.
func (f *Faulty) Fired() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for kind, n := range f.fired {
		out[kind] = n
	}
	return out
}

// Calm ends all trouble except Poison.
func (f *Faulty) Calm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Throttle, f.Drop, f.LoseReply, f.Stall, f.Entry, f.Block = 0, 0, 0, 0, 0, 0
}

func (f *Faulty) hit(kind string, p *float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rnd.Float64() >= *p {
		return false
	}
	f.fired[kind]++
	return true
}

func (f *Faulty) within(limit time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(f.rnd.Int64N(int64(limit)))
}

// Send makes one attempt, with trouble or without.
func (f *Faulty) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	whole := func(class fault.Class, reason string, ambiguous bool) []transport.Result {
		return Fail(&fault.Error{Class: class, Reason: reason, Op: "faulty.Send", Ambiguous: ambiguous})(ctx, recs)
	}
	switch {
	case f.hit("block", &f.Block):
		return whole(fault.Blocked, "blocked_on_purpose", false)
	case f.hit("throttle", &f.Throttle):
		return whole(fault.Throttled, "throttled_on_purpose", false)
	case f.hit("drop", &f.Drop):
		return whole(fault.Transient, "dropped_on_purpose", false)
	}
	results := make([]transport.Result, len(recs))
	var pass []int
	for i, r := range recs {
		switch {
		case f.Poison != nil && f.Poison(r):
			results[i].Err = &fault.Error{Class: fault.Rejected, Reason: "poison", Op: "faulty.Send"}
		case f.hit("entry", &f.Entry):
			results[i].Err = &fault.Error{Reason: "entry_failed", Op: "faulty.Send"}
		default:
			pass = append(pass, i)
		}
	}
	if len(pass) > 0 {
		good := make([]transport.Record, len(pass))
		for k, i := range pass {
			good[k] = recs[i]
		}
		for k, res := range f.Transport.Send(ctx, good) {
			results[pass[k]] = res
		}
	}
	if f.hit("stall", &f.Stall) {
		if err := sleep(ctx, f.within(time.Minute)); err != nil {
			return whole(fault.Transient, "timeout", true)
		}
	}
	if f.hit("lost reply", &f.LoseReply) {
		return whole(fault.Transient, "reply_lost", true)
	}
	return results
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
