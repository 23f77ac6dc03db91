package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/bench/result"
)

// Paths are where the files of a run are.
type Paths struct {
	Results, HTML, Trials, Series string
	Pictures                      []string
}

const leastWidth = 80

// Table prints a run for a terminal with so many columns; fewer than 80 count as 80. It returns the first error of w.
func Table(w io.Writer, f *result.File, width int, paths Paths) error {
	p := &printer{width: max(width, leastWidth)}
	if note := standInNote(f); note != "" {
		p.wrap("STAND-IN  ", note)
		p.line("")
	}
	if f.Run.Partial != "" {
		p.wrap("PARTIAL   ", f.Run.Partial)
		p.line("")
	}
	p.summary(f)
	p.comparisons(f)
	p.searches(f)
	p.section("Invalid trials, whose latencies do not count", first(invalid(f), mostInvalid))
	p.section("Not proved", limits(f))
	p.section("Warnings", f.Warnings)
	p.files(f, paths)
	_, err := io.WriteString(w, p.String())
	return err
}

// A printer gathers lines of at most width columns.
type printer struct {
	strings.Builder
	width int
}

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (p *printer) rule() { p.line("%s", strings.Repeat("─", p.width)) }

// wrap prints text in lines that begin with head, or with as many spaces.
func (p *printer) wrap(head, text string) {
	room := p.width - utf8.RuneCountInString(head)
	line := ""
	flush := func() {
		p.line("%s%s", head, line)
		head, line = strings.Repeat(" ", utf8.RuneCountInString(head)), ""
	}
	for _, word := range strings.Fields(printable(text)) {
		for utf8.RuneCountInString(word) > room {
			if line != "" {
				flush()
			}
			runes := []rune(word)
			line, word = string(runes[:room]), string(runes[room:])
			flush()
		}
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
			flush()
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		flush()
	}
}

// printable takes control characters out of text that comes from a file, so that it cannot steer the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// fit cuts text to n columns.
func fit(s string, n int) string {
	s = printable(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// pad fills text up to n columns; fmt would count bytes in some places and runes in others.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

func right(s string, n int) string {
	return strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s))) + s
}

// summary prints a column for each transport and a row for each metric.
func (p *printer) summary(f *result.File) {
	names := f.Transports()
	const first = 20
	column := 12
	if len(names) > 0 {
		column = max(8, min(16, (p.width-first)/len(names)))
	}
	row := func(name string, cell func(string) string) {
		line := pad(name, first)
		for _, n := range names {
			line += right(fit(cell(n), column-1), column)
		}
		p.line("%s", line)
	}
	phase := f.MainPhase()
	p.wrap("", fmt.Sprintf("Run %s, profile %s, %s%s", f.Run.ID, f.Run.Profile, span(f.Run.Seconds), ofPhase(phase)))
	p.line("")
	row("", func(n string) string { return n })
	row("far end", func(n string) string { return kind(f.Target(n)) })
	row("processed means", func(n string) string { return consumer(f.Target(n)) })
	if len(f.Trials) == 0 {
		return // a row of each metric would be one of dashes
	}
	row("valid trials", func(n string) string { return trialCount(f, n) })
	p.rule()
	for _, name := range headline {
		if m, ok := result.MetricNamed(name); ok {
			row(label(name), func(n string) string { return cell(f, m, n, phase) })
		}
	}
	p.rule()
	p.wrap("", "Medians over the trials that count for the metric; lost and duplicates are sums over all. Latencies count from the intended arrival of a record.")
}

