package advise

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number prints x with three significant digits below 1,000 and with commas above.
func number(x float64) string {
	if math.Abs(x) < 999.5 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	if x >= 1e15 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// dollars prints an amount a month.
func dollars(usd float64) string {
	if usd >= 1000 {
		return "$" + number(usd)
	}
	return fmt.Sprintf("$%.2f", usd)
}

// bytesText prints a size in the largest unit that keeps it above 1.
func bytesText(n float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.size {
			return number(n/unit.size) + " " + unit.name
		}
	}
	return number(n) + " B"
}

func millis(d time.Duration) string {
	return number(float64(d)/float64(time.Millisecond)) + " ms"
}

// wrap breaks text into lines of at most width characters; every line after the first is indented by indent.
func wrap(text string, width int, first, indent string) string {
	var b strings.Builder
	line := first
	empty := true
	for _, word := range strings.Fields(text) {
		switch {
		case empty:
			line += word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			b.WriteString(line + "\n")
			line = indent + word
		}
		empty = false
	}
	b.WriteString(line + "\n")
	return b.String()
}
