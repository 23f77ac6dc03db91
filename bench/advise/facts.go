package advise

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/bench/cost"
	"sluice/bench/stats"
)

// facts are the three statements that decided: the price against the next best, what put a rival out or how full requests
// are, and what is known about latency. Without a survivor they are the reasons why.
func (in Input) facts(a Advice) []string {
	if a.Recommendation == "" {
		var why []string
		for _, c := range a.Options {
			why = append(why, c.Option.Label()+" is out: "+c.failure())
		}
		return why[:3]
	}
	return []string{in.priceFact(a), in.rivalFact(a), in.latencyFact(a)}
}

// failure is the reason of the first gate that c failed.
func (c Candidate) failure() string {
	for _, g := range c.Gates {
		if g.ID == excluded {
			return g.Reason
		}
		if !g.Passed {
			return g.Reason + " (" + g.ID + ")"
		}
	}
	return ""
}

func (in Input) priceFact(a Advice) string {
	q, first := in.Question, a.Options[0]
	workload := fmt.Sprintf("for %s records of %s", number(q.RecordsPerMonth), bytesText(q.Size))
	text := fmt.Sprintf("%s costs %s a month %s", first.Option.Label(), dollars(first.Monthly.USD), workload)
	next, ok := rival(a.Options)
	if !ok {
		return text + "; no other option passes the gates"
	}
	text += fmt.Sprintf(", %s %s", next.Option.Label(), dollars(next.Monthly.USD))
	switch {
	case slices.Contains(a.Ties, next.Option):
		return text + ": a tie, within 10 % or $5"
	case next.Monthly.USD < first.Monthly.USD:
		return text + ", but only the first is proven to keep the bound"
	case first.Monthly.USD > 0:
		return text + fmt.Sprintf(": %s times as much", number(next.Monthly.USD/first.Monthly.USD))
	}
	return text
}

// rivalFact says why the cheapest option that is out is out; without one, how full the requests are.
func (in Input) rivalFact(a Advice) string {
	first := a.Options[0]
	var rivals []Candidate
	for _, c := range a.Options {
		if c.Out && c.Gates[0].ID != excluded {
			rivals = append(rivals, c)
		}
	}
	slices.SortStableFunc(rivals, func(x, y Candidate) int {
		if x.Priced != y.Priced {
			if x.Priced {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.Monthly.USD, y.Monthly.USD)
	})
	if len(rivals) > 0 {
		return rivals[0].Option.Label() + " is out: " + rivals[0].failure()
	}
	if !queueFamily(first.Option) {
		for _, c := range a.Options {
			if c.Option == cost.SQSStandard {
				return fmt.Sprintf("%s a request to a queue would hold %s records, a POST holds %s", in.Question.gathered(), number(c.SendFill), number(first.SendFill))
			}
		}
	}
	return fmt.Sprintf("%s a request holds %s records", in.Question.gathered(), number(first.SendFill))
}

// gathered says how records come to share a request.
func (q Question) gathered() string {
	if q.Together > 1 {
		return fmt.Sprintf("with %d records that come at once", q.Together)
	}
	return fmt.Sprintf("at %s/s and a linger of %v", number(q.Rate), q.Linger)
}

func (in Input) latencyFact(a Advice) string {
	first := a.Options[0].Option
	for _, other := range a.Ties {
		if in.faster(first, other) {
			return fmt.Sprintf("paired trials prove a lower processed p99 than that of %s", other.Label())
		}
	}
	q := in.Question
	if l, ok := in.proven(first); ok {
		return fmt.Sprintf("%s is %s, 95 %% interval %s to %s; the bound is %v", q.SLO.Metric, millis(l.Value), millis(l.Low), millis(l.High), q.SLO.Bound)
	}
	if q.SLO != nil {
		return fmt.Sprintf("nothing proves that %s stays below %v: %s", q.SLO.Metric, q.SLO.Bound, in.unproven(first))
	}
	return "no latency bound was asked for"
}

// unproven says why the latency of o is not known.
func (in Input) unproven(o cost.Option) string {
	e := in.of(o)
	switch {
	case e == nil:
		return "it was not measured"
	case e.StandIn:
		return "it was measured at a stand-in"
	case in.Question.SLO != nil && !e.atRate(in.Question):
		return fmt.Sprintf("it was measured at %s/s, and you ask about %s/s", number(e.Rate), number(in.Question.Rate))
	case in.Question.SLO != nil:
		return "the results have no " + in.Question.SLO.Metric
	}
	return ""
}

// caveats are what the advice does not cover.
func (in Input) caveats(a Advice) ([]string, error) {
	in.Question = a.Question
	if a.Recommendation == "" {
		return []string{"nothing that is offered here does what you ask; the changes above would make room"}, nil
	}
	var all []string
	first := a.Recommendation
	var paid []cost.Option // the best kind of queue and the best kind of gateway
	for _, c := range a.Options {
		same := func(o cost.Option) bool { return o.Transport() == c.Option.Transport() }
		if !c.Out && !broker(c.Option) && !slices.ContainsFunc(paid, same) {
			paid = append(paid, c.Option)
		}
	}
	if why := in.unproven(first); why != "" && !a.Options[0].SLOProven {
		usd, err := in.runUSD(paid)
		if err != nil {
			return nil, err
		}
		price := "less than $0.01"
		if usd >= 0.01 {
			price = dollars(usd)
		}
		all = append(all, fmt.Sprintf("latency unproven, %s; run with credentials (estimated cost %s)", why, price))
	}
	all = append(all, repeats(first))
	if queueFamily(first) && !broker(first) {
		all = append(all, "receive with long polling, and give the queue a dead-letter queue")
	}
	if in.Question.Replay {
		all = append(all, replay(first))
	}
	if e := in.of(first); e != nil && e.Lost+e.Ghosts == 0 && e.Records > 0 && in.Question.LossBound > 0 {
		if bound := stats.Upper95(e.Records); bound > in.Question.LossBound {
			all = append(all, fmt.Sprintf("no loss in %s records proves at most %.1g; your bound of %.1g needs about %s records",
				number(float64(e.Records)), bound, in.Question.LossBound, number(3/in.Question.LossBound)))
		}
	}
	all = append(all, fmt.Sprintf("prices: %s, retrieved %s, without free tier, taxes and data transfer", in.Book.ID, in.Book.Retrieved))
	for _, c := range a.Options {
		if broker(c.Option) && !c.Out {
			h := in.Book.Host(c.Option)
			all = append(all, fmt.Sprintf("%s: %s a month is %s", c.Option.Label(), dollars(h.PerMonth), h.Source))
		}
	}
	return all, nil
}
