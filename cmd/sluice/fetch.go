package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/exchange"
	"sluice/internal/fault"
	"sluice/internal/redact"
)

// fetchFlags are what a user can ask of fetch.
type fetchFlags struct {
	pages, records int
	raw, json      bool
	cursor, record string
}

func fetchCommand() *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Show what the source has and what would be made of it",
		Long: `Pulls from the configured source and prints the records that it would deliver
with their ID and key, and what it would set aside and why; on standard error
the requests, the cursor after each page and a summary. It reads and writes no
checkpoint and needs no destination, so it can do no harm: run it first.

With --record DIR it writes a case for 'sluice test', with secrets taken out.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			settings, err := drivers.Load(drivers.ForSource)
			if err != nil {
				return withCode(exitConfig, err)
			}
			signal.Ignore(syscall.SIGPIPE) // 'sluice fetch | head' ends without a complaint
			err = fetch(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), settings, f)
			if errors.Is(err, syscall.EPIPE) {
				return nil
			}
			return err
		},
	}
	cmd.Flags().IntVar(&f.pages, "pages", 1, "stop after so many pages; 0: when the source has no more for now")
	cmd.Flags().IntVar(&f.records, "records", 0, "stop after so many records, set aside or not; 0: no limit")
	cmd.Flags().BoolVar(&f.raw, "raw", false, "print the items as they came, a line each, and nothing made of them")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a line of JSON for each record and for each item that would be set aside")
	cmd.Flags().StringVar(&f.cursor, "cursor", "", "`place` to begin at; empty: the beginning of the source")
	cmd.Flags().StringVar(&f.record, "record", "", "new `folder` to write a case for 'sluice test' to")
	return cmd
}

func (f fetchFlags) check() error {
	switch {
	case f.pages < 0:
		return withCode(exitUsage, fmt.Errorf("--pages is %d, want 0 or more", f.pages))
	case f.records < 0:
		return withCode(exitUsage, fmt.Errorf("--records is %d, want 0 or more", f.records))
	case f.raw && f.json:
		return withCode(exitUsage, errors.New("--raw and --json exclude each other"))
	case f.record != "" && f.records > 0:
		return withCode(exitUsage, errors.New("--record keeps whole pages; use it with --pages, not with --records"))
	}
	return nil
}

// A secretive source knows what of its settings must not be shown.
type secretive interface{ Secrets() []string }

// A limited source knows how much the origin lets it ask, in words; "" where nothing is known.
type limited interface{ Quota() string }

// A deferring source knows what the Read that was caught up has left to a later one, in words; "" where there is nothing.
type deferring interface{ Left() string }

// secretsOf returns a function that lists the secrets which the settings and the environment of AWS hold when it is called.
func secretsOf(s *drivers.Settings, source drivers.Source) func() []string {
	values := s.Secrets()
	return func() []string {
		var all []string
		for _, v := range values {
			all = append(all, v.Reveal())
		}
		if x, ok := source.(secretive); ok {
			all = append(all, x.Secrets()...)
		}
		return append(all, os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	}
}

// fetch pulls until there is enough. What it shows of the source's doings goes to said.
func fetch(ctx context.Context, out, said io.Writer, s *drivers.Settings, f fetchFlags) error {
	said = &lockedWriter{to: said} // it tells of waiting while something else may be told
	var rec *recorder
	if f.record != "" {
		var err error
		if rec, err = newRecorder(f.record, ingest.Cursor(f.cursor)); err != nil {
			return err
		}
		defer rec.tidy()
	}
	var told []exchange.Seen
	s.HTTP.Wrap = func(next http.RoundTripper) http.RoundTripper {
		return &exchange.Watch{Next: next, Keep: rec != nil, Tell: func(x exchange.Seen) { told = append(told, x) }}
	}
	warn := func(text string) { note(said, "warning", text) }
	for _, warning := range s.Warnings() {
		warn(warning)
	}
	s.HTTP.Warn = warn
	source, err := s.Source()
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer source.Close()
	parse, err := naming(s, source).Compile()
	if err != nil {
		return withCode(exitConfig, err)
	}
	p := &pull{source: source, parse: parse, cursor: ingest.Cursor(f.cursor), flags: f,
		out: newPrinter(out, f, redact.Hiding(secretsOf(s, source)())), said: said, told: &told, rec: rec, awaited: awaited(s)}
	trouble := p.run(ctx)
	if rec != nil && rec.full() == nil && (trouble == nil || len(rec.exchanges) > 0) {
		if err := rec.write(ctx, said, s, source); err != nil {
			return errors.Join(trouble, err)
		}
	}
	if trouble != nil && ctx.Err() == nil {
		if errors.Is(trouble, syscall.EPIPE) {
			return trouble
		}
		reason := fault.From(trouble).Code()
		p.say("reason", reason)
		if reason == "bad_cursor" && f.cursor != "" && p.pages == 0 {
			return withCode(exitUsage, errors.New("--cursor is no cursor of this source; take one whole, as 'fetch --json' or 'sluice checkpoint show' prints it"))
		}
		return withCode(exitCode(trouble), advise(trouble))
	}
	if trouble != nil {
		p.say("stopped", "by a signal")
	}
	return p.summary()
}

// A pull is one run of fetch.
type pull struct {
	source drivers.Source
	parse  ingest.Parser
	cursor ingest.Cursor
	flags  fetchFlags
	out    *printer
	said   io.Writer
	told   *[]exchange.Seen // requests that were not told of yet
	rec    *recorder        // nil: nothing is recorded

	awaited string // what a Read may wait for, in words
	waiting sync.Once

	pages, items, records, filtered, aside int
	end                                    string // how the source stood at the end
}

// run reads page after page.
func (p *pull) run(ctx context.Context) error {
	for p.flags.pages == 0 || p.pages < p.flags.pages {
		batch, err := p.read(ctx)
		p.requests()
		if err == io.EOF { //nolint:errorlint // one that is wrapped tells of a broken connection
			p.end = "the source has ended"
			return nil
		}
		if err != nil {
			return err
		}
		p.pages++
		if p.rec != nil {
			p.rec.items(batch)
		}
		if err := p.rec.full(); err != nil {
			return err
		}
		whole, err := p.page(batch)
		if err != nil {
			return err
		}
		idle := len(batch.Items) == 0 && batch.Next == p.cursor
		p.cursor = batch.Next
		switch {
		case !whole:
			p.end = "stopped by --records; the page has more"
		case batch.CaughtUp || idle:
			p.end = "caught up, there is no more for now"
		default:
			p.end = "more follows"
		}
		p.say("page", fmt.Sprintf("%d: %s; %s", p.pages, count(len(batch.Items), "item", "items"), p.end))
		p.say("cursor", shortCursor(p.out.hide.Text(string(p.cursor)), screen-margin))
		if x, ok := p.source.(limited); ok && x.Quota() != "" {
			p.say("limits", p.out.hide.Text(x.Quota()))
		}
		if x, ok := p.source.(deferring); ok && batch.CaughtUp && x.Left() != "" {
			p.say("later", x.Left())
		}
		if !whole || batch.CaughtUp || idle || p.enough() {
			return nil
		}
	}
	return nil
}

// page prints a page, as far as it is wanted, and reports whether that was all of it.
func (p *pull) page(b ingest.Batch) (whole bool, err error) {
	items := shape(b, p.pages, p.parse)
	whole = true
	for i, s := range items {
		if p.enough() {
			items, whole = items[:i], false
			break
		}
		p.items++
		p.records += len(s.records)
		switch {
		case s.aside != nil:
			p.aside++
		case len(s.records) == 0:
			p.filtered++
		}
	}
	cursor := b.Next
	if !whole {
		cursor = "" // it is behind what was not printed
	}
	return whole, p.out.page(items, cursor)
}

// enough reports whether as much is printed as --records allows.
func (p *pull) enough() bool { return p.flags.records > 0 && p.records+p.aside >= p.flags.records }

// requests tells of the requests that were made.
func (p *pull) requests() {
	for _, x := range *p.told {
		p.say("request", x.Method+" "+p.out.hide.URL(x.URL))
		p.say("", outcome(x))
		if p.rec != nil {
			p.rec.exchange(p.said, x)
		}
	}
	*p.told = nil
}

// summary ends what is told.
func (p *pull) summary() error {
	p.say("done", fmt.Sprintf("%s, %s: %s, %d filtered, %d would be set aside", count(p.pages, "page", "pages"), count(p.items, "item", "items"),
		count(p.records, "record", "records"), p.filtered, p.aside))
	if p.end != "" {
		p.say("", p.end)
	}
	return nil
}

// margin is where what is said begins: behind a word of 8 letters.
const margin = 9

// say tells something on standard error, with a word in front.
func (p *pull) say(what, text string) { note(p.said, what, text) }

func note(out io.Writer, what, text string) {
	fmt.Fprintf(out, "%-*s%s\n", margin, what, fold(oneLine([]byte(text), 2000), margin))
}
