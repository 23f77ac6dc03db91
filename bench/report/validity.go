package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"sluice/bench/report/svg"
	"sluice/bench/result"
)

// validitySection is for the reader who does not believe it: every check, every trial, in its order.
func validitySection(f *result.File) section {
	s := section{ID: "validity", Title: "Can it be trusted?", Lead: "A trial counts only if what was offered was also sent in time, the sender was not the bottleneck, and Little's law holds between rate, time and number of records. One that fails is shown, never repeated in silence."}
	if len(f.Trials) == 0 {
		return s
	}
	if bad := invalid(f); len(bad) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "Invalid trials. Their latencies do not count, their losses do; prices and closed phases do unless the whole trial is in doubt:"}, block{List: bad})
	} else {
		s.Blocks = append(s.Blocks, block{Text: "Every trial is valid."})
	}
	if fig := order(f); fig.SVG != "" && len(pairs(f)) == 0 { // else it stands beside the pairs
		s.Blocks = append(s.Blocks, block{Grid: []figure{fig}})
	}
	s.Blocks = append(s.Blocks, block{Table: worstChecks(f)}, block{Fold: "every check of every trial", Inner: []block{{Table: allChecks(f)}}})
	if f.Calibration != nil {
		s.Blocks = append(s.Blocks, block{Table: calibration(f.Calibration)})
	}
	return s
}

// order draws the trials as they ran.
func order(f *result.File) figure {
	g := svg.Grid{Title: "Order of the trials", Desc: "One column for each pair; crossed trials are invalid.", Columns: "pair", Rows: "place"}
	for _, name := range f.Transports() {
		g.Names, g.Styles = append(g.Names, name), append(g.Styles, styleOf(name))
	}
	for _, t := range f.Trials {
		tip := fmt.Sprintf("pair %d, place %d: %s", t.Pair+1, t.Slot+1, t.Transport)
		if !t.Valid {
			tip += ", invalid: " + reasons(t)
		}
		g.Cells = append(g.Cells, svg.Cell{Column: t.Pair, Row: t.Slot, Style: styleOf(t.Transport), Crossed: !t.Valid, Tip: tip})
	}
	return figure{Title: "Order of the trials", Note: fmt.Sprintf("Each column ran from top to bottom, in an order drawn from the seed %d. Crossed out: invalid.", f.Run.Seed), SVG: template.HTML(g.Draw())}
}

// worstChecks has for each transport and check the worst of all phases and trials.
func worstChecks(f *result.File) *table {
	t := &table{Caption: "Checks by transport: how many held, and the one closest to its limit or beyond", Head: []string{"transport", "check", "held", "worst"}, Wrap: true}
	for _, name := range f.Transports() {
		var checks []string
		held, all, worst := map[string]int{}, map[string]int{}, map[string]string{}
		margin := map[string]float64{}
		for _, trial := range f.Trials {
			for _, p := range trial.Phases {
				for _, c := range p.Checks {
					if trial.Transport != name {
						continue
					}
					if !slices.Contains(checks, c.Name) {
						checks = append(checks, c.Name)
					}
					all[c.Name]++
					if c.OK {
						held[c.Name]++
					}
					if m := room(c); worst[c.Name] == "" || m < margin[c.Name] {
						margin[c.Name], worst[c.Name] = m, fmt.Sprintf("pair %d, %s: %s", trial.Pair+1, p.Name, c.Text)
					}
				}
			}
		}
		for _, c := range checks {
			share := td{Text: fmt.Sprintf("%d of %d", held[c], all[c])}
			if held[c] < all[c] {
				share.Class = "bad"
			}
			t.Rows = append(t.Rows, []td{{Text: name}, {Text: checkName(c)}, share, {Text: worst[c]}})
		}
	}
	return t
}

// checkName is the name of a check for people.
func checkName(name string) string {
	switch name {
	case "little":
		return "Little's law"
	case "gc":
		return "garbage collection"
	case "cpu":
		return "CPU"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// room is how far a check is from failing, as a share of its limit; below 0 if it has failed.
func room(c result.Check) float64 {
	distance := 0.0
	if c.Limit != 0 {
		distance = (c.Limit - c.Value) / c.Limit
	}
	if distance < 0 {
		distance = -distance
	}
	if !c.OK {
		return -1 - distance
	}
	return distance
}

func allChecks(f *result.File) *table {
	t := &table{Caption: "Checks of every phase, in the order in which the trials ran", Head: []string{"trial", "transport", "phase", "check", "result", "in words"}, Wrap: true}
	for _, trial := range f.Trials {
		for _, p := range trial.Phases {
			for _, c := range p.Checks {
				outcome := td{Text: "held", Class: "faint"}
				if !c.OK {
					outcome = td{Text: "failed", Class: "bad"}
				}
				phase := p.Name
				if p.Concurrency > 0 {
					phase = fmt.Sprintf("%s × %d", p.Name, p.Concurrency)
				}
				t.Rows = append(t.Rows, []td{{Text: fmt.Sprintf("pair %d", trial.Pair+1)}, {Text: trial.Transport}, {Text: phase}, {Text: checkName(c.Name)}, outcome, {Text: c.Text}})
			}
		}
	}
	return t
}

func calibration(c *result.Calibration) *table {
	t := &table{Caption: "Calibration: what this machine can measure at all", Head: []string{"", "value", "meaning"}, Wrap: true}
	for _, row := range [][3]string{
		{"lateness of a timer, median", result.Quantity(c.TimerP50, "µs"), ""},
		{"lateness of a timer, p99", result.Quantity(c.TimerP99, "µs"), "no latency is known better than this"},
		{"null transport, median", result.Quantity(c.NullP50, "µs"), "what the harness itself adds"},
		{"null transport, p99", result.Quantity(c.NullP99, "µs"), ""},
		{"highest rate of this client", result.Quantity(c.NullRate, "/s"), "into the null transport"},
		{"measuring, share of the sender's CPU", percent(c.MeasuringCPU), ""},
	} {
		t.Rows = append(t.Rows, cells(row[:]...))
	}
	for _, check := range c.Checks {
		outcome := td{Text: "held", Class: "good"}
		if !check.OK {
			outcome = td{Text: "failed", Class: "bad"}
		}
		t.Rows = append(t.Rows, []td{{Text: check.Name}, outcome, {Text: check.Text}})
	}
	return t
}
