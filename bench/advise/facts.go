package advise

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

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
	come := "one by one"
	if q.Together > 1 {
		come = fmt.Sprintf("%s at once", number(float64(q.Together)))
	}
	workload := fmt.Sprintf("for %s records of %s that come %s", number(q.RecordsPerMonth), bytesText(q.Size), come)
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
	if slo := in.Question.SLO; slo != nil && !a.Options[0].SLOProven {
		all = append(all, slo.doubt(first)...)
	}
	all = append(all, repeats(first)+choose(in.Question.NoDuplicates, ", for nothing that is offered here prevents every repeat: let it note the IDs of the records it has done, in the same transaction as their effect", ""))
	if queueFamily(first) && !broker(first) {
		all = append(all, "receive with long polling, and give the queue a dead-letter queue")
	}
	all = append(all, in.lossCaveat(first)...)
	if in.Question.beyondHost(first) {
		all = append(all, fmt.Sprintf("the capacity of one host is not known: a published comparison saw one node of %s take about %s/s of 1 KB and %s/s of 64 KB, and yours come at up to %s/s of %s",
			first.Label(), number(hostRates[first].small), number(hostRates[first].large), number(in.Question.Burst), bytesText(in.Question.Size)))
	}
	all = append(all, fmt.Sprintf("prices: %s, retrieved %s, without free tier, taxes and data transfer", in.Book.ID, in.Book.Retrieved))
	for _, c := range a.Options {
		if broker(c.Option) && !c.Out {
			h := in.Book.Host(c.Option)
			all = append(all, fmt.Sprintf("%s: %s a month is %s%s", c.Option.Label(), dollars(h.PerMonth), h.Source, breakEven(h.PerMonth, c, a.Options)))
		}
	}
	return all, nil
}

// doubt says that a bound that nothing has proven for o is below what was published for it.
func (s SLO) doubt(o cost.Option) []string {
	p, known := publishedLatencies[o]
	if !known || strings.HasPrefix(s.Metric, "accept.") && queueFamily(o) {
		return nil
	}
	quantile, value := "p50", p.p50
	if strings.HasSuffix(s.Metric, ".p99") {
		quantile, value = "p99", p.p99
	}
	if s.Bound >= value {
		return nil
	}
	return []string{fmt.Sprintf("the bound of %v is below what was published: a %s of %v %s", s.Bound, quantile, value, p.what)}
}

// lossCaveat says what was lost of o where no bound judges it, and what a bound asks for that too few records prove.
func (in Input) lossCaveat(o cost.Option) []string {
	e, bound := in.of(o), in.Question.LossBound
	if e == nil || e.Records == 0 {
		return nil
	}
	bad := e.Lost + e.Ghosts
	switch {
	case bound == nil && bad > 0:
		return []string{fmt.Sprintf("%d of %s records were lost or are ghosts; a bound on losses would judge it", bad, number(float64(e.Records)))}
	case bound == nil || bad > 0:
		return nil
	case *bound == 0:
		return []string{fmt.Sprintf("no loss in %s records proves at most %.1g; that none is ever lost, no number of records proves", number(float64(e.Records)), stats.Upper95(e.Records))}
	}
	if proven := stats.Upper95(e.Records); proven > *bound {
		return []string{fmt.Sprintf("no loss in %s records proves at most %.1g; your bound of %.1g needs about %s records", number(float64(e.Records)), proven, *bound, number(3 / *bound))}
	}
	return nil
}

// breakEven says from which volume the broker own is cheaper than the cheapest surviving service that is paid by the record,
// if the first million's prices went on.
func breakEven(fixed float64, own Candidate, all []Candidate) string {
	for _, c := range all {
		if c.Out || !c.Priced || broker(c.Option) {
			continue
		}
		n, ok := cost.BreakEven(fixed, c.PerMillion, own.PerMillion)
		switch {
		case !ok:
			return fmt.Sprintf("; it pays at no volume, against %s", c.Option.Label())
		case n == 0:
			return fmt.Sprintf("; it pays at any volume, against %s", c.Option.Label())
		}
		digit := math.Pow(10, math.Floor(math.Log10(n))-1) // the second
		return fmt.Sprintf("; with requests as full as these it pays from about %s records a month, against %s", number(math.Round(n/digit)*digit), c.Option.Label())
	}
	return ""
}
