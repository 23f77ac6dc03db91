package faults

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Params are what a workload says about one of its faults. Zero means that it says nothing.
type Params struct {
	At, For time.Duration // window, from the moment the script is armed; For 0: to the end
	P       float64       // probability for each call; 0: certain
	Seed    uint64
	Times   int           // at most so often; 0: without bound
	Rate    float64       // throttle: calls per second that pass
	Burst   int           // throttle: size of the bucket; 0: as much as Rate
	Latency time.Duration // latency: 0 is 500 ms
	Skew    time.Duration // clock_skew: 0 is 10 minutes
}

// Kinds of faults, as workloads name them.
const (
	KindStall              = "stall"
	KindLatency            = "latency"
	Kind5xx                = "5xx"
	KindThrottle           = "throttle"
	KindResetAfterSend     = "reset_after_send"
	KindLostAck            = "lost_ack"
	KindDuplicateDelivery  = "duplicate_delivery"
	KindPartialBatch       = "partial_batch_failure"
	KindExpiredCredentials = "expired_credentials" // #nosec G101 -- the name of a fault
	KindClockSkew          = "clock_skew"
	KindDrop               = "drop"    // to prove that an audit sees loss
	KindCorrupt            = "corrupt" // to prove that an audit sees damage
)

// Kinds returns the kinds that ByKind knows.
func Kinds() []string {
	return []string{
		KindStall, KindLatency, Kind5xx, KindThrottle, KindResetAfterSend, KindLostAck, KindDuplicateDelivery,
		KindPartialBatch, KindExpiredCredentials, KindClockSkew, KindDrop, KindCorrupt,
	}
}

// bySend are the calls that bring records.
var bySend = []string{"SendMessage", "SendMessageBatch", "POST /records"}

// ByKind returns the script for one fault of a workload. A kind that would let nothing pass for ever is refused: it needs
// a window, a probability, or a number of times.
func ByKind(kind string, p Params) (Script, error) {
	rule := Rule{Name: kind, Calls: bySend, P: p.P, After: p.At, For: p.For, Times: p.Times}
	bounded := p.P > 0 && p.P < 1 || p.For > 0 || p.Times > 0
	switch kind {
	case KindStall:
		rule.Calls, rule.Do = []string{Any}, Stall
	case KindLatency:
		rule.Do, rule.Latency, bounded = Latency, cmp.Or(p.Latency, 500*time.Millisecond), true
	case Kind5xx:
		rule.Do, rule.Code, rule.Status = FailRequest, "ServiceUnavailable", 503
	case KindThrottle:
		rule.Do, rule.Code = FailRequest, "ThrottlingException"
		if p.Rate > 0 {
			rule.Do, rule.Rate, rule.Burst, bounded = Throttle, p.Rate, cmp.Or(p.Burst, max(int(p.Rate), 1)), true
		}
	case KindResetAfterSend:
		rule.Do = AcceptThenReset
	case KindLostAck:
		rule.Do = AcceptThenHang
	case KindDuplicateDelivery:
		rule.Do, rule.Entries.One, bounded = DeliverTwice, true, true
	case KindPartialBatch:
		rule.Calls, rule.Do, rule.Entries.One, rule.Code = []string{"SendMessageBatch"}, FailEntries, true, "InternalError"
	case KindExpiredCredentials:
		rule.Do = ExpireCredentials
		if p.For == 0 && p.P == 0 && p.Times == 0 {
			rule.Times = 1
		}
		bounded = true
	case KindClockSkew:
		rule.Do, rule.Skew, bounded = ClockSkew, cmp.Or(p.Skew, 10*time.Minute), true
	case KindDrop:
		rule.Do, rule.Entries.One, bounded = Drop, true, true
	case KindCorrupt:
		rule.Do, rule.Entries.One, bounded = Corrupt, true, true
	default:
		return Script{}, fmt.Errorf("there is no fault %q; there are %s", kind, strings.Join(Kinds(), ", "))
	}
	if !bounded {
		return Script{}, fmt.Errorf("fault %s: without an end nothing would pass; give it a p below 1 or a for", kind)
	}
	if (p.Rate > 0 || p.Burst > 0) && kind != KindThrottle || p.Latency > 0 && kind != KindLatency || p.Skew != 0 && kind != KindClockSkew {
		return Script{}, fmt.Errorf("fault %s: it has a rate, a latency or a skew that means nothing to it", kind)
	}
	rule.Calls = slices.Clone(rule.Calls)
	s := Script{Seed: p.Seed, Rules: []Rule{rule}}
	var problem *problem
	if err := s.Check(); errors.As(err, &problem) {
		return Script{}, fmt.Errorf("fault %s: %w", kind, problem)
	}
	return s, nil
}
