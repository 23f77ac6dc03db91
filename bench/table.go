package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/bench/cost"
)

// A Trial is one delivery of a set of records through one transport.
type Trial struct {
	Transport string
	Took      time.Duration // from the first read or send to the last settled record
	Counts    Counts
	Audit     Audit
}

// WriteTable prints trials side by side, with what their requests would cost. It fits 80 columns for up to three trials.
func WriteTable(out io.Writer, prices *cost.Book, trials []Trial) {
	row := func(name string, cell func(Trial) string) {
		fmt.Fprintf(out, "%-26s", name)
		for _, t := range trials {
			fmt.Fprintf(out, "%18s", cell(t))
		}
		fmt.Fprintln(out)
	}
	row("", func(t Trial) string { return t.Transport })
	row("records", func(t Trial) string { return thousands(t.Audit.Sent) })
	row("lost", func(t Trial) string { return thousands(t.Audit.Lost) })
	row("duplicated", func(t Trial) string { return thousands(t.Audit.Duplicates) })
	row("altered", func(t Trial) string { return thousands(t.Audit.Altered + t.Audit.Ghosts) })
	row("requests", func(t Trial) string { return thousands(t.Counts.Requests) })
	row("bytes", func(t Trial) string { return thousands(int(t.Counts.Bytes)) })
	row("accept latency p50", func(t Trial) string { return millis(t.Counts.P50) })
	row("accept latency p99", func(t Trial) string { return millis(t.Counts.P99) })
	row("records per second", func(t Trial) string {
		return thousands(int(float64(t.Counts.Accepted) / max(t.Took, time.Microsecond).Seconds()))
	})
	row("price on AWS", func(t Trial) string { return dollars(prices, t, 1) })
	row("price of a million records", func(t Trial) string { return dollars(prices, t, 1e6/float64(max(1, t.Audit.Sent))) })
	fmt.Fprintf(out, `
The price is that of the list %s for the requests counted here,
not that of a measured run on AWS; receiving from the queue and the function
behind the gateway come on top.
`, prices.ID)
}

// dollars returns the price of a trial, so many times.
func dollars(prices *cost.Book, t Trial, times float64) string {
	price, err := prices.OfRequests(t.Transport, int64(t.Counts.Requests), t.Counts.Chunks)
	if err != nil {
		return "?"
	}
	if price *= times; price < 0.01 {
		return fmt.Sprintf("$%.6f", price)
	}
	return fmt.Sprintf("$%.2f", price)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// thousands writes n with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
