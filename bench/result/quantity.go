package result

import (
	"fmt"
	"math"
	"strconv"
)

// Quantity writes a value of a metric with its unit, with three significant digits and in the size of unit that suits it;
// counts and rates are written out with commas.
func Quantity(v float64, unit string) string {
	switch unit {
	case "ms":
		return Span(v)
	case "µs":
		return Span(v / 1000)
	case "s":
		return Span(v * 1000)
	case "$":
		return Dollars(v)
	case "B":
		return Bytes(v)
	case "/s":
		if !noNumber(v) {
			return Plain(v) + "/s"
		}
	}
	return Plain(v)
}

func noNumber(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// Span writes a time given in milliseconds.
func Span(ms float64) string {
	switch a := math.Abs(ms); {
	case noNumber(ms):
		return "–"
	case a == 0:
		return "0 ms"
	case a < 0.9995:
		return digits3(ms*1000) + " µs"
	case a < 999.5:
		return digits3(ms) + " ms"
	case a < 599950:
		return digits3(ms/1000) + " s"
	}
	return digits3(ms/60000) + " min"
}

// Dollars writes a price: cents from one dollar up, three significant digits below.
func Dollars(v float64) string {
	switch {
	case noNumber(v):
		return "–"
	case v == 0:
		return "$0"
	}
	if a := math.Abs(v); a < 0.995 {
		return "$" + digits3(v)
	}
	cents := math.Round(math.Abs(v)*100) / 100
	whole := math.Floor(cents)
	text := "$" + commas(whole) + fmt.Sprintf(".%02d", int(math.Round((cents-whole)*100)))
	if v < 0 {
		return "-" + text
	}
	return text
}

// Bytes writes a size.
func Bytes(v float64) string {
	if noNumber(v) {
		return "–"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return Plain(v) + " " + units[i]
}

// Plain writes a number: with commas from a thousand, with three significant digits below.
func Plain(v float64) string {
	if noNumber(v) {
		return "–"
	}
	if math.Abs(v) >= 999.5 {
		if v < 0 {
			return "-" + commas(math.Round(-v))
		}
		return commas(math.Round(v))
	}
	return digits3(v)
}

func commas(v float64) string {
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// digits3 writes three significant digits without an exponent; whole numbers stay whole.
func digits3(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1000 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	text := strconv.FormatFloat(v, 'f', max(0, min(decimals, 8)), 64)
	if rounded, err := strconv.ParseFloat(text, 64); err == nil && rounded != 0 && math.Abs(rounded) >= math.Pow10(3-decimals) && decimals > 0 {
		text = strconv.FormatFloat(v, 'f', decimals-1, 64) // 9.999 becomes 10.0, not 10.00
	}
	return text
}
