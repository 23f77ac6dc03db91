package workload

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// PerSecond is a rate. In a file it is a number per time: 200/s, 90/min, 1000/h.
type PerSecond float64

func (r PerSecond) String() string { return number(float64(r)) + "/s" }

func (r *PerSecond) parse(text string) error {
	value, unit, found := strings.Cut(text, "/")
	per := map[string]float64{"s": 1, "min": 60, "h": 3600}[strings.TrimSpace(unit)]
	x, err := float(strings.TrimSpace(value))
	if !found || per == 0 || err != nil {
		return fmt.Errorf("want a number per time, such as 200/s, 90/min or 1000/h")
	}
	*r = PerSecond(x / per)
	return nil
}

// RateOrAuto is a rate, or 0 for auto.
type RateOrAuto float64

func (r RateOrAuto) String() string {
	if r == 0 {
		return "auto"
	}
	return PerSecond(r).String()
}

func (r *RateOrAuto) parse(text string) error {
	if text == "auto" {
		*r = 0
		return nil
	}
	return (*PerSecond)(r).parse(text)
}

// CountOrAuto is a count, or 0 for auto.
type CountOrAuto int

func (c CountOrAuto) String() string {
	if c == 0 {
		return "auto"
	}
	return strconv.Itoa(int(c))
}

func (c *CountOrAuto) parse(text string) error {
	if text == "auto" {
		*c = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n == 0 {
		return fmt.Errorf("want auto or a whole number above 0")
	}
	*c = CountOrAuto(n)
	return nil
}

// Share is a part of something, 1 for all of it. In a file it is a percentage: 110%.
type Share float64

func (s Share) String() string { return number(float64(s)*100) + "%" }

func (s *Share) parse(text string) error {
	value, found := strings.CutSuffix(text, "%")
	x, err := float(value)
	if !found || err != nil {
		return fmt.Errorf("want a percentage, such as 110%%")
	}
	*s = Share(x / 100)
	return nil
}

// Bytes is a length. In a file it is a number with one of the units B, KB, MB (powers of 1000), KiB and MiB (of 1024).
type Bytes int64

func (b Bytes) String() string {
	switch {
	case b >= 1<<20 && b%(1<<20) == 0:
		return strconv.FormatInt(int64(b>>20), 10) + "MiB"
	case b >= 1<<10 && b%(1<<10) == 0:
		return strconv.FormatInt(int64(b>>10), 10) + "KiB"
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

func (b *Bytes) parse(text string) error {
	end := strings.LastIndexAny(text, "0123456789.") + 1
	unit := map[string]float64{"B": 1, "KB": 1e3, "MB": 1e6, "KiB": 1 << 10, "MiB": 1 << 20}[strings.TrimSpace(text[end:])]
	x, err := float(text[:end])
	if x *= unit; err != nil || unit == 0 || x != math.Trunc(x) || math.Abs(x) > 1<<40 {
		return fmt.Errorf("want whole bytes with a unit, such as 512B, 16KiB, 100KB, 1MiB or 1MB")
	}
	*b = Bytes(x)
	return nil
}

// An SLO is an objective: at a quantile, a latency stays under a bound.
type SLO struct {
	Metric   string  // accept or processed: intended arrival to acceptance, or to the end of the work on the record
	Quantile float64 // for example 0.99
	Bound    time.Duration
}

func (s SLO) String() string {
	return fmt.Sprintf("%s.p%s < %v", s.Metric, number(s.Quantile*100), s.Bound)
}

func (s *SLO) parse(text string) error {
	left, right, found := strings.Cut(text, "<")
	metric, quantile, _ := strings.Cut(strings.TrimSpace(left), ".")
	q := map[string]float64{"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}[quantile]
	bound, err := time.ParseDuration(strings.TrimSpace(right))
	if !found || err != nil || bound <= 0 || q == 0 || metric != "accept" && metric != "processed" {
		return fmt.Errorf("want an objective such as processed.p99 < 500ms: accept or processed; p50, p90, p95, p99 or p99.9; a time above 0")
	}
	*s = SLO{Metric: metric, Quantile: q, Bound: bound}
	return nil
}

// float reads a finite decimal number.
func float(text string) (float64, error) {
	if strings.Trim(text, "+-.0123456789eE") != "" { // no Inf, NaN, hexadecimal digits, underscores
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64) // out of range: an error
}

func number(x float64) string { return strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64) }
