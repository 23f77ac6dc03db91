package report

import (
	"fmt"
	"html/template"

	"sluice/bench/report/svg"
	"sluice/bench/result"
)

// pairSection shows for each two transports what every pair of trials said.
func pairSection(f *result.File) section {
	s := section{ID: "pairs", Title: "Pairs of trials", StandIn: farEndNote(f),
		Lead: "Each small dot is one pair of trials that ran close together with the same arrivals and records; the bar is the 95 % interval of the typical ratio, computed from these pairs and never from single records. Left of 1, the first transport has the lower value."}
	var figures []figure
	for i, p := range pairs(f) {
		fig := forest(f, p)
		if fig.SVG != "" {
			figures = append(figures, fig)
		} else if i == 0 {
			s.Blocks = append(s.Blocks, block{Text: fmt.Sprintf("There is no pair of valid trials of %s and %s.", p.A, p.B)})
		}
	}
	switch {
	case len(pairs(f)) == 0:
		return s
	case len(figures) == 0:
		s.Blocks = append(s.Blocks, block{Grid: []figure{order(f)}})
		return s
	}
	s.Blocks = append(s.Blocks, block{Grid: []figure{figures[0], order(f)}})
	if len(figures) > 1 {
		s.Blocks = append(s.Blocks, block{Fold: "the other pairs of transports", Inner: []block{{Grid: figures[1:]}}})
	}
	return s
}

func forest(f *result.File, p pair) figure {
	rows := svg.Rows{Title: p.A + " to " + p.B + ", ratio by metric", Desc: "Dots are pairs of trials, bars are 95 % intervals.",
		Axis: svg.Axis{Label: p.A + " / " + p.B, Log: true, Format: result.Plain}, One: 1,
		Zone: [2]float64{0.95, 1.05}, ZoneLabel: "equivalent: within 5 %"}
	data := &table{Caption: "Ratios pair by pair", Head: []string{"metric", "pair", p.A, p.B, "ratio", "verdict of all pairs"}}
	for _, c := range comparisonsOf(f, p) {
		row := svg.Row{Name: label(c.Metric), Style: styleOf(p.A), Mid: c.Ratio, Text: ratio(c), Tip: label(c.Metric) + ": " + verdict(c)}
		if c.Pairs > 1 && c.CI95.Low > 0 && c.CI95.High <= 1e12 {
			row.Low, row.High = c.CI95.Low, c.CI95.High
		} else {
			row.Low, row.High = c.Ratio, c.Ratio
		}
		for i, v := range c.Values {
			if v[1] == 0 {
				continue
			}
			row.Dots = append(row.Dots, v[0]/v[1])
			data.Rows = append(data.Rows, cells(label(c.Metric), fmt.Sprint(i+1), result.Quantity(v[0], c.Unit), result.Quantity(v[1], c.Unit), factor(v[0]/v[1]), verdict(c)))
		}
		rows.Rows = append(rows.Rows, row)
	}
	return figure{Title: p.A + " / " + p.B, Note: "For throughput a ratio above 1 is better for " + p.A + "; for everything else one below 1.", SVG: template.HTML(rows.Draw()), Data: data}
}
