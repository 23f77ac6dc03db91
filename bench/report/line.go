package report

import (
	"fmt"
	"math"
	"strings"

	"sluice/bench/report/svg"
	"sluice/bench/result"
)

const lineFormat = "%s %s %s %s %s %s %s %s %s %s %s"

// LineHeader is the line above those of Line.
func LineHeader() string {
	return columns("transport", "phase", "rate", "ok", "acc p50", "acc p99", "proc99", "error", "lost", "dup", "sum $")
}

// Line sums a finished trial up in at most 80 columns: its main phase, the rate offered and how much of it was accepted, the
// latencies, failed attempts, losses and duplicates where f says that somebody received what was sent, and spent, which is
// what the run has cost so far in USD. A trial that does not count has more lines, which say why.
func Line(f *result.File, t *result.Trial, spent float64) string {
	var main *result.Phase
	for i := range t.Phases {
		if p := &t.Phases[i]; main == nil || p.Kind == "open" && (main.Kind != "open" || p.Offered > main.Offered) {
			main = p
		}
	}
	if main == nil {
		main = &result.Phase{Name: "–"}
	}
	share := "–"
	if main.Offered > 0 {
		share = fmt.Sprintf("%.1f%%", 100*float64(main.Accepted)/float64(main.Offered))
	}
	errors := 0
	for _, n := range t.Errors {
		errors += n
	}
	lost, duplicates := "–", "–"
	if f.Audited(t.Transport) {
		lost, duplicates = svg.Number(float64(t.Audit.Lost)), svg.Number(float64(t.Audit.Duplicates.Total))
	}
	line := columns(t.Transport, main.Name, svg.Number(math.Round(main.OfferedRate))+"/s", share, millis(main.Latency.Accept.P50), millis(main.Latency.Accept.P99),
		millis(main.Latency.Processed.P99), svg.Number(float64(errors)), lost, duplicates, result.Dollars(spent))
	if t.Valid {
		return line
	}
	p := &printer{width: leastWidth}
	p.wrap("  INVALID  ", reasons(*t))
	return line + "\n" + strings.TrimRight(p.String(), "\n")
}

func columns(transport, phase, rate, ok, p50, p99, done, errors, lost, dup, usd string) string {
	return strings.TrimRight(fmt.Sprintf(lineFormat, pad(fit(transport, 10), 10), pad(fit(phase, 6), 6), right(fit(rate, 7), 7), right(fit(ok, 6), 6),
		right(p50, 7), right(p99, 7), right(done, 7), right(fit(errors, 5), 5), right(fit(lost, 4), 4), right(fit(dup, 3), 3), right(fit(usd, 8), 8)), " ")
}

func millis(ms *float64) string {
	if ms == nil {
		return "–"
	}
	return result.Span(*ms)
}
