package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sluice/bench/result"
)

// headline are the metrics that stand for a run.
var headline = []string{"accept.p50", "accept.p99", "processed.p50", "processed.p99", "throughput.max", "throughput.max_processed", "usd_per_million",
	"lost", "duplicates", "cpu_per_record", "allocs_per_record"}

// short names metrics in narrow columns; the others keep their titles.
var short = map[string]string{"throughput.max": "max accepted/s", "throughput.max_processed": "max processed/s", "usd_per_million": "$ per million", "cpu_per_record": "CPU per record",
	"allocs_per_record": "allocs per record", "bytes_per_record": "bytes per record", "requests_per_record": "requests/record", "peak_rss": "peak memory"}

func label(metric string) string {
	if name, ok := short[metric]; ok {
		return name
	}
	if m, ok := result.MetricNamed(metric); ok {
		return m.Title
	}
	return metric
}

// kind says what the far end of a transport was.
func kind(t result.Target) string {
	switch t.Kind {
	case "":
		return "unknown"
	case result.AWS:
		return "AWS"
	case result.Null:
		return "none"
	}
	return t.Kind
}

// standIns names the transports that ended in the stand-in.
func standIns(f *result.File) []string {
	var names []string
	for _, name := range f.Transports() {
		if f.Target(name).Kind == result.StandIn {
			names = append(names, name)
		}
	}
	return names
}

// list writes names as in a sentence.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// standInNote says that results of a stand-in are no results of AWS; empty if there are none.
func standInNote(f *result.File) string {
	names := standIns(f)
	if len(names) == 0 {
		return ""
	}
	ends := "their far end was"
	if len(names) == 1 {
		ends = "its far end was"
	}
	return fmt.Sprintf("%s: %s the stand-in, our own server on this machine. This run gives no verdict about the latency or throughput of AWS.", list(names), ends)
}

// middle is the median over trials, or the sum of what is counted; ok is false if no trial has the metric.
func middle(f *result.File, m result.Metric, transport, phase string) (float64, bool) {
	values := f.Values(m, transport, phase)
	if len(values) == 0 {
		return 0, false
	}
	if m.Counted {
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return sum, true
	}
	return median(values), true
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// cell writes the middle of a metric; a dash where there is none.
func cell(f *result.File, m result.Metric, transport, phase string) string {
	v, ok := middle(f, m, transport, phase)
	if !ok {
		return "–"
	}
	return result.Quantity(v, m.Unit)
}

// trialsOf counts the trials of a transport.
func trialsOf(f *result.File, transport string) (valid, invalid int) {
	for _, t := range f.Trials {
		switch {
		case t.Transport != transport:
		case t.Valid:
			valid++
		default:
			invalid++
		}
	}
	return valid, invalid
}

func trialCount(f *result.File, transport string) string {
	valid, invalid := trialsOf(f, transport)
	if invalid > 0 {
		return fmt.Sprintf("%d of %d", valid, valid+invalid)
	}
	return fmt.Sprint(valid)
}

// A pair is two transports that were compared.
type pair struct{ A, B string }

// pairs returns the compared pairs: the question of queue or gateway first, then as they stand in the file. Without trials
// nothing was compared, whatever was to be.
func pairs(f *result.File) []pair {
	var all []pair
	if len(f.Trials) == 0 {
		return nil
	}
	for _, c := range f.Comparisons {
		p := pair{c.A, c.B}
		switch {
		case slices.Contains(all, p):
		case p == pair{"sqs", "apigateway"}:
			all = slices.Insert(all, 0, p)
		default:
			all = append(all, p)
		}
	}
	return all
}

func comparisonsOf(f *result.File, p pair) []result.Comparison {
	var all []result.Comparison
	for _, c := range f.Comparisons {
		if c.A == p.A && c.B == p.B {
			all = append(all, c)
		}
	}
	return all
}

// aboutFarEnd reports whether a metric says something about the far end, and not about the sender alone.
func aboutFarEnd(metric string) bool {
	m, ok := result.MetricNamed(metric)
	return !ok || m.Latency() || m.Unit == "/s" || m.Unit == "s"
}

// withheld reports whether a comparison must not be read as one of AWS.
func withheld(c result.Comparison) bool { return c.StandIn && aboutFarEnd(c.Metric) }

// verdict says in a few words what a comparison proves.
func verdict(c result.Comparison) string {
	switch {
	case !judged(c):
		return "none: " + pairCount(c.Pairs)
	case withheld(c):
		return "none: stand-in"
	case c.Verdict == result.ABetter:
		return c.A + " better"
	case c.Verdict == result.BBetter:
		return c.B + " better"
	case c.Verdict == result.Equivalent:
		return "equivalent"
	case c.Verdict == result.Inconclusive && c.Needs > 0:
		return fmt.Sprintf("open: ~%d pairs", c.Needs)
	case c.Verdict == result.Inconclusive:
		return "open: >1000 pairs"
	}
	return "no verdict"
}

// judged reports whether there are numbers that a verdict could be about.
func judged(c result.Comparison) bool { return c.Verdict != result.NoVerdict && c.Pairs > 0 }

func pairCount(n int) string { return plural(n, "pair") }

// typicalNote says what the numbers of typical are.
const typicalNote = "geometric means over the pairs in which both trials count for the metric"

// typical writes the two typical values of a comparison; dashes where there are none.
func typical(c result.Comparison) (a, b string) {
	if c.TypicalA == 0 && c.TypicalB == 0 && !judged(c) {
		return "–", "–"
	}
	return result.Quantity(c.TypicalA, c.Unit), result.Quantity(c.TypicalB, c.Unit)
}

// ratio writes a ratio with its interval.
func ratio(c result.Comparison) string {
	if c.Ratio == 0 {
		return "–"
	}
	return factor(c.Ratio) + " " + interval(c)
}

func interval(c result.Comparison) string {
	if c.Pairs < 2 || !(c.CI95.High > 0) {
		return "–"
	}
	return fmt.Sprintf("[%s, %s]", factor(c.CI95.Low), factor(c.CI95.High))
}

// factor writes a ratio so that those near 1 can be told apart.
func factor(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v >= 100:
		return result.Plain(v)
	case v >= 0.995:
		return fmt.Sprintf("%.2f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.3f", v)
	}
	return result.Plain(v)
}

// span writes a duration in its two largest units.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch {
	case seconds < 10:
		return result.Span(seconds * 1000)
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return result.Plain(float64(n)) + " " + noun + "s"
}
