package experiment

import (
	"strings"
	"time"

	"sluice/bench/advise"
	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/stats"
)

// Evidence is what a run says to an advice: what was counted and measured of each option, and the judgements on pairs.
// Prices are those by which the run was billed.
func Evidence(f *result.File) (advise.Input, error) {
	book, err := cost.ParseBook([]byte(f.PriceBook.Doc))
	in := advise.Input{Book: book}
	if err != nil {
		return in, err
	}
	phase := f.MainPhase()
	for _, target := range f.Targets {
		if target.Kind != result.Null {
			in.Evidence = append(in.Evidence, evidence(f, target, phase))
		}
	}
	for _, c := range f.Comparisons {
		if c.Verdict == result.NoVerdict {
			continue
		}
		in.Compared = append(in.Compared, advise.Compared{A: optionOf(f.Target(c.A)), B: optionOf(f.Target(c.B)),
			Judgement: stats.Judgement{Metric: c.Metric, HigherIsBetter: c.Higher, HolmP: c.HolmP, Verdict: stats.Verdict(c.Verdict), Needs: c.Needs,
				Comparison: stats.Comparison{Pairs: c.Pairs, Ratio: c.Ratio, CI: c.CI95, P: c.P, HodgesLehmann: c.HL, WilcoxonCI: c.HLCI95}}})
	}
	return in, nil
}

// optionOf is how a target is billed.
func optionOf(t result.Target) cost.Option {
	switch {
	case t.Transport == "sqs" && strings.HasSuffix(t.Name, ".fifo"):
		return cost.SQSFIFO
	case t.Transport == "sqs":
		return cost.SQSStandard
	case t.Transport == "apigateway" && t.Settings["api"] == "http":
		return cost.HTTPAPI
	case t.Transport == "apigateway":
		return cost.REST
	}
	return cost.Option(t.Transport)
}

// evidence adds up the trials of one transport.
func evidence(f *result.File, target result.Target, phase string) advise.Evidence {
	e := advise.Evidence{Option: optionOf(target), StandIn: target.Kind != result.AWS && target.Kind != result.Remote,
		Linger: time.Duration(target.Linger * float64(time.Millisecond)), Latencies: map[string]advise.Latency{}}
	var count counts
	for i := range f.Trials {
		t := &f.Trials[i]
		if t.Transport != target.Transport {
			continue
		}
		if f.Audited(t.Transport) {
			e.Records += t.Audit.Accepted
			e.Lost += t.Audit.Lost
			e.Ghosts += t.Audit.Ghosts
		}
		count.add(t, phase)
	}
	count.into(&e)
	for _, name := range []string{"accept.p50", "accept.p99", "processed.p50", "processed.p99"} {
		m, _ := result.MetricNamed(name)
		if values := f.Values(m, target.Transport, phase); len(values) > 1 {
			if typical := result.Typical(values); typical.Bounded() {
				e.Latencies[name] = advise.Latency{Value: millis(typical.Mid), Low: millis(typical.Low), High: millis(typical.High)}
			}
		}
	}
	return e
}

// counts are those of the phase that an advice is about, over the trials. A closed phase fills its requests however slowly
// records come otherwise, and a fault repeats them: neither says what a month's requests are like.
type counts struct {
	arrived                 int // records, in all trials
	seconds                 float64
	offered, sent, requests int // in calm trials; sent: records in requests, repeats included

	alone int   // records of trials without another measured phase
	empty int64 // receives of these trials that brought nothing; they are counted by the trial
}

func (c *counts) add(t *result.Trial, phase string) {
	p := t.Phase(phase)
	if p == nil {
		return
	}
	c.arrived += p.Offered
	c.seconds += p.Seconds
	if p.Kind != "open" || !t.Valid {
		return
	}
	for _, fired := range t.Faults {
		if fired > 0 {
			return
		}
	}
	c.offered += p.Offered
	c.sent += p.Sent
	c.requests += p.Requests
	if len(t.Phases) == 1 {
		c.alone += t.Audit.Sent
		c.empty += t.Units.Empty
	}
}

func (c *counts) into(e *advise.Evidence) {
	if c.seconds > 0 {
		e.Rate = float64(c.arrived) / c.seconds
	}
	if c.offered > 0 && c.requests > 0 {
		e.Attempts = max(1, float64(c.sent)/float64(c.offered))
		e.SendFill = float64(c.sent) / float64(c.requests)
	}
	if c.alone > 0 {
		e.Empty = float64(c.empty) / float64(c.alone)
	}
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
