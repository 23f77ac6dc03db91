package result

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// An Outcome of a rule.
type Outcome string

const (
	Passed    Outcome = "pass"
	Failed    Outcome = "FAIL"
	Undecided Outcome = "inconclusive" // the typical value is beyond the limit, its interval is not
	Unknown   Outcome = "no data"      // nothing valid was measured; a gate that sees nothing does not open
)

// GateOptions say how sure a gate wants to be.
type GateOptions struct {
	// Strict asks for proof that all is well: a rule fails unless the whole interval is on the right side of the limit.
	// Without it a rule fails only if the whole interval is on the wrong side: if the regression is proved.
	Strict bool
	// FailUndecided counts a rule that is Undecided as failed.
	FailUndecided bool
	// Force compares with a baseline that is not comparable; the result says so.
	Force bool
}

// A Finding is what a rule says about one transport.
type Finding struct {
	Rule      Rule
	Transport string
	Value     Estimate // of the ratio, if the rule is relative
	Outcome   Outcome
	Text      string // one sentence
}

// A GateResult is what a gate says about a run.
type GateResult struct {
	Findings []Finding
	Notes    []string // what limits the meaning of the result
	Failed   bool     // the command ends with 99
}

// Gate applies rules to f. baseline is needed by relative rules only, else nil. The error is a *RuleError if a rule is wrong
// (exit 64), a *NotComparable if the baseline is another experiment (exit 78).
func Gate(f, baseline *File, texts []string, o GateOptions) (GateResult, error) {
	if len(texts) == 0 {
		return GateResult{}, &RuleError{"", "there is no rule; metrics are " + metricNames()}
	}
	rules := make([]Rule, len(texts))
	relative := false
	for i, text := range texts {
		r, err := ParseRule(text)
		if err != nil {
			return GateResult{}, err
		}
		if err := r.suits(f); err != nil {
			return GateResult{}, err
		}
		if r.Relative && baseline == nil {
			return GateResult{}, &RuleError{text, "a ratio needs a baseline to relate to"}
		}
		rules[i], relative = r, relative || r.Relative
	}
	var g GateResult
	if relative {
		notes, err := relate(f, baseline, o)
		if err != nil {
			return GateResult{}, err
		}
		g.Notes = notes
	}
	if f.Run.Partial != "" {
		g.Notes = append(g.Notes, "the run is partial: "+f.Run.Partial)
	}
	for _, r := range rules {
		before := len(g.Findings)
		for _, name := range f.Transports() {
			if r.concerns(f, name) {
				g.Findings = append(g.Findings, r.judge(f, baseline, name, o))
			}
		}
		if len(g.Findings) == before {
			g.Findings = append(g.Findings, Finding{Rule: r, Outcome: Unknown, Text: "no transport of the run has " + r.Metric.Name})
		}
	}
	for _, finding := range g.Findings {
		g.Failed = g.Failed || finding.Outcome == Failed || finding.Outcome == Unknown ||
			finding.Outcome == Undecided && o.FailUndecided
	}
	return g, nil
}

// relate checks that the baseline is the same experiment, and says what weakens the comparison.
func relate(f, baseline *File, o GateOptions) ([]string, error) {
	c, err := Compare(baseline, f)
	if err != nil {
		return nil, err
	}
	notes := []string{"the runs are not paired: whatever changed between them is in the ratios"}
	if !c.OK() {
		if !o.Force {
			return nil, &NotComparable{c.Refused}
		}
		notes = append(notes, "NOT COMPARABLE, compared all the same: "+(&NotComparable{c.Refused}).Error())
	}
	if len(c.Warned) > 0 {
		notes = append(notes, fmt.Sprintf("%d other fields differ, the first: %s", len(c.Warned), c.Warned[0]))
	}
	return notes, nil
}

// suits reports a rule about a transport or a phase that the run does not have.
func (r Rule) suits(f *File) error {
	if names := f.Transports(); r.Transport != "" && !slices.Contains(names, r.Transport) {
		return &RuleError{r.Text, fmt.Sprintf("the run has no transport %q; it has %s", r.Transport, strings.Join(names, ", "))}
	}
	if r.Phase == "" {
		return nil
	}
	for i := range f.Trials {
		if f.Trials[i].Phase(r.Phase) != nil {
			return nil
		}
	}
	return &RuleError{r.Text, fmt.Sprintf("the run has no phase %q", r.Phase)}
}

