package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"sluice/bench/report/svg"
	"sluice/bench/result"
)

func loadSection(f *result.File) section {
	s := section{ID: "load", Title: "Throughput and load", StandIn: farEndNote(f),
		Lead: "Closed phases send as fast as they are answered, with so many senders: they measure the highest rate that is accepted, which is no rate that lasts where processing falls behind. Latency against load comes from open phases, whose arrivals do not wait for answers."}
	var grid []figure
	for _, phase := range phasesOf(f, "closed") {
		if fig := throughput(f, phase); fig.SVG != "" {
			grid = append(grid, fig)
		}
	}
	for _, phase := range searchPhases(f) {
		for _, fig := range []figure{scaling(f, phase), hockeyStick(f, phase)} {
			if fig.SVG != "" {
				grid = append(grid, fig)
			}
		}
	}
	if len(grid) > 0 {
		s.Blocks = append(s.Blocks, block{Grid: grid})
	}
	if behind := growing(f); len(behind) > 0 {
		s.Blocks = append(s.Blocks, block{List: behind})
	}
	if len(f.Searches) > 0 && len(f.Trials) > 0 { // else it is the verdict
		s.Blocks = append(s.Blocks, block{Table: searchTable(f)})
	}
	return s
}

// phasesOf names the phases of a kind, in the order of the first trial that has them.
func phasesOf(f *result.File, kind string) []string {
	var names []string
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if p.Kind == kind && !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

func searchPhases(f *result.File) []string {
	var names []string
	for _, s := range f.Searches {
		if !slices.Contains(names, s.Phase) {
			names = append(names, s.Phase)
		}
	}
	return names
}

// throughput draws the rate over the number of senders, or one row per transport where there is one number only.
func throughput(f *result.File, phase string) figure {
	rates := map[string]map[int][]float64{}
	senders := map[int]bool{}
	most, _ := result.MetricNamed("throughput.max")
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if !t.CountsFor(most) || p.Name != phase || p.Kind != "closed" {
				continue
			}
			if rates[t.Transport] == nil {
				rates[t.Transport] = map[int][]float64{}
			}
			rates[t.Transport][p.Concurrency] = append(rates[t.Transport][p.Concurrency], p.AcceptedRate)
			senders[p.Concurrency] = true
		}
	}
	data := &table{Caption: "Records accepted per second, phase " + phase + ", medians over the trials", Head: []string{"senders"}}
	steps := sortedKeys(senders)
	chart := svg.Chart{Title: "Accepted rate by number of senders, phase " + phase, Desc: "One line per transport; higher is better.",
		X: svg.Axis{Label: "requests at once", Log: true}, Y: svg.Axis{Label: "records accepted per second", Log: true}}
	rows := svg.Rows{Title: "Accepted rate, phase " + phase, Desc: "One row per transport; higher is better.", Axis: svg.Axis{Label: "records accepted per second", Log: true}}
	for _, n := range steps {
		chart.X.Ticks = append(chart.X.Ticks, svg.Tick{At: float64(n), Label: svg.Number(float64(n))})
		data.Rows = append(data.Rows, cells(svg.Number(float64(n))))
	}
	for _, name := range f.Transports() {
		if rates[name] == nil {
			continue
		}
		data.Head = append(data.Head, name)
		s := svg.Series{Name: name, Style: styleOf(name)}
		for i, n := range steps {
			v := rates[name][n]
			if len(v) == 0 {
				data.Rows[i] = append(data.Rows[i], td{Text: "–"})
				continue
			}
			mid := median(v)
			data.Rows[i] = append(data.Rows[i], td{Text: result.Plain(mid)})
			s.Line = append(s.Line, svg.Point{X: float64(n), Y: mid})
			s.Band = append(s.Band, svg.Range{X: float64(n), Low: slices.Min(v), High: slices.Max(v)})
			s.Dots = append(s.Dots, svg.Dot{X: float64(n), Y: mid, Tip: fmt.Sprintf("%s with %d at once: %s/s", name, n, result.Plain(mid))})
			rows.Rows = append(rows.Rows, svg.Row{Name: name, Style: s.Style, Dots: v, Mid: mid, Text: result.Plain(mid) + "/s"})
		}
		chart.Series = append(chart.Series, s)
	}
	drawn := chart.Draw()
	note := "Median over the trials that count, bands from lowest to highest."
	if len(steps) == 1 {
		drawn = rows.Draw()
		note = fmt.Sprintf("With %s at once; small dots are trials, the sign is their median.", plural(steps[0], "request"))
	}
	return figure{Title: "Highest accepted rate, phase " + phase, Note: note, SVG: template.HTML(drawn), Data: data}
}

