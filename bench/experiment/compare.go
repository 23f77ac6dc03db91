package experiment

import (
	"fmt"
	"math"

	"sluice/bench/result"
	"sluice/bench/stats"
)

// family are the metrics that transports are compared by. The verdicts are adjusted for their number, six at most.
func family() []string {
	return []string{"accept.p50", "accept.p99", "processed.p50", "processed.p99", "throughput.max", "usd_per_million"}
}

// Compare compares the first transport that has a destination with each of the others, over the pairs in which the trials
// of both count for the metric.
func Compare(f *result.File) []result.Comparison {
	all := []result.Comparison{}
	var reference *result.Target
	for i := range f.Targets {
		target := &f.Targets[i]
		switch {
		case target.Kind == result.Null:
		case reference == nil:
			reference = target
		default:
			all = append(all, compare(f, reference, target)...)
		}
	}
	return all
}

func compare(f *result.File, a, b *result.Target) []result.Comparison {
	pairs := pairsOf(f.Trials, a.Transport, b.Transport)
	phase := f.MainPhase()
	var all []result.Comparison
	var judge []stats.Metric
	var places []int // of those in all
	for _, name := range family() {
		m, _ := result.MetricNamed(name)
		c := result.Comparison{Metric: m.Name, Unit: m.Unit, Higher: m.Higher, A: a.Transport, B: b.Transport,
			Verdict: result.NoVerdict, StandIn: a.Kind != result.AWS || b.Kind != result.AWS, Values: [][2]float64{}}
		if m.Latency() {
			c.Phase = phase
		}
		metric := stats.Metric{Name: m.Name, HigherIsBetter: m.Higher}
		for _, p := range pairs {
			x, okA := m.Of(&p[0], phase)
			y, okB := m.Of(&p[1], phase)
			counts := p[0].CountsFor(m) && p[1].CountsFor(m)
			if counts && okA && okB && x > 0 && y > 0 {
				c.Values = append(c.Values, [2]float64{x, y})
				metric.A, metric.B = append(metric.A, x), append(metric.B, y)
			}
		}
		c.Pairs = len(c.Values)
		if c.Pairs < 2 {
			c.Text = fmt.Sprintf("no verdict: %d pairs of valid trials", c.Pairs)
		} else {
			judge, places = append(judge, metric), append(places, len(all))
		}
		all = append(all, c)
	}
	if len(judge) == 0 {
		return all
	}
	judged, err := stats.Judge(judge, stats.Options{})
	for i, place := range places {
		if err != nil {
			all[place].Text = "no verdict: " + err.Error()
			continue
		}
		fill(&all[place], judged[i])
	}
	return all
}

// pairsOf returns the trials of a and b of the same pair.
func pairsOf(trials []result.Trial, a, b string) [][2]result.Trial {
	byPair := map[int]map[string]result.Trial{}
	last := -1
	for _, t := range trials {
		if byPair[t.Pair] == nil {
			byPair[t.Pair] = map[string]result.Trial{}
		}
		byPair[t.Pair][t.Transport] = t
		last = max(last, t.Pair)
	}
	var all [][2]result.Trial
	for pair := 0; pair <= last; pair++ {
		x, okA := byPair[pair][a]
		y, okB := byPair[pair][b]
		if okA && okB {
			all = append(all, [2]result.Trial{x, y})
		}
	}
	return all
}

func fill(c *result.Comparison, j stats.Judgement) {
	c.TypicalA, c.TypicalB = geometric(c.Values, 0), geometric(c.Values, 1)
	c.Ratio, c.CI95, c.HLCI95 = j.Ratio, j.CI, j.WilcoxonCI
	c.HL, c.P, c.HolmP = j.HodgesLehmann, j.P, j.HolmP
	c.Verdict, c.Needs = string(j.Verdict), j.Needs
	c.Text = j.Text(c.A, c.B)
	if c.StandIn {
		c.Text += " (not AWS)"
	}
}

// geometric is the geometric mean of one side of the pairs.
func geometric(values [][2]float64, side int) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v[side])
	}
	return math.Exp(sum / float64(len(values)))
}
