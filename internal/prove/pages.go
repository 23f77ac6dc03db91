package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The pages that a full run writes.
const (
	trackRecord = "docs/track-record.md"
	faultMatrix = "docs/fault-matrix.md"
)

// writePages writes what the run has counted into the pages.
func (r report) writePages(root string) error {
	if err := rewrite(root, "run", r.markdown()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, faultMatrix), []byte(r.matrix()), 0o644)
}

// rewrite puts content into a part of the track record.
func rewrite(root, part, content string) error {
	path := filepath.Join(root, trackRecord)
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := replacePart(string(page), part, content)
	if err != nil {
		return fmt.Errorf("%s: %w", trackRecord, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// replacePart puts content between the two comments that mark the part of this name.
func replacePart(page, name, content string) (string, error) {
	begin, end := "<!-- begin: "+name+" -->\n", "<!-- end: "+name+" -->"
	head, rest, found := strings.Cut(page, begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("no part between %q and %q", strings.TrimSpace(begin), end)
	}
	return head + begin + "\n" + strings.Trim(content, "\n") + "\n\n" + end + tail, nil
}

// markdown is the table for the page.
func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n| | |\n|---|---:|\n", r.title())
	for _, l := range r.lines() {
		fmt.Fprintf(&b, "| %s | %s |\n", l.what, l.value)
	}
	fmt.Fprint(&b, "\n| fault | struck |\n|---|---:|\n")
	for _, l := range r.faults() {
		fmt.Fprintf(&b, "| %s | %s |\n", l.what, l.value)
	}
	fmt.Fprint(&b, "\n| planted bug | caught by |\n|---|---|\n")
	for _, p := range r.Tally.plants {
		fmt.Fprintf(&b, "| %s | `%s` |\n", p.bug, p.by)
	}
	return b.String()
}

// bugTable lists the bugs that Sluice has had, and how each is seen again.
func bugTable() string {
	var b strings.Builder
	fmt.Fprint(&b, "| what went wrong | mended in | see it again |\n|---|---|---|\n")
	for _, p := range found {
		fmt.Fprintf(&b, "| %s | `%s` | `go run ./internal/prove -plant %s` |\n", p.bug, p.found, p.name)
	}
	return b.String()
}

// areas is the order of the areas on the page.
var areas = []string{"source", "sqs", "apigateway", "jetstream", "rabbitmq", "credentials", "process", "disk"}

// matrix is the page of the fault matrix.
func (r report) matrix() string {
	rows := slices.Clone(r.Tally.rows)
	slices.SortStableFunc(rows, func(a, b heldRow) int {
		return cmp.Or(cmp.Compare(slices.Index(areas, a.Area), slices.Index(areas, b.Area)), cmp.Compare(a.Area, b.Area),
			cmp.Compare(a.Fault, b.Fault), cmp.Compare(a.Test, b.Test))
	})
	rows = slices.CompactFunc(rows, func(a, b heldRow) bool { return a == b })
	var b strings.Builder
	b.WriteString(matrixHead)
	area := ""
	for _, row := range rows {
		if row.Area != area {
			area = row.Area
			fmt.Fprintf(&b, "\n## %s\n\n| Fault | Action | Reason code | Test |\n|---|---|---|---|\n", area)
		}
		reason := ""
		if row.Reason != "" {
			reason = "`" + row.Reason + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", cell(row.Fault), row.Action, reason, cell(row.Test))
	}
	return b.String()
}

// cell keeps text from ending a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

const matrixHead = `# The fault matrix

What Sluice does when something fails, one row for each fault. ` + "`make prove`" + ` writes this page: a row stands here
because its test has just seen it, and the test checks the action, the reason code and that nothing was lost, invented or
altered. The reason codes are explained in [reasons.md](reasons.md), the promises in [guarantees.md](guarantees.md).

Actions: **retry** again after a backoff with full jitter; **split** halve the request until the culprit stands alone; **dead** set
one record aside, durably; **pause** readiness false, a probe at most once a minute, nothing dropped; **exit** end with a code
and a reason; **none** nothing is wrong for the daemon.
`
