package svg

import (
	"fmt"
	"math"
	"strings"
)

// A Chart shows series over two axes.
type Chart struct {
	Title  string // what it shows, for those who do not see it
	Desc   string // its message, in a sentence
	X, Y   Axis
	Series []Series
	Spans  []Span // stretches of the x axis, labelled at the top
	Marks  []Mark // places on the x axis in rising order, labelled above the plot
	Levels []Mark // places on the y axis, labelled inside the plot at the right
	Height float64
}

// An Axis of a Chart. Min and Max stretch it beyond its data; both zero: as the data are.
type Axis struct {
	Label    string
	Log      bool
	Min, Max float64
	Ticks    []Tick               // nil: chosen
	Format   func(float64) string // nil: Number
}

// A Point of a line.
type Point struct{ X, Y float64 }

// A Range is one place of a band.
type Range struct{ X, Low, High float64 }

// A Dot is a point with a marker.
type Dot struct {
	X, Y   float64
	Hollow bool
	Tip    string
}

// A Series is drawn in one style: a band behind, a line, dots on it.
type Series struct {
	Name  string // empty: not in the legend
	Style int
	Line  []Point
	Band  []Range
	Dots  []Dot
}

// A Span is a stretch of the x axis.
type Span struct {
	From, To float64
	Label    string
	Shaded   bool
}

// A Mark is a place on an axis.
type Mark struct {
	At    float64
	Label string
	Tip   string
}

// Width of every chart.
const Width = 560.0

const (
	leftMargin  = 62.0
	rightMargin = 14.0
	tickRoom    = 22.0 // for labels below the x axis
	labelRoom   = 18.0 // for the name of the x axis
)

// plot is the area inside the axes.
type plot struct {
	drawing
	Chart
	x, y                     scale
	left, right, top, bottom float64
}

// Draw returns the chart, or the empty text if it has no data.
func (c Chart) Draw() string {
	if c.Height == 0 {
		c.Height = 320
	}
	p := &plot{Chart: c, left: leftMargin, right: Width - rightMargin}
	if !p.scales() {
		return ""
	}
	p.open(Width, c.Height, c.Title, c.Desc)
	top := p.legend(p.left, 4, p.right-p.left, p.names(), p.styles(), true)
	p.text(4, top+12, "start", "faint", c.Y.Label)
	rows := markRows(c.Marks, p.x, p.left, p.right)
	p.top = top + lineHeight + 8 + float64(rows.count)*lineHeight + p.spanRow()
	p.bottom = c.Height - tickRoom - labelRoom
	p.y.from, p.y.to = p.bottom, p.top
	p.spans()
	p.axes()
	p.marks(rows)
	for _, s := range c.Series {
		p.band(s)
	}
	for _, s := range c.Series {
		p.series(s)
	}
	return p.close()
}

