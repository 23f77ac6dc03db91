package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/bench/report"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// announce says before the run who takes no part, how long it takes and what it costs.
func (s *session) announce(out io.Writer) {
	for _, line := range s.said {
		fmt.Fprintln(out, line)
	}
	e := s.experiment()
	trials, searches := e.Lasts()
	var parts []string
	if n := e.Trials(); n > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s, about %s", counted(n, "trial"), counted(len(s.ends), "transport"), span(trials)))
	}
	if searches > 0 {
		parts = append(parts, "searches, at most "+span(searches))
	}
	fmt.Fprintln(out, strings.Join(parts, "; "))
	if len(s.estimate.Items) == 0 {
		return
	}
	fmt.Fprintf(out, "This run will cost about %s by the prices of %s:\n", result.Dollars(s.estimate.USD), s.book.ID)
	for _, item := range s.estimate.Items {
		fmt.Fprintf(out, "  %-48s %14s %12s\n", item.Name, result.Quantity(item.Quantity, ""), result.Dollars(item.USD))
	}
	if end := s.ends["apigateway"]; end != nil && end.Receipts {
		fmt.Fprintln(out, "Not in it: the queue of receipts, with a send for each record and the receives here. It is there for the audit alone.")
	}
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// span is a duration for people.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	if d < time.Hour {
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// confirm asks before money is spent, unless yes says that it may be.
func (s *session) confirm(ctx context.Context, yes bool, in io.Reader, out io.Writer) error {
	if len(s.estimate.Items) == 0 || yes {
		return nil
	}
	fmt.Fprintln(out, "Go on? [y/N]")
	answers := make(chan string, 1)
	go func() { // nobody can end a read of a terminal; if ctx ends, so does the program
		answer, _ := bufio.NewReader(in).ReadString('\n')
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case answer := <-answers:
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
			return nil
		}
		return coded{exitUsage, errors.New("nothing was sent; --yes runs without asking")}
	}
}

// next names the command that turns the results into advice, with the size of these records.
func next(paths report.Paths, pool *workload.Pool) string {
	total := 0
	for i := range pool.Size() {
		total += len(pool.Body(i))
	}
	return fmt.Sprintf("next     sluice-bench advise %s \\\n         --size %dB --records-per-month 10M", quoted(paths.Results), max(1, total/pool.Size()))
}
