package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"sluice/bench"
	"sluice/transport"
)

// audit compares what the publisher gave with what has arrived, by the publisher's own ids: nothing of Sluice is in it.
func audit(want []json.RawMessage, got []transport.Record) bench.Audit {
	sent, arrived := make([][]byte, len(want)), make([][]byte, len(got))
	for i, event := range want {
		sent[i] = event
	}
	for i, r := range got {
		arrived[i] = r.Body
	}
	return bench.Compare(sent, arrived, func(body []byte) string { return gjson.GetBytes(body, "id").String() })
}

// report prints the passages side by side.
func report(out io.Writer, passages []passage) {
	row := func(name string, cell func(passage) string) {
		fmt.Fprintf(out, "%-26s", name)
		for _, p := range passages {
			fmt.Fprintf(out, "%18s", cell(p))
		}
		fmt.Fprintln(out)
	}
	row("", func(p passage) string { return p.transport })
	row("records", func(p passage) string { return thousands(p.audit.Sent) })
	row("lost", func(p passage) string { return thousands(p.audit.Lost) })
	row("duplicated", func(p passage) string { return thousands(p.audit.Duplicates) })
	row("altered", func(p passage) string { return thousands(p.audit.Altered + p.audit.Ghosts) })
	row("requests", func(p passage) string { return thousands(p.counts.Requests) })
	row("bytes", func(p passage) string { return thousands(int(p.counts.Bytes)) })
	row("accept latency p50", func(p passage) string { return millis(p.counts.P50) })
	row("accept latency p99", func(p passage) string { return millis(p.counts.P99) })
	row("records per second", func(p passage) string { return thousands(int(float64(p.audit.Sent) / p.took.Seconds())) })
	prices := bench.ListPrices
	row("price on AWS", func(p passage) string { return dollars(prices, p, 1) })
	row("price of a million records", func(p passage) string { return dollars(prices, p, 1e6/float64(max(1, p.audit.Sent))) })
	fmt.Fprintf(out, `
Latency and throughput are those of a stand-in on this machine: they measure
Sluice, not Amazon. The price is the %s list price of %s for the
requests counted here, not that of a measured run on AWS; receiving from the
queue and the function behind the gateway come on top.
`, prices.Region, prices.Date)
}

func dollars(prices bench.Prices, p passage, times float64) string {
	price, err := prices.Of(p.transport, p.counts)
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
