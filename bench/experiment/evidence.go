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
	case t.Transport == "apigateway":
		return cost.REST
	}
	return cost.Option(t.Transport)
}

// evidence adds up the trials of one transport.
func evidence(f *result.File, target result.Target, phase string) advise.Evidence {
	e := advise.Evidence{Option: optionOf(target), StandIn: target.Kind != result.AWS && target.Kind != result.Remote,
		Linger: time.Duration(target.Linger * float64(time.Millisecond)), Latencies: map[string]advise.Latency{}}
	requests, sent, retries, empty := 0, 0, 0, int64(0)
	for i := range f.Trials {
		t := &f.Trials[i]
		if t.Transport != target.Transport {
			continue
		}
		e.Records += t.Audit.Accepted
		e.Lost += t.Audit.Lost
		e.Ghosts += t.Audit.Ghosts
		requests += t.Attempts
		sent += t.Audit.Sent
		retries += t.Audit.Retries
		empty += t.Units.Empty
		if p := t.Phase(phase); p != nil {
			e.Rate = p.OfferedRate
		}
	}
	if sent > 0 && requests > 0 {
		e.Attempts = 1 + float64(retries)/float64(sent)
		e.SendFill = float64(sent+retries) / float64(requests)
		e.Empty = float64(empty) / float64(sent)
	}
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

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
