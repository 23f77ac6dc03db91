package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/proof"
)

// A report is what a run came to.
type report struct {
	At      time.Time
	Took    time.Duration
	Machine string
	Commit  string
	Tally   *tally
}

// A line of the table.
type line struct{ what, value string }

// lines are the table without the faults.
func (r report) lines() []line {
	t := r.Tally
	n := func(what string) string { return thousands(t.numbers[what]) }
	lines := []line{
		{"simulations (seeds)", n(proof.Seeds)},
		{"virtual time", virtual(t.numbers[proof.VirtualSeconds])},
		{"kills of a real process (SIGKILL)", n(proof.Kills)},
		{"crashes in a model", n(proof.Crashes)},
		{"polite stops", n(proof.Stops)},
		{"obligations checked (records)", n(proof.Obligations)},
		{"lost", n(proof.Lost)},
		{"altered or invented", n(proof.Altered)},
		{"set aside as dead letters", n(proof.DeadLetters)},
		{"duplicates", n(proof.Duplicates) + " of at most " + n(proof.DuplicateBound)},
		{"rows of the fault matrix held", thousands(len(t.rows))},
	}
	if t.fuzzed > 0 {
		lines = append(lines, line{"fuzz targets", fmt.Sprintf("%d, %s inputs", t.fuzzed, thousands(t.inputs))})
	}
	caught := 0
	for _, p := range t.plants {
		if p.caught {
			caught++
		}
	}
	return append(lines, line{"planted bugs caught", fmt.Sprintf("%d of %d", caught, len(t.plants))})
}

// faults lists how often each kind has struck, the names in order.
func (r report) faults() []line {
	var lines []line
	for _, kind := range slices.Sorted(maps.Keys(r.Tally.faults)) {
		lines = append(lines, line{strings.ReplaceAll(kind, "_", " "), thousands(r.Tally.faults[kind])})
	}
	return lines
}

// title says what was proved, where and when.
func (r report) title() string {
	return fmt.Sprintf("Commit %s, %s, %s, in %s", r.Commit, r.At.Format("2 January 2006"), r.Machine, r.Took.Round(time.Second))
}

// table is what a terminal of 80 columns shows.
func (r report) table() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.title())
	fmt.Fprintln(&b)
	for _, l := range r.lines() {
		fmt.Fprintf(&b, "%-36s %22s\n", l.what, l.value)
	}
	fmt.Fprint(&b, "\nHow often each fault struck\n\n")
	for _, l := range r.faults() {
		fmt.Fprintf(&b, "%-48s %10s\n", l.what, l.value)
	}
	fmt.Fprint(&b, "\nTime\n\n")
	for _, s := range r.Tally.stages {
		fmt.Fprintf(&b, "%-36s %22s\n", s.name, s.took.Round(time.Second))
	}
	return b.String()
}

// thousands writes n with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// virtual writes seconds as hours and minutes.
func virtual(seconds int) string {
	return fmt.Sprintf("%s h %d min", thousands(seconds/3600), seconds%3600/60)
}

var cpuModel = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)

// machine describes the computer: processor, cores, system, version of Go.
func machine() string {
	cpu := "unknown processor"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := cpuModel.FindSubmatch(data); m != nil {
			cpu = string(m[1])
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// commit is the short name of what is checked out, with a + if files differ from it; the pages that a run writes do not count.
func commit(ctx context.Context, root string) string {
	git := func(args ...string) string {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	name := git("rev-parse", "--short", "HEAD")
	if name == "" {
		return "unknown"
	}
	if git("status", "--porcelain", "--", ".", ":!"+trackRecord, ":!"+faultMatrix) != "" {
		name += "+"
	}
	return name
}