// ofPhase says in a heading which phase the latencies are of; nothing if there are none.
func ofPhase(phase string) string {
	if phase == "" {
		return ""
	}
	return "; latencies of the phase " + phase
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func consumer(t result.Target) string {
	switch t.Consumer {
	case "own":
		return "received"
	case "reply", "receipts":
		return "replied"
	}
	return orNone(t.Consumer)
}

// comparisons prints the first pair in full, and the others too if they are few.
func (p *printer) comparisons(f *result.File) {
	all := pairs(f)
	for i, each := range all {
		if i > 0 && len(all) > 3 {
			p.others(f, all[1:])
			return
		}
		p.line("")
		p.line("A = %s, B = %s", fit(each.A, 20), fit(each.B, 20))
		p.compared("metric", "A", "B", "A/B [95 % CI]", "verdict", "pairs")
		p.rule()
		for _, c := range comparisonsOf(f, each) {
			a, b := typical(c)
			p.compared(label(c.Metric), a, b, ratio(c), verdict(c), fmt.Sprint(c.Pairs))
		}
		if i == 0 {
			p.rule()
			p.wrap("", "A and B are "+typicalNote+", so they are not quite the medians above; A/B is their ratio.")
		}
	}
}

func (p *printer) compared(metric, a, b, ratio, verdict, pairs string) {
	if utf8.RuneCountInString(ratio) > 22 { // four digits thrice: an interval without its end would be none
		ratio = strings.Replace(ratio, ", ", ",", 1)
	}
	p.line("%s%s%s%s  %s%s", pad(fit(metric, 15), 15), right(fit(a, 9), 9), right(fit(b, 9), 9),
		right(fit(ratio, 22), 23), pad(fit(verdict, 17), 17), right(pairs, 5))
}

// searches prints what each search has found.
func (p *printer) searches(f *result.File) {
	for _, phase := range searchPhases(f) {
		row := func(transport, kept, knee, closed, slo string) {
			p.line("%s%s%s%s  %s", pad(fit(transport, 12), 12), right(fit(kept, 15), 15), right(fit(knee, 11), 12), right(fit(closed, 13), 14), fit(slo, 25))
		}
		p.line("")
		p.wrap("", "Search "+phase+": the highest rates of accepted records")
		row("", "within the SLO", "knee", "closed loop", "SLO")
		p.rule()
		for _, s := range f.Searches {
			if s.Phase != phase {
				continue
			}
			row(s.Transport, found(s.MaxAtSLO), found(s.Knee), found(s.MaxClosed), s.SLO)
			if s.Because != "" {
				p.wrap("  ", s.Because)
			}
		}
	}
}

// others sums up pairs that are shown in full on the page only.
func (p *printer) others(f *result.File, rest []pair) {
	p.line("")
	p.line("Other pairs, in full in the report")
	p.rule()
	for _, each := range rest {
		a, b, same, open, none := 0, 0, 0, 0, 0
		for _, c := range comparisonsOf(f, each) {
			switch {
			case withheld(c) || !judged(c):
				none++
			case c.Verdict == result.ABetter:
				a++
			case c.Verdict == result.BBetter:
				b++
			case c.Verdict == result.Equivalent:
				same++
			default:
				open++
			}
		}
		var parts []string
		for _, part := range []struct {
			n    int
			text string
		}{{a, each.A + " better in"}, {b, each.B + " better in"}, {same, "equivalent in"}, {open, "open in"}, {none, "no verdict in"}} {
			if part.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", part.text, part.n))
			}
		}
		p.wrap(pad(fit(each.A+" : "+each.B, 25), 25), strings.Join(parts, ", "))
	}
}

// mostInvalid is how many invalid trials the terminal shows; the page shows all.
const mostInvalid = 6

// command prints a command for a shell in lines that can be copied: all but the last end with a backslash. They end between
// words, so that a long word makes a long line.
func (p *printer) command(head, text string) {
	room := p.width - utf8.RuneCountInString(head) - len(` \`)
	line, quoted := "", false
	for i, word := range strings.Split(printable(text), " ") {
		if i > 0 && !quoted && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
			p.line(`%s%s \`, head, line)
			head, line = strings.Repeat(" ", utf8.RuneCountInString(head)), word
		} else {
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		quoted = quotes(quoted, word)
	}
	p.line("%s%s", head, line)
}

// quotes reports whether what follows the text is inside the single quotes of a shell.
func quotes(open bool, text string) bool {
	escaped := false
	for _, r := range text {
		open = open != (r == '\'' && !escaped)
		escaped = r == '\\' && !open && !escaped
	}
	return open
}

// first cuts a list short and says so.
func first(lines []string, n int) []string {
	if len(lines) <= n+1 {
		return lines
	}
	return append(slices.Clone(lines[:n]), fmt.Sprintf("… and %d more, in the report", len(lines)-n))
}

func (p *printer) section(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("")
	p.line("%s", title)
	for _, text := range lines {
		p.wrap("  - ", text)
	}
}

func (p *printer) files(f *result.File, paths Paths) {
	p.line("")
	for _, x := range [][2]string{{"results", paths.Results}, {"report", paths.HTML}, {"trials", paths.Trials}, {"seconds", paths.Series}} {
		if x[1] != "" {
			p.wrap(pad(x[0], 9), x[1])
		}
	}
	for _, path := range paths.Pictures {
		p.wrap(pad("picture", 9), path)
	}
	if f.Run.Command != "" {
		p.command(pad("again", 9), f.Run.Command)
	}
}
