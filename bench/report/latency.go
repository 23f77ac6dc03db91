package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"sluice/bench/report/svg"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// styles of the transports, so that each looks the same in every chart and every report.
var styles = map[string]int{"sqs": 0, "apigateway": 1, "jetstream": 2, "rabbitmq": 3, "memory": 4}

func styleOf(transport string) int {
	if s, ok := styles[transport]; ok {
		return s
	}
	return svg.Styles - 1
}

func latencySection(f *result.File) (section, error) {
	s := section{ID: "latency", Title: "Latency", StandIn: farEndNote(f),
		Lead: "From the moment at which a record was to be sent, so that waiting behind a slow request counts. Lines merge the samples of all valid trials; bands reach from the lowest trial to the highest. Intervals are never computed from merged samples."}
	var without []string
	for _, name := range f.Transports() {
		if valid, _ := trialsOf(f, name); valid == 0 {
			without = append(without, name)
		}
	}
	if len(without) > 0 && len(f.Trials) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "No valid trial, and therefore no line here: " + list(without) + "."})
	}
	phases := phasesOf(f, "open")
	slices.SortStableFunc(phases, func(a, b string) int { return rank(a, f) - rank(b, f) })
	for i, phase := range phases {
		var grid []figure
		for _, of := range []curve{
			{"Accepted", "until the destination says that it has the record", phase, func(h result.HDR) string { return h.Accept }},
			{"Processed", "until the consumer is done with the record", phase, func(h result.HDR) string { return h.Processed }},
		} {
			fig, err := of.figure(f)
			if err != nil {
				return s, err
			}
			if fig.SVG != "" {
				grid = append(grid, fig)
			}
		}
		if i == 0 {
			s.Blocks = append(s.Blocks, block{Grid: grid})
		} else if len(grid) > 0 {
			s.Blocks = append(s.Blocks, block{Fold: "Phase " + phase, Inner: []block{{Grid: grid}}})
		}
	}
	if over := overTime(f); len(over) > 0 {
		s.Blocks = append(s.Blocks, block{Grid: over})
	}
	return s, nil
}

func rank(phase string, f *result.File) int {
	if phase == f.MainPhase() {
		return 0
	}
	return 1
}

// A curve is one kind of latency in one phase.
type curve struct {
	title, note, phase string
	of                 func(result.HDR) string
}

// figure draws latency over percentile.
func (c curve) figure(f *result.File) (figure, error) {
	chart := svg.Chart{Title: c.title + " latency by percentile, phase " + c.phase, Desc: "One line per transport; lower is better.",
		X: svg.Axis{Label: "percentile of the records", Log: true}, Y: svg.Axis{Label: "latency", Log: true, Format: result.Span}, Height: 350}
	data := &table{Caption: c.title + ", phase " + c.phase, Head: []string{"", "p50", "p90", "p99", "p99.9", "max", "records"}}
	widest := 1.0
	for _, name := range f.Transports() {
		merged, trials, err := c.histograms(f, name)
		if err != nil {
			return figure{}, err
		}
		if merged.N() == 0 {
			continue
		}
		s := svg.Series{Name: name, Style: styleOf(name)}
		// A quantile is given if 10 samples lie beyond it.
		most := max(1, float64(merged.N())/10)
		widest = max(widest, most)
		for i := range 91 {
			x := max(100.0/99, math.Pow(most, float64(i)/90)) // from p1 on: a minimum says little
			s.Line = append(s.Line, svg.Point{X: x, Y: at(merged, x)})
			if r, ok := spread(trials, x); ok {
				s.Band = append(s.Band, r)
			}
		}
		row := cells(name)
		for _, q := range quantiles {
			if q.x > most {
				row = append(row, td{Text: "–"})
				continue
			}
			ms := at(merged, q.x)
			row = append(row, td{Text: result.Span(ms)})
			s.Dots = append(s.Dots, svg.Dot{X: q.x, Y: ms, Tip: fmt.Sprintf("%s %s: %s", name, q.name, result.Span(ms))})
		}
		data.Rows = append(data.Rows, append(row, cells(result.Span(result.Millis(merged.Quantile(1))), result.Plain(float64(merged.N())))...))
		chart.Series = append(chart.Series, s)
	}
	chart.X.Ticks = []svg.Tick{}
	for _, q := range append(quantiles, quantile{"p99.99", 10000}) {
		if q.x <= widest {
			chart.X.Ticks = append(chart.X.Ticks, svg.Tick{At: q.x, Label: q.name})
		}
	}
	return figure{Title: c.title, Note: "Phase " + c.phase + ": " + c.note + ".", SVG: template.HTML(chart.Draw()), Data: data}, nil
}

// A quantile q is at 1/(1-q) on the axis.
type quantile struct {
	name string
	x    float64
}

var quantiles = []quantile{{"p50", 2}, {"p90", 10}, {"p99", 100}, {"p99.9", 1000}}

// at is the latency in milliseconds at the quantile 1 - 1/x.
func at(h *result.Histogram, x float64) float64 {
	return result.Millis(h.Quantile(1 - 1/x))
}

// spread is the range over the trials at a quantile that all of them have.
func spread(trials []*result.Histogram, x float64) (svg.Range, bool) {
	r := svg.Range{X: x, Low: math.Inf(1), High: math.Inf(-1)}
	for _, h := range trials {
		if float64(h.N()) < 10*x {
			return r, false
		}
		v := at(h, x)
		r.Low, r.High = min(r.Low, v), max(r.High, v)
	}
	return r, len(trials) > 1
}

