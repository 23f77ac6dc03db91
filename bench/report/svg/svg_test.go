package svg

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func labels(ticks []Tick) string {
	var all []string
	for _, t := range ticks {
		all = append(all, t.Label)
	}
	return strings.Join(all, " ")
}

func TestTicksAreRoundNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, top float64
		log      bool
		n        int
		want     string
	}{
		{0, 10, false, 5, "0 2 4 6 8 10"},
		{-1, 1, false, 4, "-1 -0.5 0 0.5 1"},
		{0, 0.3, false, 3, "0 0.1 0.2 0.3"},
		{3, 17, false, 5, "5 10 15"},
		{0, 5_200_000, false, 5, "0 2M 4M"},
		{1, 100, true, 7, "1 2 5 10 20 50 100"},
		{0.5, 2, true, 5, "0.5 1 2"},
		{1, 1000, true, 7, "1 3 10 30 100 300 1000"},
		{1, 1e6, true, 7, "1 10 100 1000 10k 100k 1M"},
		{1, 1e12, true, 5, "1 1000 1M 1G 1000G"},
		{1.2, 1.6, true, 5, "1.2 1.3 1.4 1.5 1.6"},
	} {
		if got := labels(ticks(c.low, c.top, c.log, c.n, Number)); got != c.want {
			t.Errorf("%v to %v, log %v: got %q, want %q", c.low, c.top, c.log, got, c.want)
		}
	}
}

func TestTicksEndWhateverTheRange(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]float64{{1e30, math.Nextafter(1e30, math.Inf(1))}, {-1e30, 1e30}, {0, 1e-30}, {1, 1}} {
		low, top := widened(c[0], c[1], false)
		if got := ticks(low, top, false, 5, Number); len(got) > 13 {
			t.Errorf("%v: %d ticks", c, len(got))
		}
	}
	if got := ticks(1e-30, 1e30, true, 5, Number); len(got) > 13 {
		t.Errorf("sixty decades have %d ticks", len(got))
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	linear := scale{low: 0, top: 10, from: 100, to: 200}
	logarithmic := scale{log: true, low: 1, top: 100, from: 300, to: 100}
	for _, c := range []struct {
		s       scale
		v, want float64
	}{
		{linear, 5, 150}, {linear, -1, 100}, {linear, 11, 200}, {linear, math.NaN(), 100},
		{logarithmic, 10, 200}, {logarithmic, 0, 300}, {logarithmic, -1, 300}, {logarithmic, math.Inf(1), 100},
	} {
		if got := c.s.at(c.v); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", c.v, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.1: "0.1", 1.0 / 3: "0.3333", 9999: "9999", 10_000: "10k", 1_500_000: "1.5M", -20_000: "-20k", 3e9: "3G"} {
		if got := Number(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}

// chart has everything that a chart can have, with texts that would be taken for tags.
func chart(random *rand.Rand) Chart {
	const odd = `<b>&"'`
	c := Chart{Title: odd, Desc: odd, X: Axis{Label: odd}, Y: Axis{Label: odd, Log: random.IntN(2) == 0},
		Spans: []Span{{0, 5, "first", false}, {5, 10, "second", true}}, Levels: []Mark{{At: 3, Label: odd}}}
	for i := range 1 + random.IntN(5) {
		s := Series{Name: odd + fmt.Sprint(i), Style: i}
		for x := range 11 {
			y := 1 + 100*random.Float64()
			s.Line = append(s.Line, Point{float64(x), y})
			s.Band = append(s.Band, Range{float64(x), y * 0.9, y * 1.1})
			s.Dots = append(s.Dots, Dot{X: float64(x), Y: y, Hollow: x%2 == 0, Tip: odd})
		}
		c.Series = append(c.Series, s)
	}
	for x := range random.IntN(30) { // none: chosen
		c.X.Ticks = append(c.X.Ticks, Tick{At: 10 * float64(x) / 30, Label: strings.Repeat("8", 1+random.IntN(6))})
	}
	at := 0.0
	for range random.IntN(9) {
		at += random.Float64()
		c.Marks = append(c.Marks, Mark{At: at, Label: strings.Repeat("m", 1+random.IntN(12))})
	}
	return c
}

var element = regexp.MustCompile(`<text x="([^"]*)" y="([^"]*)" text-anchor="([^"]*)" class="[^"]*">([^<]*)</text>`)

type box struct{ left, right, base float64 }

// boxes are the places of all texts, by their estimated widths.
func boxes(t *testing.T, drawn string) map[string]box {
	t.Helper()
	all := map[string]box{}
	for i, m := range element.FindAllStringSubmatch(drawn, -1) {
		x, errX := strconv.ParseFloat(m[1], 64)
		y, errY := strconv.ParseFloat(m[2], 64)
		if errX != nil || errY != nil {
			t.Fatalf("a text at %s, %s", m[1], m[2])
		}
		text := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'").Replace(m[4])
		wide := textWidth(text)
		switch m[3] {
		case "middle":
			x -= wide / 2
		case "end":
			x -= wide
		}
		all[fmt.Sprintf("%d %s", i, text)] = box{x, x + wide, y}
	}
	return all
}

func wellFormed(t *testing.T, drawn string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(drawn))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, drawn)
		}
	}
}

func TestLabelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		drawn := chart(random).Draw()
		wellFormed(t, drawn)
		all := boxes(t, drawn)
		for a, x := range all {
			if x.right > Width+1 || x.left < -1 {
				t.Fatalf("%q leaves the chart: %+v", a, x)
			}
			for b, y := range all {
				if a < b && math.Min(x.right, y.right)-math.Max(x.left, y.left) > 0.2 && math.Abs(x.base-y.base) < 11 {
					t.Fatalf("%q %+v overlaps %q %+v in\n%s", a, x, b, y, drawn)
				}
			}
		}
	}
}

func TestTextsAreEscaped(t *testing.T) {
	t.Parallel()
	const odd = `<script>"'&`
	drawn := map[string]string{
		"chart": chart(rand.New(rand.NewPCG(1, 1))).Draw(),
		"rows":  Rows{Title: odd, ZoneLabel: odd, Axis: Axis{Label: odd}, Zone: [2]float64{0, 1}, Rows: []Row{{Name: odd, Text: odd, Tip: odd, Mid: 1, Low: 0.5, High: 2, Dots: []float64{1}}}}.Draw(),
		"grid":  Grid{Title: odd, Names: []string{odd}, Styles: []int{0}, Columns: odd, Rows: odd, Cells: []Cell{{Tip: odd, Crossed: true}}}.Draw(),
	}
	for name, text := range drawn {
		if strings.Contains(text, "<script") || strings.Contains(text, "<b>") || text == "" {
			t.Errorf("%s: a text was taken for a tag, or there is none: %s", name, text)
		}
		wellFormed(t, text)
	}
}

func TestNothingToDrawIsNothing(t *testing.T) {
	t.Parallel()
	for name, drawn := range map[string]string{
		"empty chart": Chart{}.Draw(), "no number": Chart{Series: []Series{{Line: []Point{{math.NaN(), math.NaN()}, {1, math.Inf(1)}}}}}.Draw(),
		"nothing above 0": Chart{Y: Axis{Log: true}, Series: []Series{{Line: []Point{{1, 0}, {2, -1}}}}}.Draw(),
		"no rows":         Rows{}.Draw(), "no cells": Grid{}.Draw(), "a cell out of bounds": Grid{Cells: []Cell{{Column: -1}, {Row: 1 << 40}}}.Draw(),
	} {
		if drawn != "" {
			t.Errorf("%s: %s", name, drawn)
		}
	}
	if (Chart{Series: []Series{{Line: []Point{{1, 1}}}}}).Draw() == "" {
		t.Error("one point is not drawn")
	}
}

// Whoever does not see colours still has dashes and markers.
func TestStylesDifferInMoreThanColour(t *testing.T) {
	t.Parallel()
	signs := map[string]int{}
	colour := regexp.MustCompile(`#[0-9a-f]{6}| s\d`)
	for i := range Styles {
		var d drawing
		d.marker(i, 10, 10, 4, false, "")
		sign := colour.ReplaceAllString(d.String(), "")
		if other, twice := signs[sign]; twice {
			t.Errorf("styles %d and %d have the same marker", other, i)
		}
		signs[sign] = i
		for j := range i {
			if dashes[i] == dashes[j] || colours[i] == colours[j] {
				t.Errorf("styles %d and %d have the same dashes or colour", j, i)
			}
		}
	}
	if style(-1) != style(Styles-1) || style(Styles) != style(0) {
		t.Error("styles do not start again")
	}
}
