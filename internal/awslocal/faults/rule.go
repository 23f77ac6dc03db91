package faults

import (
	"time"
)

// A Script is what is to go wrong, in order: of the rules that fit a call the first acts. The zero Script is nothing.
type Script struct {
	Seed  uint64 // of everything that is drawn
	Rules []Rule
}

// A Rule says which calls it is about and what happens to them. All conditions have to hold at once; those left at zero
// always do.
type Rule struct {
	Name  string   // how its count is shown; empty: its action and its calls
	Calls []string // names of calls or services; empty: all that Do can act on

	Nth   []Range       // which of these calls, counted from 1 since the script was armed, whatever became of them
	Every int           // every n-th of them
	P     float64       // probability, over 0 and at most 1; 0: certain
	After time.Duration // since the script was armed
	For   time.Duration // from After on; 0: to the end
	Times int           // how often it acts at most; 0: without bound

	Do Action

	Entries     Entries       // of a batch or of a receive
	Code        string        // of the error; empty: InternalError, or one that goes with Status
	Status      int           // HTTP status of the error; 0: the one that goes with Code
	Message     string        // of the error; empty: the service's own for Code
	SenderFault *bool         // of an entry that fails; nil: as the code's table says
	Rate        float64       // throttle: calls per second that pass
	Burst       int           // throttle: size of the bucket; 0: 1
	Latency     time.Duration // latency: fixed
	Model       string        // latency: id of a model instead
	Skew        time.Duration // clock_skew: how far the server's clock is ahead; may be negative
	Reply       Reply         // partial

	Headers        map[string]string // of an answer or an error
	Body           string            // answer, accept_then_answer
	Bytes          int               // truncate: after how many; bomb: how many they become
	Framing        Framing           // truncate; empty: length
	BytesPerSecond int               // slow

	Line int // in the file it comes from; 0: none
}

// A Range is a number of calls in a row, both ends included.
type Range struct{ From, To int }

// Entries says which of the entries of a batch, or of the messages of a receive, a rule is about. The zero value is all.
type Entries struct {
	Positions []int // from 1
	One       bool  // one of them, drawn
}

// A Reply is what is wrong with the answer to a batch.
type Reply string

// The replies.
const (
	Missing Reply = "missing" // the entry is done, and not in the answer
	Ignored Reply = "ignored" // the entry is not done, and not in the answer
	Doubled Reply = "doubled" // the entry is in the answer twice
	Unknown Reply = "unknown" // the answer is about an entry that nobody has sent, in place of this one
)

// A Framing is how an answer says where it ends.
type Framing string

// The framings.
const (
	Length  Framing = "length"  // by its Content-Length: who reads it knows that something is missing
	Chunked Framing = "chunked" // by its last chunk, which does not come
	Close   Framing = "close"   // by the end of the connection: nothing tells that something is missing
)

// Join puts scripts one after the other; the seed is the first one's.
func Join(scripts ...Script) Script {
	var all Script
	for i, s := range scripts {
		if i == 0 {
			all.Seed = s.Seed
		}
		all.Rules = append(all.Rules, s.Rules...)
	}
	return all
}

// calls returns the names that the rule is about.
func (r Rule) calls() []string {
	if len(r.Calls) == 0 {
		return []string{Any}
	}
	return r.Calls
}

// fits reports whether the rule is about a call of a service and its action can act on it.
func (r Rule) fits(service, call string) bool {
	s, _ := r.Do.spec()
	return stand(r.calls(), service, call) && (s.calls == nil || stand(s.calls, service, call))
}

func stand(names []string, service, call string) bool {
	for _, n := range names {
		if covers(n, service, call) {
			return true
		}
	}
	return false
}

// picks reports whether the rule is about entry i of n, counted from 0. draw is the call's own random number.
func (e Entries) picks(i, n int, draw uint64) bool {
	if e.One {
		return uint64(i) == draw%uint64(n)
	}
	if len(e.Positions) == 0 {
		return true
	}
	for _, p := range e.Positions {
		if p == i+1 {
			return true
		}
	}
	return false
}
