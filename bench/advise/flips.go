package advise

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"sluice/bench/cost"
)

// A Flip is a change of the question that changes the recommendation. It was found by asking again, and Question is what was
// asked.
type Flip struct {
	Change         string      `json:"change"`         // "size from 193 KiB", "without NeedsReply" in words
	Recommendation cost.Option `json:"recommendation"` // empty: then no option passes
	Question       Question    `json:"question"`

	distance float64
}

// A knob is a number of the question that can be turned.
type knob struct {
	name      string
	value     func(Question) float64
	set       func(Question, float64) Question
	low, high float64
	show      func(float64) string
}

// atRate is q at another rate. Where all records count as those of one key, they still do.
func atRate(q Question, rate float64) Question {
	if q.RatePerKey == q.Rate {
		q.RatePerKey = rate
	}
	q.Rate, q.Burst = rate, math.Max(q.Burst, rate)
	return q
}

func knobs(q Question) []knob {
	rate := func(x float64) string { return number(x) + "/s" }
	span := func(x float64) string {
		return (time.Duration(x * float64(time.Second))).Round(100 * time.Microsecond).String()
	}
	seconds := func(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
	all := []knob{
		{"size", func(q Question) float64 { return q.Size }, func(q Question, x float64) Question { q.Size = x; return q }, 64, 16 << 20, bytesText},
		{"rate", func(q Question) float64 { return q.Rate }, func(q Question, x float64) Question {
			return atRate(q, x)
		}, q.RecordsPerMonth / monthSeconds, 1e6, rate},
		{"volume", func(q Question) float64 { return q.RecordsPerMonth }, func(q Question, x float64) Question {
			q.RecordsPerMonth = x
			return atRate(q, math.Max(q.Rate, x/monthSeconds))
		}, 1e3, 1e12, func(x float64) string { return number(x) + " records a month" }},
		{"bursts", func(q Question) float64 { return q.Burst }, func(q Question, x float64) Question { q.Burst = x; return q }, q.Rate, 1e6, rate},
		{"linger", func(q Question) float64 { return q.Linger.Seconds() }, func(q Question, x float64) Question { q.Linger = seconds(x); return q }, 0.001, 60, span},
		{"records that come at once", func(q Question) float64 { return float64(q.Together) }, func(q Question, x float64) Question { q.Together = int(math.Round(x)); return q }, 1, 10, func(x float64) string { return number(math.Round(x)) }},
		{"work per record", func(q Question) float64 { return q.Work.Seconds() }, func(q Question, x float64) Question { q.Work = seconds(x); return q }, 0.001, 3600, span},
		{"records per POST", func(q Question) float64 { return float64(q.PostRecords) }, func(q Question, x float64) Question { q.PostRecords = int(math.Round(x)); return q }, 1, 100, func(x float64) string { return number(math.Round(x)) }},
	}
	if q.StrictOrder {
		all = append(all, knob{"rate per key", func(q Question) float64 { return q.RatePerKey }, func(q Question, x float64) Question { q.RatePerKey = x; return q }, 0.1, 1e5, rate})
	}
	if q.SLO != nil {
		all = append(all, knob{"latency bound", func(q Question) float64 { return q.SLO.Bound.Seconds() }, func(q Question, x float64) Question {
			q.SLO = &SLO{q.SLO.Metric, seconds(x)}
			return q
		}, 0.001, 3600, span})
	}
	return all
}

// flips asks what would change the recommendation: every number up and down, every requirement the other way round, and
// every exclusion lifted. Numbers come first, the nearest first.
func (in Input) flips(now cost.Option) []Flip {
	in.Question = in.Question.filled()
	var numbers []Flip
	for _, k := range knobs(in.Question) {
		for _, up := range []bool{true, false} {
			if f, ok := in.turn(k, up, now); ok {
				numbers = append(numbers, f)
			}
		}
	}
	slices.SortStableFunc(numbers, func(x, y Flip) int { return cmp.Compare(x.distance, y.distance) })
	all := numbers
	for _, f := range switches(in.Question, now) {
		if to, ok := in.recommend(f.Question); ok && to != now {
			f.Recommendation = to
			all = append(all, f)
		}
	}
	return all
}

// recommend is the answer to another question on the same evidence.
func (in Input) recommend(q Question) (cost.Option, bool) {
	in.Question = q
	if in.validate() != nil {
		return "", false
	}
	a, err := in.answer()
	return a.Recommendation, err == nil
}

// turn moves one number away until the answer changes, and then narrows down where.
func (in Input) turn(k knob, up bool, now cost.Option) (Flip, bool) {
	const factor = 1.2
	changed := func(x float64) bool {
		to, ok := in.recommend(k.set(in.Question, x))
		return ok && to != now
	}
	same := k.value(in.Question)
	if up && same >= k.high || !up && same <= k.low {
		return Flip{}, false
	}
	next := func(x float64) float64 {
		if up {
			return min(k.high, max(k.low, x*factor))
		}
		return max(k.low, x/factor)
	}
	other := next(same)
	for ; !changed(other); other = next(other) {
		if other == next(other) {
			return Flip{}, false
		}
		same = other
	}
	if same == 0 {
		same = k.low / factor
	}
	for range 20 { // to a millionth of the step
		if middle := math.Sqrt(same * other); changed(middle) {
			other = middle
		} else {
			same = middle
		}
	}
	for _, round := range rounded(other, up) {
		if round >= k.low && round <= k.high && changed(round) {
			other = round
			break
		}
	}
	f := Flip{Question: k.set(in.Question, other)}
	f.Recommendation, _ = in.recommend(f.Question)
	direction := "from"
	if !up {
		direction = "down to"
	}
	f.Change = fmt.Sprintf("%s %s %s", k.name, direction, k.show(other))
	f.distance = 10
	if was := k.value(in.Question); was > 0 {
		f.distance = math.Abs(math.Log(other / was))
	}
	return f, true
}

// rounded offers x with three significant digits: the nearest, and the next in the direction of the change.
func rounded(x float64, up bool) []float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	away := math.Floor
	if up {
		away = math.Ceil
	}
	return []float64{math.Round(x/unit) * unit, away(x/unit) * unit}
}