// histograms reads those of the valid trials of a transport.
func (c curve) histograms(f *result.File, transport string) (merged *result.Histogram, trials []*result.Histogram, err error) {
	merged = result.NewHistogram()
	for i := range f.Trials {
		t := &f.Trials[i]
		p := t.Phase(c.phase)
		if t.Transport != transport || !t.Valid || p == nil {
			continue
		}
		h, err := result.DecodeHistogram(c.of(p.HDR))
		if err != nil {
			return nil, nil, fmt.Errorf("pair %d, %s, phase %s: %w", t.Pair+1, transport, c.phase, err)
		}
		if h.N() > 0 {
			merged.Merge(h)
			trials = append(trials, h)
		}
	}
	return merged, trials, nil
}

// overTime draws the latencies of the open phases second by second.
func overTime(f *result.File) []figure {
	spans, marks := landmarks(f)
	starts := map[string]float64{}
	for _, s := range spans {
		starts[s.Label] = s.From
	}
	var all []figure
	for _, x := range []struct {
		title string
		of    func(result.Second) float64
	}{
		{"Accepted p99 over time", func(s result.Second) float64 { return s.AcceptP99 }},
		{"Processed p99 over time", func(s result.Second) float64 { return s.DoneP99 }},
	} {
		chart := svg.Chart{Title: x.title, Desc: "Median over the trials, second by second.", Spans: spans, Marks: marks, Height: 340,
			X: svg.Axis{Label: "seconds from the start of a trial"}, Y: svg.Axis{Label: "p99 of the records of a second", Log: true, Format: result.Span}}
		data := &table{Caption: x.title + ", medians over the trials", Head: []string{"second"}}
		seconds := map[float64][]td{}
		for _, name := range f.Transports() {
			s := svg.Series{Name: name, Style: styleOf(name)}
			for _, r := range bySecond(f, name, starts, x.of) {
				s.Line = append(s.Line, svg.Point{X: r.X, Y: r.mid})
				s.Band = append(s.Band, r.Range)
				for len(seconds[r.X]) < len(data.Head)-1 {
					seconds[r.X] = append(seconds[r.X], td{Text: "–"})
				}
				seconds[r.X] = append(seconds[r.X], td{Text: result.Span(r.mid)})
			}
			if len(s.Line) > 0 {
				chart.Series = append(chart.Series, s)
				data.Head = append(data.Head, name)
			}
		}
		for _, at := range sortedKeys(seconds) {
			for len(seconds[at]) < len(data.Head)-1 {
				seconds[at] = append(seconds[at], td{Text: "–"})
			}
			data.Rows = append(data.Rows, append(cells(svg.Number(at)), seconds[at]...))
		}
		if drawn := chart.Draw(); drawn != "" {
			all = append(all, figure{Title: x.title, Note: "Records by the second in which they were to arrive; median over the valid trials, bands from lowest to highest.", SVG: template.HTML(drawn), Data: data})
		}
	}
	return all
}

type secondRange struct {
	svg.Range
	mid float64
}

// bySecond gathers a number of every second of the open phases over the valid trials; seconds without records have none.
// Trials differ a little in when a phase began; starts says where each is drawn.
func bySecond(f *result.File, transport string, starts map[string]float64, of func(result.Second) float64) []secondRange {
	values := map[float64][]float64{}
	for _, t := range f.Trials {
		if t.Transport != transport || !t.Valid {
			continue
		}
		for _, p := range t.Phases {
			for _, s := range p.Series {
				if v := of(s); p.Kind == "open" && v > 0 && s.Offered > 0 {
					at := starts[p.Name] + float64(s.At) + 0.5
					values[at] = append(values[at], v)
				}
			}
		}
	}
	var all []secondRange
	for _, at := range sortedKeys(values) {
		v := values[at]
		all = append(all, secondRange{svg.Range{X: at, Low: slices.Min(v), High: slices.Max(v)}, median(v)})
	}
	return all
}

// landmarks are the open phases, as one trial had them, and the faults of the workload.
func landmarks(f *result.File) ([]svg.Span, []svg.Mark) {
	var spans []svg.Span
	for _, t := range f.Trials {
		if !t.Valid {
			continue
		}
		for _, p := range t.Phases {
			if p.Kind == "open" {
				spans = append(spans, svg.Span{From: p.Start, To: p.Start + p.Seconds, Label: p.Name, Shaded: len(spans)%2 == 1})
			}
		}
		break
	}
	w, err := workload.Parse([]byte(f.Workload.Doc))
	if err != nil || len(spans) == 0 {
		return spans, nil // the workload is shown as it stands; a later version of its form is no reason to show nothing
	}
	var marks []svg.Mark
	for _, fault := range w.Faults {
		if at := fault.At.Seconds(); at <= spans[len(spans)-1].To {
			m := svg.Mark{At: at, Label: fault.Kind, Tip: fmt.Sprintf("%s from second %s", fault.Kind, svg.Number(at))}
			if fault.For > 0 {
				m.Tip += fmt.Sprintf(" for %s", fault.For.Round(time.Millisecond))
			}
			marks = append(marks, m)
		}
	}
	slices.SortStableFunc(marks, func(a, b svg.Mark) int { return cmp.Compare(a.At, b.At) })
	return spans, marks
}
