package ingest_test

import (
	"context"
	"errors"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

// A span is a stretch of virtual time.
type span struct{ from, to time.Time }

// now reports whether the span is under way.
func (s span) now() bool { return !time.Now().Before(s.from) && time.Now().Before(s.to) }

// moods are the long troubles of one simulation: unlike a stumble, they outlast a daemon's life.
type moods struct {
	whole bool // the destination refuses a request for a bad record in it without saying for which
	mass  span // it refuses everything, wrongly
	stuck span // it fails on one record, again and again
	disk  span // the checkpoint cannot be written
	gone  span // the source has forgotten its cursors, until a person mends it
	begin time.Time
}

// draw makes the moods of a seed; every seed has some of them.
func (s *simulation) draw(seed uint64) {
	part := func(odd uint64, longest time.Duration) span {
		if seed%odd != 0 {
			return span{}
		}
		from := time.Now().Add(time.Duration(s.rnd.Int64N(int64(time.Minute))))
		return span{from, from.Add(time.Duration(s.rnd.Int64N(int64(longest))))}
	}
	mass := part(3, 4*time.Minute)
	if mass != (span{}) {
		mass.from = time.Now() // all is there at the start
	}
	s.moods = moods{whole: seed%2 == 0, mass: mass, stuck: part(4, 4*time.Minute), disk: part(5, 3*time.Minute),
		gone: part(7, 3*time.Minute), begin: time.Now()}
}

// A moody Transport stands before the destination and acts out its moods.
type moody struct {
	transport.Transport
	s *simulation
}

const stuckItem = `{"n":71}`

// Send refuses, or passes on.
func (m moody) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	results := make([]transport.Result, len(recs))
	refuse := func(e fault.Error) []transport.Result {
		for i := range results {
			results[i].Err = &e
		}
		return results
	}
	if m.s.moods.mass.now() {
		m.s.count("mass")
		return refuse(fault.Error{Class: fault.Rejected, Reason: "mass", Op: "moody"})
	}
	for _, r := range recs {
		switch {
		case string(r.Body) == stuckItem && m.s.moods.stuck.now():
			m.s.count("stuck record")
			return refuse(fault.Error{Reason: "stuck", Op: "moody", Err: errors.New("the function fails on it")})
		case m.s.moods.whole && len(recs) > 1 && poison(r):
			m.s.count("whole")
			return refuse(fault.Error{Class: fault.Rejected, Reason: "whole", Op: "moody", Whole: true})
		}
	}
	var pass []transport.Record
	var from []int
	for i, r := range recs {
		if poison(r) {
			results[i].Err = &fault.Error{Class: fault.Rejected, Reason: "poison", Op: "moody"}
			continue
		}
		pass, from = append(pass, r), append(from, i)
	}
	if len(pass) > 0 {
		for k, res := range m.Transport.Send(ctx, pass) {
			results[from[k]] = res
		}
	}
	return results
}
