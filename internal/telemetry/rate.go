package telemetry

import "time"

// span is the number of seconds over which a rate is taken.
const span = 60

// A rate counts events over the last minute, second by second. The zero rate is ready to use; its owner locks it.
type rate struct {
	slots [span + 1]int64 // events in one second each; the second now, and the minute before
	last  int64           // the second that was counted last, since 1970
}

// add counts n events at now.
func (r *rate) add(now time.Time, n int) {
	r.advance(now)
	r.slots[now.Unix()%int64(len(r.slots))] += int64(n)
}

// perSecond is the mean over the minute before now, or over the time since began if that is shorter.
func (r *rate) perSecond(now, began time.Time) float64 {
	r.advance(now)
	var sum int64
	for i, n := range r.slots {
		if int64(i) != now.Unix()%int64(len(r.slots)) {
			sum += n
		}
	}
	whole := min(span, now.Unix()-began.Unix()) // seconds before this one
	if whole < 1 {
		return 0
	}
	return float64(sum) / float64(whole)
}

// advance empties the slots of the seconds since the last call. A clock that was set back only makes the minute longer.
func (r *rate) advance(now time.Time) {
	second := now.Unix()
	for s := max(r.last+1, second-int64(len(r.slots))+1); s <= second; s++ {
		r.slots[s%int64(len(r.slots))] = 0
	}
	r.last = max(r.last, second)
}
