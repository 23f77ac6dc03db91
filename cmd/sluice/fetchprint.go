package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/exchange"
	"sluice/internal/redact"
)

// screen is the number of columns that output for people fits into.
const screen = 80

// A printer writes pages to standard output.
type printer struct {
	out       *bufio.Writer
	raw, json bool
	hide      *redact.Redactor
}

func newPrinter(out io.Writer, f fetchFlags, hide *redact.Redactor) *printer {
	return &printer{out: bufio.NewWriter(out), raw: f.raw, json: f.json, hide: hide}
}

// page prints items. The cursor goes with the last line of JSON: what comes after that line is what it leads to.
func (p *printer) page(items []shaped, cursor ingest.Cursor) error {
	var err error
	switch {
	case p.raw:
		for _, s := range items {
			_, _ = p.out.Write(s.item)
			_ = p.out.WriteByte('\n')
		}
	case p.json:
		err = p.lines(items, cursor)
	default:
		for _, s := range items {
			p.people(s)
		}
	}
	if err != nil {
		return err
	}
	return p.out.Flush()
}

// lines prints a line of JSON for each record and each item that would be set aside.
func (p *printer) lines(items []shaped, cursor ingest.Cursor) error {
	var all []any
	for _, s := range items {
		if s.aside != nil {
			all = append(all, newAsideLine(s))
		}
		if s.aside == nil {
			for _, r := range s.records {
				line := newRecordLine(r)
				line.Position = s.position
				all = append(all, line)
			}
		}
	}
	for i, line := range all {
		if i == len(all)-1 {
			switch last := line.(type) {
			case recordLine:
				last.Cursor = cursor
				line = last
			case asideLine:
				last.Cursor = cursor
				line = last
			}
		}
		data, err := compact(line)
		if err != nil {
			return err
		}
		_, _ = p.out.WriteString(legible(string(data)))
	}
	return nil
}

// compact writes v as a line of JSON.
func compact(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return out.Bytes(), err
}

// people prints an item for people, without the secrets of the settings.
func (p *printer) people(s shaped) {
	if s.aside != nil {
		fmt.Fprintln(p.out, fold(fmt.Sprintf("would be set aside: %s (%s), %s", oneLine([]byte(s.aside.Reason), 40), s.aside.Stage, oneLine([]byte(s.position), 200)), 2))
		fmt.Fprintf(p.out, "  why   %s\n", fold(oneLine([]byte(p.hide.Text(s.aside.Message)), 500), 8))
		fmt.Fprintf(p.out, "  item  %s\n", p.clip(s.item, screen-8))
		return
	}
	for _, r := range s.records {
		key := ""
		if r.Key != "" {
			key = "key " + p.clip([]byte(r.Key), 24)
		}
		fmt.Fprintf(p.out, "%-26s  %-28s  %13s\n", oneLine([]byte(r.ID), 26), key, count(len(r.Body), "byte", "bytes"))
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			fmt.Fprintf(p.out, "  %s\n", p.clip([]byte(name+": "+r.Headers[name]), screen-2))
		}
		fmt.Fprintf(p.out, "  %s\n", p.clip(r.Body, screen-2))
	}
}

// clip is the beginning of data for a line of so many columns, without secrets.
func (p *printer) clip(data []byte, columns int) string {
	const looked = 4 << 10 // more never shows, and records are long
	return oneLine([]byte(p.hide.Text(string(data[:min(len(data), looked)]))), columns)
}

// outcome says what came of a request.
func outcome(x exchange.Seen) string {
	took := x.Took.Round(100 * time.Microsecond)
	if took > time.Second {
		took = x.Took.Round(time.Millisecond)
	}
	switch {
	case x.Status == 0:
		return fmt.Sprintf("no answer after %v", took)
	case x.Err != nil:
		return fmt.Sprintf("%d %s, broken off after %s, %v", x.Status, http.StatusText(x.Status), count(int(x.Bytes), "byte", "bytes"), took)
	}
	return fmt.Sprintf("%s, %s, %v", strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status))), count(int(x.Bytes), "byte", "bytes"), took)
}
