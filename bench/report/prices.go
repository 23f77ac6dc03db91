package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"sluice/bench/cost"
	"sluice/bench/report/svg"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// optionStyles are those of the transport, and others for its second option.
var optionStyles = map[cost.Option]int{cost.SQSStandard: 0, cost.REST: 1, cost.JetStream: 2, cost.RabbitMQ: 3, cost.HTTPAPI: 4, cost.SQSFIFO: 5}

// costSection prices what was counted and projects what would be. A price book that cannot be read leaves the projections
// out, because no number of them could be had.
func costSection(f *result.File) section {
	s := section{ID: "cost", Title: "Cost", Lead: "What was counted in this run, at the list prices of " + orNone(f.PriceBook.ID) + ", read on " + orNone(f.PriceBook.Retrieved) + "; without free tier, taxes and data transfer. A price is of requests that were made here, whoever answered them."}
	if len(f.Trials) == 0 {
		return s
	}
	s.Blocks = append(s.Blocks, block{Table: countedCost(f)})
	book, err := cost.ParseBook([]byte(f.PriceBook.Doc))
	if err != nil {
		s.Blocks = append(s.Blocks, block{Text: "The price book of this run cannot be read, so nothing is projected: " + err.Error()})
		return s
	}
	shape := measuredShape(f)
	s.Blocks = append(s.Blocks, block{Text: shapeText(shape)})
	var grid []figure
	for _, x := range []struct {
		title string
		log   [2]bool
		here  []svg.Mark
		draw  func() (cost.Chart, error)
	}{
		{"By records per request", [2]bool{false, false}, fills(f, shape), func() (cost.Chart, error) { return book.FillChart(shape) }},
		{"By size of a record", [2]bool{true, true}, []svg.Mark{{At: shape.KiB, Label: "this run"}}, func() (cost.Chart, error) { return book.SizeChart(shape, max(shape.SendFill, 1)) }},
		{"By records per month", [2]bool{true, true}, nil, func() (cost.Chart, error) { return book.VolumeChart(shape) }},
	} {
		chart, err := x.draw()
		if err != nil {
			s.Blocks = append(s.Blocks, block{Text: "The cost " + strings.ToLower(x.title) + " cannot be projected: " + err.Error()})
			continue
		}
		grid = append(grid, costFigure(x.title, chart, x.log, x.here))
	}
	s.Blocks = append(s.Blocks, block{Grid: grid})
	return s
}

// countedCost is the bill of the run.
func countedCost(f *result.File) *table {
	t := &table{Caption: "Billable units of all trials, and what they cost", Head: append([]string{""}, f.Transports()...)}
	units := map[string]cost.Units{}
	usd := map[string]float64{}
	for _, trial := range f.Trials {
		units[trial.Transport] = units[trial.Transport].Add(trial.Units)
		usd[trial.Transport] += trial.USD
	}
	for _, row := range []struct {
		name string
		of   func(cost.Units) float64
	}{
		{"SQS sends, by 64 KiB", func(u cost.Units) float64 { return float64(u.Send) }},
		{"SQS receives, by 64 KiB", func(u cost.Units) float64 { return float64(u.Receive) }},
		{"SQS receives that brought nothing", func(u cost.Units) float64 { return float64(u.Empty) }},
		{"SQS deletes", func(u cost.Units) float64 { return float64(u.Delete) }},
		{"gateway calls", func(u cost.Units) float64 { return float64(u.Calls) }},
		{"gateway calls, by 512 KB", func(u cost.Units) float64 { return float64(u.Calls512) }},
		{"Lambda requests", func(u cost.Units) float64 { return float64(u.Invocations) }},
		{"Lambda GB-seconds", func(u cost.Units) float64 { return u.GBSeconds }},
		{"hours of a host", func(u cost.Units) float64 { return u.HostHours }},
	} {
		line, some := cells(row.name), false
		for _, name := range f.Transports() {
			v := row.of(units[name])
			some = some || v != 0
			c := td{Text: result.Plain(v)}
			if v == 0 {
				c = td{Text: "–", Class: "faint"}
			}
			line = append(line, c)
		}
		if some {
			t.Rows = append(t.Rows, line)
		}
	}
	total, million := cells("price of this run"), cells("price of a million records, median of trials")
	metric, _ := result.MetricNamed("usd_per_million")
	for _, name := range f.Transports() {
		paid := td{Text: "–", Class: "faint"}
		if units[name] != (cost.Units{}) {
			paid = td{Text: result.Dollars(usd[name])}
		}
		total = append(total, paid)
		million = append(million, td{Text: cell(f, metric, name, "")})
	}
	t.Rows = append(t.Rows, total, million)
	return t
}

// measuredShape describes the workload as it was seen in the valid trials. A function of 128 MB, as long as the consumer's
// work, stands on both sides of the comparison, as in the price tables that the formulas were checked with.
func measuredShape(f *result.File) cost.Shape {
	s := cost.Shape{KiB: 1, SendFill: 1, ReceiveFill: 1, PostFill: 1, Pollers: cost.IdlePollers}
	var bytes, records float64
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if p.AcceptedRate > 0 {
				bytes += p.MiBRate / p.AcceptedRate * float64(p.Accepted) * 1024
				records += float64(p.Accepted)
			}
		}
	}
	if bytes > 0 {
		s.KiB = min(bytes/records, 1024)
	}
	limit := min(10, 1024/s.KiB)
	fill := func(n, requests float64) float64 {
		if requests == 0 {
			return 1
		}
		return max(1, min(n/requests, limit))
	}
	for _, name := range f.Transports() {
		m := audits(f, name)
		var u cost.Units
		attempts := 0
		for _, t := range f.Trials {
			if t.Transport == name {
				u, attempts = u.Add(t.Units), attempts+t.Attempts
			}
		}
		switch name {
		case "sqs":
			s.SendFill = fill(float64(m.Sent+m.Retries), float64(attempts))
			s.ReceiveFill = fill(float64(m.Deliveries), float64(u.Receive)/chunksOf(s))
			s.Empty = float64(u.Empty) / float64(max(1, m.Accepted))
		case "apigateway":
			s.PostFill = fill(float64(m.Sent+m.Retries), float64(attempts))
		}
	}
	s.Function = &cost.Function{MemoryGB: 0.125, Seconds: work(f)}
	return s
}