// concerns reports whether the rule is about a transport. One that names none is not about those that cannot have the
// metric: the null transport has no far end to lose at, and a server of one's own has no price per record.
func (r Rule) concerns(f *File, transport string) bool {
	if r.Transport != "" {
		return r.Transport == transport
	}
	return !(r.Metric.Seen && f.Target(transport).Kind == Null) && !(r.Metric.Billed && f.free(transport))
}

// free reports whether a transport took records and used nothing that is billed.
func (f *File) free(transport string) bool {
	took := 0
	for i := range f.Trials {
		if t := &f.Trials[i]; t.Transport == transport {
			if t.Billed() {
				return false
			}
			took += t.Audit.Accepted
		}
	}
	return took > 0
}

func (r Rule) judge(f, baseline *File, transport string, o GateOptions) Finding {
	phase := r.Phase
	if phase == "" {
		phase = f.MainPhase()
	}
	out := Finding{Rule: r, Transport: transport, Outcome: Unknown}
	values := f.Values(r.Metric, transport, phase)
	if r.Metric.Seen && !f.Audited(transport) {
		out.Text = fmt.Sprintf("%s: %s is not known, because nothing is read back where the reply counts as the end", transport, r.Metric.Name)
		return out
	}
	if len(values) == 0 {
		out.Text = fmt.Sprintf("%s: no valid trial has %s", transport, r.Metric.Name)
		if r.Metric.Billed && f.free(transport) {
			out.Text = fmt.Sprintf("%s: nothing that it used is billed, so there is no %s", transport, r.Metric.Name)
		}
		return out
	}
	out.Value = estimate(r.Metric, values)
	if r.Relative {
		before := baseline.Values(r.Metric, transport, phase)
		if len(before) == 0 {
			out.Text = fmt.Sprintf("%s: no valid trial of the baseline has %s", transport, r.Metric.Name)
			return out
		}
		out.Value = Ratio(values, before)
		if r.Metric.Counted {
			out.Value = ratioOfCounts(sum(values), sum(before))
		}
	}
	out.Outcome = r.outcome(out.Value, o.Strict)
	out.Text = r.sentence(out, f.Target(transport).Kind)
	return out
}

// ratioOfCounts takes counts as they are: an increase from nothing is beyond every limit.
func ratioOfCounts(now, before float64) Estimate {
	switch {
	case now == before:
		return exact(1, 1)
	case before == 0:
		return exact(1, math.Inf(1))
	}
	return exact(1, now/before)
}

// beyond reports whether v meets the condition under which the rule fails.
func (r Rule) beyond(v float64) bool {
	switch r.Op {
	case ">":
		return v > r.Limit
	case ">=":
		return v >= r.Limit
	case "<":
		return v < r.Limit
	}
	return v <= r.Limit
}

// outcome holds an estimate against the limit. The end of the interval that is farthest from being beyond the limit has
// to be beyond it for a proved failure; the other end must not be for a strict pass.
func (r Rule) outcome(e Estimate, strict bool) Outcome {
	best, worst := e.Low, e.High
	if strings.HasPrefix(r.Op, "<") {
		best, worst = e.High, e.Low
	}
	switch {
	case r.beyond(best):
		return Failed
	case strict && r.beyond(worst):
		return Failed
	case r.beyond(e.Mid):
		return Undecided
	}
	return Passed
}

func (r Rule) sentence(f Finding, kind string) string {
	unit := r.Metric.Unit
	if r.Relative {
		unit = "x"
	}
	text := fmt.Sprintf("%s %s is %s", f.Transport, r.Metric.Name, Quantity(f.Value.Mid, unit))
	if r.Relative {
		text = fmt.Sprintf("%s %s is %s times the baseline's", f.Transport, r.Metric.Name, Quantity(f.Value.Mid, ""))
	}
	switch {
	case r.Metric.Counted:
	case !f.Value.Bounded():
		text += ", without an interval: too few trials"
	case f.Value.Low < f.Value.High:
		text += fmt.Sprintf(" (95 %%: %s to %s)", Quantity(f.Value.Low, strings.Trim(unit, "x")), Quantity(f.Value.High, strings.Trim(unit, "x")))
	}
	if r.Metric.Latency() && kind == StandIn {
		text += "; this is the stand-in's latency, not AWS's"
	}
	return text
}
