package report

import (
	"fmt"

	"sluice/bench/result"
)

// verdictSection is the answer with its reasons and its limits.
func verdictSection(f *result.File) section {
	s := section{ID: "verdict", Title: "Verdict", StandIn: farEndNote(f), Lead: answer(f)}
	if all := pairs(f); len(all) > 0 {
		s.Blocks = append(s.Blocks, block{Table: comparisonTable(f, all[0])})
	}
	switch {
	case len(f.Trials) > 0:
		s.Blocks = append(s.Blocks, block{Table: glance(f)})
	case len(f.Searches) > 0:
		s.Blocks = append(s.Blocks, block{Table: searchTable(f)})
	}
	if open := limits(f); len(open) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "What this run does not prove:"}, block{List: open})
	}
	if len(f.Warnings) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "Warnings:"}, block{List: f.Warnings})
	}
	return s
}

// answer says in sentences what the first pair of transports shows.
func answer(f *result.File) string {
	all := pairs(f)
	if len(f.Trials) == 0 && len(f.Searches) > 0 {
		return "This run searched for the highest rate of each transport. It made no trials, so nothing was compared."
	}
	if len(all) == 0 {
		return "Nothing was compared: a comparison needs two transports and pairs of valid trials."
	}
	p := all[0]
	var a, b, same, open []string
	held, missing := 0, 0
	for _, c := range comparisonsOf(f, p) {
		name := label(c.Metric)
		switch {
		case !judged(c):
			missing++
		case withheld(c):
			held++
		case c.Verdict == result.ABetter:
			a = append(a, name)
		case c.Verdict == result.BBetter:
			b = append(b, name)
		case c.Verdict == result.Equivalent:
			same = append(same, name)
		default:
			open = append(open, name)
		}
	}
	text := fmt.Sprintf("%s against %s, in pairs of trials with the same arrivals and records.", p.A, p.B)
	for _, x := range []struct {
		names []string
		says  string
	}{{a, p.A + " is better in "}, {b, p.B + " is better in "}, {same, "Equivalent: "}, {open, "Not decided: "}} {
		if len(x.names) > 0 {
			text += " " + x.says + list(x.names) + "."
		}
	}
	if missing > 0 {
		text += fmt.Sprintf(" For %s there are too few pairs of valid trials.", plural(missing, "metric"))
	}
	if held > 0 {
		text += fmt.Sprintf(" %s without a verdict, of latency or throughput: the stand-in took part, and its times are not those of AWS.", are(held, "comparison"))
	}
	return text
}

func comparisonTable(f *result.File, p pair) *table {
	t := &table{Caption: p.A + " against " + p.B + ": " + typicalNote, Head: []string{"metric", p.A, p.B, p.A + " / " + p.B, "95 % interval", "pairs", "verdict"}}
	for _, c := range comparisonsOf(f, p) {
		v := td{Text: verdict(c), Class: "faint"}
		if !withheld(c) && (c.Verdict == result.ABetter || c.Verdict == result.BBetter) {
			v.Class = "good"
		}
		if judged(c) && !withheld(c) && c.Text != "" {
			v.Text = c.Text
		}
		a, b := typical(c)
		ratio := "–"
		if c.Ratio != 0 {
			ratio = factor(c.Ratio)
		}
		row := cells(label(c.Metric), a, b, ratio, interval(c), fmt.Sprint(c.Pairs))
		t.Rows = append(t.Rows, append(row, v))
	}
	return t
}

// glance has a column for each transport.
func glance(f *result.File) *table {
	names := f.Transports()
	phase := f.MainPhase()
	t := &table{Caption: "All transports: medians over the trials that count, sums of what is lost or duplicated" + ofPhase(phase), Head: append([]string{""}, names...)}
	row := func(name string, of func(string) string) {
		line := cells(name)
		for _, n := range names {
			line = append(line, td{Text: of(n)})
		}
		t.Rows = append(t.Rows, line)
	}
	row("far end", func(n string) string { return kind(f.Target(n)) })
	row("a record is processed when it is", func(n string) string { return consumer(f.Target(n)) })
	row("valid trials", func(n string) string { return trialCount(f, n) })
	for _, name := range headline {
		if m, ok := result.MetricNamed(name); ok {
			row(label(name), func(n string) string { return cell(f, m, n, phase) })
		}
	}
	return t
}