// switches are the questions with one requirement turned round.
func switches(q Question, now cost.Option) []Flip {
	var all []Flip
	add := func(change string, set func(*Question)) {
		other := q
		set(&other)
		all = append(all, Flip{Change: change, Question: other})
	}
	for _, s := range []struct {
		on      bool
		with    string
		without string
		turn    func(*Question)
	}{
		{q.NeedsReply, "if the sender needs the result in the reply", "if the sender needs no result in the reply", func(q *Question) { q.NeedsReply = !q.NeedsReply }},
		{q.StrictOrder, "if the order per key matters", "if the order does not matter", func(q *Question) { q.StrictOrder = !q.StrictOrder }},
		{q.ConsumerMayBeDown, "if the consumer may be down", "if the consumer is never down", func(q *Question) { q.ConsumerMayBeDown = !q.ConsumerMayBeDown }},
		{q.DurableSpool, "with a durable spool", "without a durable spool", func(q *Question) { q.DurableSpool = !q.DurableSpool }},
		{q.HTTPSOnly, "if only HTTPS to an own domain may leave", "if an AWS SDK may be used", func(q *Question) { q.HTTPSOnly = !q.HTTPSOnly }},
		{q.NoDuplicates, "if a repeated record does harm", "if a repeated record does no harm", func(q *Question) { q.NoDuplicates = !q.NoDuplicates }},
		{q.Replay, "if old records have to be read again", "if old records are never read again", func(q *Question) { q.Replay = !q.Replay }},
	} {
		add(choose(s.on, s.without, s.with), s.turn)
	}
	if q.SLO != nil {
		add("without the latency bound", func(q *Question) { q.SLO = nil })
	}
	for i, o := range q.Exclude {
		add("if "+o.Label()+" may be used", func(q *Question) { q.Exclude = slices.Delete(slices.Clone(q.Exclude), i, i+1) })
	}
	if now != "" {
		add("if "+now.Label()+" may not be used", func(q *Question) { q.Exclude = append(slices.Clone(q.Exclude), now) })
	}
	return all
}