// fills marks how full the requests of this run were.
func fills(f *result.File, s cost.Shape) []svg.Mark {
	var marks []svg.Mark
	for _, name := range f.Transports() {
		at := map[string]float64{"sqs": s.SendFill, "apigateway": s.PostFill}[name]
		if at > 0 {
			marks = append(marks, svg.Mark{At: at, Label: name + " " + result.Plain(at), Tip: fmt.Sprintf("%s had %s records in a request", name, result.Plain(at))})
		}
	}
	return marks
}

// chunksOf is how many chunks of 64 KiB one record of the shape begins: receives are counted in chunks.
func chunksOf(s cost.Shape) float64 { return float64(cost.Chunks(int64(s.KiB * 1024))) }

// work is the consumer's work on a record in seconds, 5 ms where the workload does not say.
func work(f *result.File) float64 {
	if w, err := workload.Parse([]byte(f.Workload.Doc)); err == nil && w.Consumer.Work > 0 {
		return w.Consumer.Work.Seconds()
	}
	return 0.005
}

func shapeText(s cost.Shape) string {
	return fmt.Sprintf("Projections from the formulas of the price lists, with what this run measured: records of %s on the wire, %s in a send, %s in a receive, %s in a POST. On each side a Lambda function of 128 MB takes %s for each request that it is handed.",
		result.Bytes(s.KiB*1024), result.Plain(s.SendFill), result.Plain(s.ReceiveFill), result.Plain(s.PostFill), result.Span(s.Function.Seconds*1000))
}

// costFigure draws a projection. here are places on its axis that this run was at.
func costFigure(title string, c cost.Chart, log [2]bool, here []svg.Mark) figure {
	chart := svg.Chart{Title: "Cost " + strings.ToLower(title), Desc: c.Note, X: svg.Axis{Label: c.X, Log: log[0]}, Y: svg.Axis{Label: c.Y, Log: log[1], Format: func(v float64) string { return "$" + svg.Number(v) }}}
	data := &table{Caption: c.Y + " " + strings.ToLower(title), Head: []string{c.X}}
	for i, curve := range c.Curves {
		s := svg.Series{Name: string(curve.Option), Style: optionStyles[curve.Option]}
		data.Head = append(data.Head, string(curve.Option))
		every := max(1, (len(curve.Points)+14)/15)
		for j, p := range curve.Points {
			s.Line = append(s.Line, svg.Point{X: p.X, Y: p.USD})
			if j%every != 0 && j != len(curve.Points)-1 {
				continue
			}
			if i == 0 {
				data.Rows = append(data.Rows, cells(result.Plain(p.X)))
			}
			row := (j + every - 1) / every
			data.Rows[row] = append(data.Rows[row], td{Text: result.Dollars(p.USD)})
			s.Dots = append(s.Dots, svg.Dot{X: p.X, Y: p.USD, Tip: fmt.Sprintf("%s at %s: %s", curve.Option, result.Plain(p.X), result.Dollars(p.USD))})
		}
		chart.Series = append(chart.Series, s)
	}
	fig := figure{Title: title, Note: sentence(c.Note)}
	slices.SortStableFunc(c.Cross, func(a, b cost.Cross) int { return cmp.Compare(a.X, b.X) })
	for _, cross := range c.Cross {
		x := crossing(c, cross)
		fig.List = append(fig.List, fmt.Sprintf("From %s %s on, %s is cheaper than %s.", svg.Number(x), c.X, cross.To, cross.From))
		chart.Marks = append(chart.Marks, svg.Mark{At: x, Label: svg.Number(x), Tip: fig.List[len(fig.List)-1]})
	}
	chart.Marks = append(chart.Marks, here...)
	slices.SortStableFunc(chart.Marks, func(a, b svg.Mark) int { return cmp.Compare(a.At, b.At) })
	fig.SVG, fig.Data = template.HTML(chart.Draw()), data
	return fig
}

// sentence makes a note one.
func sentence(note string) string {
	if note == "" {
		return ""
	}
	return strings.ToUpper(note[:1]) + note[1:] + "."
}

// crossing is where two curves cross, to three digits. A chart knows only at which of its places the other one has become
// cheaper; between two places that are far apart the curves are taken as straight lines on logarithmic axes.
func crossing(c cost.Chart, cross cost.Cross) float64 {
	var from, to []cost.Point
	for _, curve := range c.Curves {
		switch curve.Option {
		case cross.From:
			from = curve.Points
		case cross.To:
			to = curve.Points
		}
	}
	i := slices.IndexFunc(from, func(p cost.Point) bool { return p.X == cross.X })
	if i < 1 || i >= len(to) || from[i].X/from[i-1].X < 1.5 || c.X != "records per month" {
		return cross.X
	}
	gap := func(i int) float64 { return math.Log(from[i].USD / to[i].USD) }
	before, after := gap(i-1), gap(i)
	if !(before <= 0 && after > 0) || math.IsInf(before, 0) {
		return cross.X
	}
	share := before / (before - after)
	x := from[i-1].X * math.Pow(from[i].X/from[i-1].X, share)
	digits := math.Pow(10, math.Floor(math.Log10(x))-2)
	return math.Round(x/digits) * digits
}
