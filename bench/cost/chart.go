package cost

import "math"

// A Chart holds curves of cost over one variable, and where they cross.
type Chart struct {
	X      string  `json:"x"` // what the variable is, with its unit
	Y      string  `json:"y"`
	Curves []Curve `json:"curves"`
	Cross  []Cross `json:"crossings"`
	Note   string  `json:"note"` // what is held constant
	xs     []float64
}

// A Curve is the cost of one option.
type Curve struct {
	Option Option  `json:"option"`
	Points []Point `json:"points"` // with rising X
}

// A Point is one value of a curve.
type Point struct {
	X   float64 `json:"x"`
	USD float64 `json:"usd"`
}

// A Cross is where the cheaper of two options changes: before X it is From, at X and after it is To.
type Cross struct {
	X    float64 `json:"x"`
	From Option  `json:"from"`
	To   Option  `json:"to"`
}

// paid are the options that are paid by the record.
func paid() []Option { return []Option{SQSStandard, SQSFIFO, REST, HTTPAPI} }

// filled returns s with the same fill everywhere, as far as 1 MiB allows: equal batching.
func (s Shape) filled(fill float64) Shape {
	fill = max(1, min(fill, math.Floor(sqsKiB/s.KiB+rounding))) // records of one size: no fractions
	s.SendFill, s.ReceiveFill, s.PostFill = fill, fill, fill
	return s
}

// FillChart is the cost per million records with 1 to 10 records in every request of every option. s.KiB is at most 1,024.
func (b *Book) FillChart(s Shape) (Chart, error) {
	c := Chart{X: "records per request", Y: "USD per million records", Note: "sent, received and posted in equal batches"}
	for fill := 1.0; fill <= sqsMost; fill++ {
		c.xs = append(c.xs, fill)
	}
	return c.draw(paid(), func(o Option, fill float64) (Cost, error) { return b.PerMillion(o, s.filled(fill)) })
}

// SizeChart is the cost per million records of 1 to 512 KiB, with at most fill records in every request of every option.
func (b *Book) SizeChart(s Shape, fill float64) (Chart, error) {
	c := Chart{X: "KiB per record", Y: "USD per million records", Note: "sent, received and posted in equal batches, as full as 1 MiB allows"}
	for kib := 1.0; kib <= 512; kib++ {
		c.xs = append(c.xs, kib)
	}
	return c.draw(paid(), func(o Option, kib float64) (Cost, error) {
		s.KiB = kib
		return b.PerMillion(o, s.filled(fill))
	})
}

// VolumeChart is the cost per month of 10,000 to 100 thousand million records, for brokers of one's own too.
func (b *Book) VolumeChart(s Shape) (Chart, error) {
	c := Chart{X: "records per month", Y: "USD per month", Note: "with volume tiers, idle polls and hosts"}
	for step := range 29 {
		c.xs = append(c.xs, math.Round(math.Pow(10, 4+float64(step)/4)))
	}
	return c.draw(Options(), func(o Option, records float64) (Cost, error) { return b.Monthly(o, s, records) })
}

func (c Chart) draw(options []Option, price func(Option, float64) (Cost, error)) (Chart, error) {
	for _, o := range options {
		curve := Curve{Option: o}
		for _, x := range c.xs {
			bill, err := price(o, x)
			if err != nil {
				return Chart{}, err
			}
			curve.Points = append(curve.Points, Point{x, bill.USD})
		}
		c.Curves = append(c.Curves, curve)
	}
	for i, a := range c.Curves {
		for _, b := range c.Curves[i+1:] {
			c.Cross = append(c.Cross, crossings(a, b)...)
		}
	}
	return c, nil
}

// crossings compares two curves with the same X. Points where they tie belong to who was cheaper before.
func crossings(a, b Curve) []Cross {
	var found []Cross
	cheaper := Option("")
	for i, p := range a.Points {
		q := b.Points[i]
		now := cheaper
		if gap := p.USD - q.USD; math.Abs(gap) > rounding*max(p.USD, q.USD) {
			now = a.Option
			if gap > 0 {
				now = b.Option
			}
		}
		if cheaper != "" && now != cheaper {
			found = append(found, Cross{p.X, cheaper, now})
		}
		cheaper = now
	}
	return found
}