// scaling draws the closed steps of a search with the fitted law.
func scaling(f *result.File, phase string) figure {
	chart := svg.Chart{Title: "Throughput by number of senders, search " + phase, Desc: "Dots are measured, lines are fitted.",
		X: svg.Axis{Label: "requests at once", Log: true}, Y: svg.Axis{Label: "records per second"}}
	data := &table{Caption: "Closed steps of " + phase, Head: []string{"transport", "at once", "per second", "fitted"}}
	for _, search := range f.Searches {
		if search.Phase != phase {
			continue
		}
		s := svg.Series{Name: search.Transport, Style: styleOf(search.Transport)}
		most := 0.0
		for _, step := range search.Steps {
			if step.Kind != "closed" {
				continue
			}
			n := float64(step.Concurrency)
			most = max(most, n)
			s.Dots = append(s.Dots, svg.Dot{X: n, Y: step.Achieved, Tip: fmt.Sprintf("%s with %s at once: %s/s", search.Transport, svg.Number(n), result.Plain(step.Achieved))})
			data.Rows = append(data.Rows, cells(search.Transport, svg.Number(n), result.Plain(step.Achieved), fitted(search.USL, n)))
		}
		for x := 1.0; search.USL != nil && x <= most*1.5; x *= 1.05 { // the law is not asked farther out than that
			s.Line = append(s.Line, svg.Point{X: x, Y: search.USL.At(x)})
		}
		chart.Series = append(chart.Series, s)
	}
	return figure{Title: "How it scales, search " + phase, Note: "Dots are measured, lines are the fitted universal scalability law, at most 1.5 times as far as measured.", SVG: template.HTML(chart.Draw()), Data: data}
}

func fitted(u *result.USL, n float64) string {
	if u == nil {
		return "–"
	}
	return result.Plain(u.At(n))
}

// hockeyStick draws the latency of the open steps of a search over their rate.
func hockeyStick(f *result.File, phase string) figure {
	chart := svg.Chart{Title: "Latency against load, search " + phase, Desc: "Filled signs passed, hollow ones did not.",
		X: svg.Axis{Label: "records per second offered", Log: true}, Y: svg.Axis{Label: "p99", Log: true, Format: result.Span}}
	data := &table{Caption: "Open steps of " + phase, Head: []string{"transport", "offered", "achieved", "accepted p99", "processed p99", "errors", "result"}, Wrap: true}
	for _, search := range f.Searches {
		if search.Phase != phase {
			continue
		}
		s := svg.Series{Name: search.Transport, Style: styleOf(search.Transport)}
		rule, err := result.ParseRule(search.SLO)
		of := func(step result.Step) *float64 { return step.ProcessedP99 }
		if err == nil && rule.Metric.Name == "accept.p99" {
			of = func(step result.Step) *float64 { return step.AcceptP99 }
		}
		if level := (svg.Mark{At: rule.Limit, Label: search.SLO}); err == nil && rule.Metric.Unit == "ms" && !slices.Contains(chart.Levels, level) {
			chart.Levels = append(chart.Levels, level)
		}
		for _, step := range search.Steps {
			if step.Kind != "open" {
				continue
			}
			why := td{Text: "passed", Class: "good"}
			if !step.Passed {
				why = td{Text: "not passed: " + step.Because}
			}
			data.Rows = append(data.Rows, append(cells(search.Transport, result.Plain(step.Offered), result.Plain(step.Achieved), millis(step.AcceptP99), millis(step.ProcessedP99), percent(step.Errors)), why))
			if v := of(step); v != nil {
				s.Line = append(s.Line, svg.Point{X: step.Offered, Y: *v})
				s.Dots = append(s.Dots, svg.Dot{X: step.Offered, Y: *v, Hollow: !step.Passed, Tip: fmt.Sprintf("%s at %s/s: %s, %s", search.Transport, result.Plain(step.Offered), result.Span(*v), why.Text)})
			}
		}
		slices.SortFunc(s.Line, func(a, b svg.Point) int { return cmp.Compare(a.X, b.X) })
		if search.MaxAtSLO > 0 {
			chart.Marks = append(chart.Marks, svg.Mark{At: search.MaxAtSLO, Label: search.Transport + " " + svg.Number(search.MaxAtSLO) + "/s", Tip: fmt.Sprintf("%s keeps the SLO up to %s/s", search.Transport, result.Plain(search.MaxAtSLO))})
		}
		chart.Series = append(chart.Series, s)
	}
	slices.SortFunc(chart.Marks, func(a, b svg.Mark) int { return cmp.Compare(a.At, b.At) })
	return figure{Title: "Latency against load, search " + phase, Note: "Filled signs passed, hollow ones did not; labels above are the highest rates within the SLO.", SVG: template.HTML(chart.Draw()), Data: data}
}

func searchTable(f *result.File) *table {
	t := &table{Caption: "What the searches found", Wrap: true, Head: []string{"transport", "search", "SLO", "highest within the SLO", "knee", "highest of all", "contention σ", "coherence κ", "R²", "remark"}}
	for _, s := range f.Searches {
		row := cells(s.Transport, s.Phase, s.SLO, found(s.MaxAtSLO), found(s.Knee), found(s.MaxClosed))
		if s.USL != nil {
			row = append(row, cells(result.Plain(s.USL.Sigma), result.Plain(s.USL.Kappa), result.Plain(s.USL.R2))...)
		} else {
			row = append(row, cells("–", "–", "–")...)
		}
		t.Rows = append(t.Rows, append(row, td{Text: s.Because}))
	}
	return t
}

// found writes a rate of a search; a dash where there is none.
func found(rate float64) string {
	if rate == 0 {
		return "–"
	}
	return result.Quantity(rate, "/s")
}

func percent(share float64) string { return result.Plain(share*100) + " %" }
