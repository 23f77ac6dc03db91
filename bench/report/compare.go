package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"sluice/bench/result"
)

// Comparison prints how the metrics of two runs changed, for a terminal with so many columns. Runs that are not comparable
// are an error of type *result.NotComparable, unless forced; then the text says so at its beginning and at its end.
func Comparison(w io.Writer, a, b *result.File, width int, force bool) error {
	c, err := result.Compare(a, b)
	if err != nil {
		return err
	}
	if !c.OK() && !force {
		return &result.NotComparable{Differences: c.Refused}
	}
	p := &printer{width: max(width, leastWidth)}
	stamp := func() {
		if !c.OK() {
			p.wrap("NOT COMPARABLE  ", "these runs were not the same experiment; their numbers say nothing about each other.")
		}
	}
	stamp()
	p.section("They differ, which forbids the comparison, in", sentences(c.Refused))
	p.section("They also differ in", sentences(c.Warned))
	if names := standIns(a); len(names) > 0 {
		p.line("")
		p.wrap("STAND-IN  ", list(names)+": latency and throughput are those of the stand-in, not of AWS.")
	}
	p.line("")
	p.line("A = %s of %s", a.Run.ID, a.Run.Started.UTC().Format("2006-01-02 15:04"))
	p.line("B = %s of %s", b.Run.ID, b.Run.Started.UTC().Format("2006-01-02 15:04"))
	last := ""
	for _, change := range result.Changes(a, b, c.Common) {
		if !compared(change) {
			continue
		}
		if change.Transport != last {
			last = change.Transport
			p.line("")
			p.change(last, "A ±95 %", "B ±95 %", "B/A [95 % CI]")
			p.rule()
		}
		p.change(label(change.Metric.Name), estimate(change.A, change.Metric.Unit), estimate(change.B, change.Metric.Unit), times(change))
	}
	p.line("")
	p.wrap("", "Geometric means over the trials of each run that count, sums of what is counted. The runs are not paired: whatever changed between them is in the ratios, so there is no verdict.")
	stamp()
	_, err = io.WriteString(w, strings.TrimPrefix(p.String(), "\n"))
	return err
}

func sentences(differences []result.Difference) []string {
	all := make([]string, len(differences))
	for i, d := range differences {
		all[i] = d.String()
	}
	return all
}

// compared selects what is shown of a change: the headline, what else the sender took, and counts that are not 0.
func compared(c result.Change) bool {
	if c.Metric.Counted {
		return c.A.Mid != 0 || c.B.Mid != 0 || c.Metric.Name == "lost"
	}
	return slices.Contains(headline, c.Metric.Name) || slices.Contains([]string{"bytes_per_record", "requests_per_record", "peak_rss"}, c.Metric.Name)
}

func (p *printer) change(metric, a, b, ratio string) {
	p.line("%s%s%s%s", pad(fit(metric, 18), 18), right(fit(a, 18), 19), right(fit(b, 18), 19), right(fit(ratio, 22), 24))
}

// estimate writes a value and how far its interval reaches, in percent of it.
func estimate(e result.Estimate, unit string) string {
	text := result.Quantity(e.Mid, unit)
	if !e.Bounded() || e.Low == e.High || !(e.Low > 0) {
		return text
	}
	reach := 100 * (math.Sqrt(e.High/e.Low) - 1)
	if reach > 1000 {
		return text + " ±much"
	}
	return fmt.Sprintf("%s ±%.1f%%", text, reach)
}

func times(c result.Change) string {
	switch r := c.Ratio; {
	case c.Metric.Counted && c.A.Mid == c.B.Mid:
		return "the same"
	case math.IsNaN(r.Mid) || math.IsInf(r.Mid, 0):
		return "–"
	case !r.Bounded() || r.Low == r.High:
		return factor(r.Mid)
	default:
		return fmt.Sprintf("%s [%s, %s]", factor(r.Mid), factor(r.Low), factor(r.High))
	}
}

// Gate prints what a gate found, for a terminal with so many columns.
func Gate(w io.Writer, g result.GateResult, width int) error {
	p := &printer{width: max(width, leastWidth)}
	rule := ""
	for _, f := range g.Findings {
		if f.Rule.Text != rule {
			rule = f.Rule.Text
			p.wrap("fail if ", rule)
		}
		p.wrap("  "+pad(string(f.Outcome), 13), f.Text)
	}
	p.section("Notes", g.Notes)
	p.line("")
	if g.Failed {
		p.line("gate: FAIL")
	} else {
		p.line("gate: pass")
	}
	_, err := io.WriteString(w, p.String())
	return err
}
