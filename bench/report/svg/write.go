package svg

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes in the units of the drawing, which are pixels where it is shown at its own size.
const (
	fontSize   = 12.0
	lineHeight = 16.0
	charWidth  = 0.62 * fontSize // of a wide sans serif, so that an estimate is rather too long than too short
)

// textWidth estimates how wide s will be.
func textWidth(s string) float64 { return float64(utf8.RuneCountInString(s)) * charWidth }

// cut shortens s to what fits into width.
func cut(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	n := max(1, int(width/charWidth)-1)
	if runes := []rune(s); n < len(runes) {
		return strings.TrimRight(string(runes[:n]), " ") + "…"
	}
	return s
}

// drawing collects elements. Only text and title take text from outside, and they escape it.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.Builder, format+"\n", args...) }

// open begins a drawing whose accessible name is title.
func (d *drawing) open(width, height float64, title, desc string) {
	d.add(`<svg class="chart" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img" font-size="%s" font-family="system-ui, sans-serif" aria-label="%s">`,
		num(width), num(height), num(fontSize), html.EscapeString(title+". "+desc))
}

func (d *drawing) close() string {
	d.add("</svg>")
	return d.String()
}

func (d *drawing) text(x, y float64, anchor, class, s string) {
	d.add(`<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`, num(x), num(y), anchor, class, html.EscapeString(s))
}

func title(s string) string {
	if s == "" {
		return ""
	}
	return "<title>" + html.EscapeString(s) + "</title>"
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.add(`<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s" %s/>`, num(x1), num(y1), num(x2), num(y2), class, plain[class])
}

// plain are the attributes of lines that a page without a style sheet shows.
var plain = map[string]string{
	"grid": `stroke="#ddd"`,
	"axis": `stroke="#777"`,
	"mark": `stroke="#555" stroke-dasharray="3 3"`,
	"unit": `stroke="#222"`,
}

// num writes a coordinate with a tenth of a unit.
func num(v float64) string {
	s := fmt.Sprintf("%.1f", v)
	return strings.TrimSuffix(strings.Replace(s, "-0.0", "0", 1), ".0")
}

// Styles is how many series can be told apart, by colour, dashes and marker alike.
const Styles = 6

var (
	dashes  = [Styles]string{"", "8 3", "2 3", "10 3 2 3", "5 2", "12 4"}
	colours = [Styles]string{"#0072b2", "#c04f00", "#007a5a", "#a8408a", "#5c6673", "#8a6d00"}
)

// style returns the attributes of a line.
func style(i int) string {
	i = index(i)
	if dashes[i] == "" {
		return fmt.Sprintf(`class="line s%d" fill="none" stroke="%s" stroke-width="2"`, i, colours[i])
	}
	return fmt.Sprintf(`class="line s%d" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"`, i, colours[i], dashes[i])
}

func index(i int) int { return ((i % Styles) + Styles) % Styles }

// marker draws the sign of a style around a point; hollow ones are not filled.
func (d *drawing) marker(style int, x, y, r float64, hollow bool, tip string) {
	style = index(style)
	class, fill := "point", colours[style]
	if hollow {
		class, fill = "point hollow", "#fff"
	}
	attrs := fmt.Sprintf(`class="%s s%d" fill="%s" stroke="%s" stroke-width="1.5"`, class, style, fill, colours[style])
	path := func(points ...float64) {
		var b strings.Builder
		for i := 0; i < len(points); i += 2 {
			fmt.Fprintf(&b, "%s,%s ", num(x+points[i]*r), num(y+points[i+1]*r))
		}
		d.add(`<polygon points="%s" %s>%s</polygon>`, strings.TrimSpace(b.String()), attrs, title(tip))
	}
	switch style {
	case 0:
		d.add(`<circle cx="%s" cy="%s" r="%s" %s>%s</circle>`, num(x), num(y), num(r), attrs, title(tip))
	case 1:
		path(-.9, -.9, .9, -.9, .9, .9, -.9, .9)
	case 2:
		path(0, -1.15, 1.1, .85, -1.1, .85)
	case 3:
		path(0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0)
	case 4:
		path(0, 1.15, 1.1, -.85, -1.1, -.85)
	default:
		path(-.4, -1.2, .4, -1.2, .4, -.4, 1.2, -.4, 1.2, .4, .4, .4, .4, 1.2, -.4, 1.2, -.4, .4, -1.2, .4, -1.2, -.4, -.4, -.4)
	}
}

// legend draws samples of the series in rows from (x, y) on and returns the height it took.
func (d *drawing) legend(x, y, width float64, names []string, styles []int, lines bool) float64 {
	const sample, gap = 29.0, 14.0
	at, row := x, 0.0
	for i, name := range names {
		name = cut(name, width-sample)
		wide := sample + textWidth(name)
		if at > x && at+wide > x+width {
			at, row = x, row+lineHeight+2
		}
		middle := y + row + lineHeight/2
		if lines {
			d.add(`<line x1="%s" y1="%s" x2="%s" y2="%s" %s/>`, num(at), num(middle), num(at+24), num(middle), style(styles[i]))
		}
		d.marker(styles[i], at+12, middle, 4, false, "")
		d.text(at+sample, middle+4, "start", "name", name)
		at += wide + gap
	}
	if len(names) == 0 {
		return 0
	}
	return row + lineHeight + 6
}
