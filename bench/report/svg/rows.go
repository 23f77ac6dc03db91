package svg

import (
	"fmt"
	"math"
)

// Rows shows, one below the other, values along one axis: dots for single observations, a line for an interval, a tick for
// its middle.
type Rows struct {
	Title, Desc string
	Axis        Axis
	One         float64 // where the axis has its line of equality; 0: none
	Zone        [2]float64
	ZoneLabel   string
	Rows        []Row
}

// A Row of Rows. Low and High are the ends of the interval; equal: none.
type Row struct {
	Name           string
	Style          int
	Dots           []float64
	Mid, Low, High float64
	Text           string // at the right end
	Tip            string
}

const (
	rowHeight  = 30.0
	nameColumn = 126.0
	textGap    = 12.0 // between the plot and the texts
	mostText   = 208.0
)

// Draw returns the rows, or the empty text if there are none with data.
func (r Rows) Draw() string {
	var values []float64
	for _, row := range r.Rows {
		values = append(append(values, row.Dots...), row.Mid, row.Low, row.High)
	}
	low, top, ok := bounds(values, r.Axis.Log)
	if !ok {
		return ""
	}
	for _, v := range []float64{r.One, r.Zone[0], r.Zone[1], r.Axis.Min, r.Axis.Max} {
		if v != 0 || !r.Axis.Log && r.Axis.Max > r.Axis.Min {
			low, top = min(low, v), max(top, v)
		}
	}
	low, top = widened(low, top, r.Axis.Log)
	texts := 0.0
	for _, row := range r.Rows {
		texts = max(texts, min(mostText, textWidth(row.Text)))
	}
	left, right := nameColumn, Width-texts-textGap
	head := 6.0
	if r.ZoneLabel != "" {
		head += lineHeight
	}
	bottom := head + rowHeight*float64(len(r.Rows))
	x := scale{log: r.Axis.Log, low: low, top: top, from: left, to: right}
	var d drawing
	d.open(Width, bottom+tickRoom+labelRoom, r.Title, r.Desc)
	r.ground(&d, x, head, bottom)
	for i, row := range r.Rows {
		row.draw(&d, x, texts, head+rowHeight*(float64(i)+0.5), r.Axis.Log)
	}
	return d.close()
}

// ground draws the axis, the zone and the line of equality.
func (r Rows) ground(d *drawing, x scale, head, bottom float64) {
	if r.Zone[0] < r.Zone[1] {
		from, to := x.at(r.Zone[0]), x.at(r.Zone[1])
		d.add(`<rect x="%s" y="%s" width="%s" height="%s" class="zone" fill="#f2f2f2">%s</rect>`,
			num(from), num(head), num(to-from), num(bottom-head), title(r.ZoneLabel))
		wide := textWidth(r.ZoneLabel)
		d.text(min(max((from+to)/2, x.from+wide/2), x.to-wide/2), head-5, "middle", "faint", r.ZoneLabel)
	}
	free := math.Inf(-1)
	for _, t := range ticks(x.low, x.top, r.Axis.Log, 5, r.Axis.label()) {
		at, wide := x.at(t.At), textWidth(t.Label)
		d.line(at, head, at, bottom, "grid")
		if at-wide/2 >= free {
			free = at + wide/2 + 6
			d.text(at, bottom+16, "middle", "tick", t.Label)
		}
	}
	if r.One != 0 {
		d.line(x.at(r.One), head, x.at(r.One), bottom, "unit")
	}
	d.line(x.from, bottom, x.to, bottom, "axis")
	d.text((x.from+x.to)/2, bottom+tickRoom+13, "middle", "faint", r.Axis.Label)
}

func (r Row) draw(d *drawing, x scale, texts, y float64, log bool) {
	shown := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (!log || v > 0) }
	d.text(4, y+4, "start", "name", cut(r.Name, nameColumn-10))
	d.text(Width-texts, y+4, "start", "tick", cut(r.Text, texts))
	for _, v := range r.Dots {
		if shown(v) {
			d.add(`<circle cx="%s" cy="%s" r="2.6" class="dot s%d" fill="%s" fill-opacity="0.45"/>`,
				num(x.at(v)), num(y-6), index(r.Style), colours[index(r.Style)])
		}
	}
	if r.Low < r.High && !math.IsNaN(r.Low) {
		from, to := x.at(r.Low), x.at(r.High)
		d.add(`<g>%s<path d="M%s,%s H%s" class="line s%d" fill="none" stroke="%s" stroke-width="2"/></g>`,
			title(r.Tip), num(from), num(y+4), num(to), index(r.Style), colours[index(r.Style)])
		for _, end := range []float64{from, to} {
			d.add(`<path d="M%s,%s V%s" class="line s%d" fill="none" stroke="%s" stroke-width="2"/>`,
				num(end), num(y), num(y+8), index(r.Style), colours[index(r.Style)])
		}
	}
	if shown(r.Mid) {
		d.marker(r.Style, x.at(r.Mid), y+4, 4, false, fmt.Sprintf("%s: %s", r.Name, r.Text))
	}
}