func (p *plot) names() []string {
	var names []string
	for _, s := range p.Series {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

func (p *plot) styles() []int {
	var styles []int
	for _, s := range p.Series {
		if s.Name != "" {
			styles = append(styles, s.Style)
		}
	}
	return styles
}

// scales finds the ends of both axes; false if there is nothing to show.
func (p *plot) scales() bool {
	var xs, ys []float64
	for _, s := range p.Series {
		for _, v := range s.Line {
			xs, ys = append(xs, v.X), append(ys, v.Y)
		}
		for _, v := range s.Band {
			xs, ys = append(xs, v.X), append(ys, v.Low, v.High)
		}
		for _, v := range s.Dots {
			xs, ys = append(xs, v.X), append(ys, v.Y)
		}
	}
	if _, _, ok := bounds(ys, p.Y.Log); !ok {
		return false
	}
	for _, m := range p.Levels {
		ys = append(ys, m.At)
	}
	for _, s := range p.Spans {
		xs = append(xs, s.From, s.To)
	}
	for _, m := range p.Marks {
		xs = append(xs, m.At)
	}
	for _, a := range []struct {
		axis   Axis
		values []float64
		scale  *scale
		exact  bool
	}{{p.X, xs, &p.x, true}, {p.Y, ys, &p.y, false}} {
		if a.axis.Max > a.axis.Min {
			a.values = append(a.values, a.axis.Min, a.axis.Max)
		}
		low, top, ok := bounds(a.values, a.axis.Log)
		if !ok {
			return false
		}
		if !a.exact || low == top {
			low, top = widened(low, top, a.axis.Log)
		}
		*a.scale = scale{log: a.axis.Log, low: low, top: top}
	}
	p.x.from, p.x.to = p.left, p.right
	return true
}

func (p *plot) axes() {
	yTicks := p.Y.Ticks
	if yTicks == nil {
		yTicks = ticks(p.y.low, p.y.top, p.Y.Log, int((p.bottom-p.top)/36), p.Y.label())
	}
	for _, t := range yTicks {
		y := p.y.at(t.At)
		p.line(p.left, y, p.right, y, "grid")
		p.text(p.left-6, y+4, "end", "tick", cut(t.Label, leftMargin-8))
	}
	xTicks := p.X.Ticks
	if xTicks == nil {
		xTicks = ticks(p.x.low, p.x.top, p.X.Log, 7, p.X.label())
	}
	free := math.Inf(-1)
	for _, t := range xTicks {
		x, wide := p.x.at(t.At), textWidth(t.Label)
		p.line(x, p.bottom, x, p.bottom+4, "axis")
		if x-wide/2 < free || x+wide/2 > Width {
			continue
		}
		free = x + wide/2 + 6
		p.text(x, p.bottom+17, "middle", "tick", t.Label)
	}
	p.line(p.left, p.bottom, p.right, p.bottom, "axis")
	p.text((p.left+p.right)/2, p.bottom+tickRoom+13, "middle", "faint", p.X.Label)
}

func (a Axis) label() func(float64) string {
	if a.Format != nil {
		return a.Format
	}
	return Number
}

// spanRow is the room for the names of the spans above the plot.
func (p *plot) spanRow() float64 {
	if len(p.Spans) == 0 {
		return 0
	}
	return lineHeight + 4
}

func (p *plot) spans() {
	for _, s := range p.Spans {
		from, to := p.x.at(s.From), p.x.at(s.To)
		class, fill := "zone clear", "none"
		if s.Shaded {
			class, fill = "zone", "#f2f2f2"
		}
		p.add(`<rect x="%s" y="%s" width="%s" height="%s" class="%s" fill="%s">%s</rect>`,
			num(from), num(p.top), num(to-from), num(p.bottom-p.top), class, fill, title(s.Label))
		if textWidth(s.Label) <= to-from-4 {
			p.text((from+to)/2, p.top-5, "middle", "faint", s.Label)
		}
	}
}

// rows are the places of labels above the plot, so that none covers another; -1: no place.
type rows struct {
	of    []int
	count int
}

const mostRows = 4

func markRows(marks []Mark, x scale, left, right float64) rows {
	r := rows{of: make([]int, len(marks))}
	var ends [mostRows]float64
	for i, m := range marks {
		r.of[i] = -1
		if i > 0 && m.At == marks[i-1].At && m.Label == marks[i-1].Label {
			continue // it is there already
		}
		from, to := labelPlace(m, x, left, right)
		for row := range ends {
			if from >= ends[row] {
				r.of[i], ends[row] = row, to+8
				r.count = max(r.count, row+1)
				break
			}
		}
	}
	return r
}

// labelPlace is where the label of a mark begins and ends: around the mark, and inside the plot.
func labelPlace(m Mark, x scale, left, right float64) (from, to float64) {
	wide := textWidth(m.Label)
	from = min(max(x.at(m.At)-wide/2, left), max(left, right-wide))
	return from, from + wide
}

func (p *plot) marks(r rows) {
	for i, m := range p.Marks {
		x := p.x.at(m.At)
		top := p.top
		if row := r.of[i]; row >= 0 {
			from, _ := labelPlace(m, p.x, p.left, p.right)
			top -= float64(row)*lineHeight + 2 + p.spanRow()
			p.text(from, top-3, "start", "faint", cut(m.Label, p.right-p.left))
		}
		p.add(`<g class="mark">%s`, title(m.tip()))
		p.line(x, top, x, p.bottom, "mark")
		p.add("</g>")
	}
	free := math.Inf(-1)
	for _, m := range p.Levels {
		y := p.y.at(m.At)
		p.add(`<g class="mark">%s`, title(m.tip()))
		p.line(p.left, y, p.right, y, "mark")
		p.add("</g>")
		if math.Abs(y-4-free) >= lineHeight && y-4-fontSize > p.top {
			free = y - 4
			p.text(p.left+6, free, "start", "faint level", cut(m.Label, p.right-p.left))
		}
	}
}

func (m Mark) tip() string {
	if m.Tip != "" {
		return m.Tip
	}
	return m.Label
}

func (p *plot) band(s Series) {
	if len(s.Band) < 2 {
		return
	}
	var there, back strings.Builder
	for i := range s.Band {
		low := s.Band[len(s.Band)-1-i]
		fmt.Fprintf(&there, "%s,%s ", num(p.x.at(s.Band[i].X)), num(p.y.at(s.Band[i].High)))
		fmt.Fprintf(&back, "%s,%s ", num(p.x.at(low.X)), num(p.y.at(low.Low)))
	}
	i := index(s.Style)
	p.add(`<polygon points="%s%s" class="band s%d" fill="%s" fill-opacity="0.15"/>`,
		there.String(), strings.TrimSpace(back.String()), i, colours[i])
}

func (p *plot) series(s Series) {
	if len(s.Line) > 1 {
		var points strings.Builder
		for _, v := range s.Line {
			fmt.Fprintf(&points, "%s,%s ", num(p.x.at(v.X)), num(p.y.at(v.Y)))
		}
		p.add(`<polyline points="%s" %s/>`, strings.TrimSpace(points.String()), style(s.Style))
	}
	for _, v := range s.Dots {
		p.marker(s.Style, p.x.at(v.X), p.y.at(v.Y), 3.6, v.Hollow, v.Tip)
	}
}
