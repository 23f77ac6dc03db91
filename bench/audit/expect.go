package audit

import (
	"fmt"
	"maps"
	"slices"
)

// A Count names a number of a Matrix as its JSON does.
type Count string

// The counts that faults may change.
const (
	CountLost            Count = "lost"
	CountSpoiled         Count = "spoiled"
	CountGhosts          Count = "ghosts"
	CountCorrupt         Count = "corrupt"
	CountRepeated        Count = "repeated"
	CountInDoubt         Count = "in_doubt"
	CountRejected        Count = "rejected"
	CountUnsettled       Count = "unsettled"
	CountUnsent          Count = "unsent"
	CountDuplicates      Count = "duplicates.total"
	CountByTransport     Count = "duplicates.transport"
	CountByRetry         Count = "duplicates.retry"
	CountByRedelivery    Count = "duplicates.redelivery"
	CountUnexplained     Count = "duplicates.unexplained"
	CountRetries         Count = "retries"
	CountUnknownAttempts Count = "unknown_attempts"
)

// counts returns the value of every Count.
func (m Matrix) counts() map[Count]int {
	return map[Count]int{
		CountLost: m.Lost, CountSpoiled: m.Spoiled, CountGhosts: m.Ghosts, CountCorrupt: m.Corrupt, CountRepeated: m.Repeated,
		CountInDoubt: m.InDoubt, CountRejected: m.Rejected, CountUnsettled: m.Unsettled, CountUnsent: m.Unsent,
		CountDuplicates: m.Duplicates.Total, CountByTransport: m.Duplicates.Transport, CountByRetry: m.Duplicates.Retry,
		CountByRedelivery: m.Duplicates.Redelivery, CountUnexplained: m.Duplicates.Unexplained,
		CountRetries: m.Retries, CountUnknownAttempts: m.UnknownAttempts,
	}
}

// A Range is what a count may be: at least so many, and at most a share of the records that were sent. The zero Range is
// none.
type Range struct {
	Least int
	Most  float64 // 1 or more: no bound
}

// Any is whatever happens.
func Any() Range { return Range{Most: 1} }

// Some is at least one.
func Some() Range { return Range{Least: 1, Most: 1} }

// Few is at most one in twenty: a sender that tries until it gets an answer is left with few open questions.
func Few() Range { return Range{Most: 0.05} }

// and is what holds when two faults are at work: what either brings about, and whatever either allows.
func (r Range) and(other Range) Range {
	return Range{Least: max(r.Least, other.Least), Most: max(r.Most, other.Most)}
}

// An Expectation says what a trial may look like. A Count that it does not have must be 0.
type Expectation map[Count]Range

// ExpectationFor returns what is expected of a trial in which faults of these kinds have struck; pass only those that have,
// since some must leave a trace. It fits a destination that stores a record as often as it is sent: see Dedup. Without
// faults, nothing is lost, in doubt or there twice. It panics for a kind that it does not know.
//
// No fault excuses a lost, spoiled or corrupt record, a ghost, or a duplicate that nothing explains.
func ExpectationFor(kinds ...string) Expectation {
	e := Expectation{CountDuplicates: Any(), CountRetries: Any(), CountUnknownAttempts: Any()}
	for _, kind := range kinds {
		more, known := expectation(kind)
		if !known {
			panic(fmt.Sprintf("audit: there is no fault %q", kind))
		}
		for count, r := range more {
			e[count] = e[count].and(r)
		}
	}
	return e
}

// expectation is what one kind of fault adds.
func expectation(kind string) (Expectation, bool) {
	switch kind {
	case "stall", "latency": // an answer that comes after the sender's patience has come too late; so does a confirmation
		return Expectation{CountByRetry: Any(), CountByRedelivery: Any(), CountInDoubt: Few()}, true
	case "5xx": // nothing was done, but the sender cannot know
		return Expectation{CountRetries: Some(), CountInDoubt: Few()}, true
	case "throttle", "partial_batch_failure": // the answer is clear: it was not done
		return Expectation{CountRetries: Some()}, true
	case "reset_after_send", "lost_ack": // it was done, the sender does not know, and does it again
		return Expectation{CountRetries: Some(), CountUnknownAttempts: Some(), CountByRetry: Some(), CountInDoubt: Few()}, true
	case "duplicate_delivery":
		return Expectation{CountByTransport: Some()}, true
	case "slow_consumer": // too late to confirm, or to answer
		return Expectation{CountByRedelivery: Any(), CountByRetry: Any(), CountInDoubt: Few()}, true
	case "consumer_crash": // a queue hands out again what was not confirmed; behind a gateway, the sender has no answer
		return Expectation{CountDuplicates: Some(), CountByRedelivery: Any(), CountByRetry: Any(), CountInDoubt: Few()}, true
	case "expired_credentials", "clock_skew", "dns_failure": // refused, or never reached
		return Expectation{}, true
	}
	return nil, false
}

// Dedup is the expectation where the destination drops a record that it already has, for longer than a trial lasts: then
// trying again leaves no duplicate.
func (e Expectation) Dedup() Expectation {
	e = maps.Clone(e)
	delete(e, CountByRetry)
	return e
}

// Check returns where m is not as expected, one sentence each, in alphabetical order.
func (m Matrix) Check(expect Expectation) []string {
	var wrong []string
	for count, n := range m.counts() {
		r := expect[count]
		most := int(r.Most * float64(m.Sent))
		switch {
		case n < r.Least:
			wrong = append(wrong, fmt.Sprintf("%s is %d, want at least %d", count, n, r.Least))
		case n > 0 && r.Most == 0:
			wrong = append(wrong, fmt.Sprintf("%s is %d, want 0", count, n))
		case n > most && r.Most < 1:
			wrong = append(wrong, fmt.Sprintf("%s is %d, want at most %d, %v %% of the records", count, n, most, r.Most*100))
		}
	}
	slices.Sort(wrong)
	return wrong
}
