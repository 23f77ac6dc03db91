package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sluice/bench/audit"
	"sluice/bench/result"
)

// sortedKeys returns the keys of m in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func deliverySection(f *result.File) section {
	s := section{ID: "delivery", Title: "Delivery", Lead: "Every record of every trial, invalid trials too, is identified at the far end and counted. A loss is a record that was accepted and never came out."}
	if len(f.Trials) == 0 {
		return s
	}
	s.Blocks = append(s.Blocks, block{Table: auditTable(f)}, block{Table: duplicateTable(f)})
	var blind, receipts []string
	for _, name := range f.Transports() {
		if !f.Audited(name) {
			blind = append(blind, name)
		}
		if f.Target(name).Consumer == "receipts" {
			receipts = append(receipts, name)
		}
	}
	if len(blind) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "Nothing was read back from " + list(blind) + ": there, received means accepted, and losses are not known."})
	}
	if len(receipts) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "Of " + list(receipts) + ", the receipts were read back that the integration put into a queue: there, received means that it put one, lost that none came before the time to drain was over, and the order is that of the queue's dates."})
	}
	if t := countTable(f, "Failed attempts of records, by class and reason", func(t result.Trial) map[string]int { return t.Errors }); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	if t := countTable(f, "Scripted faults: how often each has fired", func(t result.Trial) map[string]int { return t.Faults }); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	var unexpected []string
	for _, t := range f.Trials {
		for _, u := range t.Unexpected {
			unexpected = append(unexpected, fmt.Sprintf("pair %d, %s: %s", t.Pair+1, t.Transport, u))
		}
	}
	if len(unexpected) > 0 {
		s.Blocks = append(s.Blocks, block{Text: "Audits that differ from what the faults of the workload allow:"}, block{List: unexpected})
	}
	return s
}

// audits adds up the counts of the audits of a transport; rates and bounds are not added and stay 0.
func audits(f *result.File, transport string) audit.Matrix {
	var sum audit.Matrix
	for _, t := range f.Trials {
		if t.Transport != transport {
			continue
		}
		m := t.Audit
		for _, x := range []struct {
			to   *int
			from int
		}{
			{&sum.Sent, m.Sent}, {&sum.Deliveries, m.Deliveries}, {&sum.Accepted, m.Accepted}, {&sum.OK, m.OK}, {&sum.Duplicated, m.Duplicated},
			{&sum.Spoiled, m.Spoiled}, {&sum.Lost, m.Lost}, {&sum.InDoubt, m.InDoubt}, {&sum.InDoubtSeen, m.InDoubtSeen}, {&sum.InDoubtUnseen, m.InDoubtUnseen},
			{&sum.Rejected, m.Rejected}, {&sum.Unsettled, m.Unsettled}, {&sum.Unsent, m.Unsent}, {&sum.GhostRecords, m.GhostRecords}, {&sum.Strangers, m.Strangers},
			{&sum.Ghosts, m.Ghosts}, {&sum.Corrupt, m.Corrupt}, {&sum.Reordered, m.Reordered}, {&sum.Duplicates.Total, m.Duplicates.Total},
			{&sum.Duplicates.Transport, m.Duplicates.Transport}, {&sum.Duplicates.Retry, m.Duplicates.Retry}, {&sum.Duplicates.Redelivery, m.Duplicates.Redelivery},
			{&sum.Duplicates.Unexplained, m.Duplicates.Unexplained}, {&sum.Retries, m.Retries}, {&sum.UnknownAttempts, m.UnknownAttempts}, {&sum.Repeated, m.Repeated},
		} {
			*x.to += x.from
		}
		sum.ReorderMaxExtent = max(sum.ReorderMaxExtent, m.ReorderMaxExtent)
	}
	return sum
}

// auditTable has one row for each fate of a record, so that each column adds up to what was sent.
func auditTable(f *result.File) *table {
	t := &table{Caption: "What became of the records", Head: append([]string{"records"}, f.Transports()...)}
	rows := []struct {
		name string
		of   func(audit.Matrix) int
		bad  bool // where it is not 0
	}{
		{"to be sent", func(m audit.Matrix) int { return m.Sent }, false},
		{"accepted, received once", func(m audit.Matrix) int { return m.OK }, false},
		{"accepted, received more than once", func(m audit.Matrix) int { return m.Duplicated }, false},
		{"accepted, received altered only", func(m audit.Matrix) int { return m.Spoiled }, true},
		{"accepted, never received: LOST", func(m audit.Matrix) int { return m.Lost }, true},
		{"in doubt, received", func(m audit.Matrix) int { return m.InDoubtSeen }, false},
		{"in doubt, never received", func(m audit.Matrix) int { return m.InDoubtUnseen }, false},
		{"rejected, never received", func(m audit.Matrix) int { return m.Rejected }, false},
		{"not settled, never received", func(m audit.Matrix) int { return m.Unsettled }, false},
		{"never sent", func(m audit.Matrix) int { return m.Unsent }, false},
		{"not accepted, yet received: ghosts", func(m audit.Matrix) int { return m.GhostRecords }, true},
	}
	for _, row := range rows {
		line := cells(row.name)
		for _, name := range f.Transports() {
			line = append(line, counted(row.of(audits(f, name)), row.bad))
		}
		t.Rows = append(t.Rows, line)
	}
	line := cells("lost, upper 95 % bound per million")
	for _, name := range f.Transports() {
		line = append(line, td{Text: bound(f, name)})
	}
	t.Rows = append(t.Rows, line)
	return t
}

// bound is the upper end of the rate of losses: about 3/n where none of n was lost, and the highest of the trials' own
// bounds where some were.
func bound(f *result.File, transport string) string {
	sum := audits(f, transport)
	if sum.Accepted == 0 || !f.Audited(transport) {
		return "–"
	}
	if sum.Lost == 0 {
		return result.Plain(3e6 / float64(sum.Accepted))
	}
	worst := 0.0
	for _, t := range f.Trials {
		if t.Transport == transport {
			worst = max(worst, t.Audit.LostUpper95)
		}
	}
	return result.Plain(worst * 1e6)
}

func counted(n int, bad bool) td {
	c := td{Text: result.Plain(float64(n))}
	switch {
	case n == 0:
		c.Class = "faint"
	case bad:
		c.Class = "bad"
	}
	return c
}

func duplicateTable(f *result.File) *table {
	t := &table{Caption: "What the deliveries were", Head: append([]string{"deliveries"}, f.Transports()...)}
	for _, row := range []struct {
		name string
		of   func(audit.Matrix) int
		bad  bool
	}{
		{"all", func(m audit.Matrix) int { return m.Deliveries }, false},
		{"duplicates", func(m audit.Matrix) int { return m.Duplicates.Total }, false},
		{"· made by the transport", func(m audit.Matrix) int { return m.Duplicates.Transport }, false},
		{"· after an attempt of unknown outcome", func(m audit.Matrix) int { return m.Duplicates.Retry }, false},
		{"· handed out again, not confirmed in time", func(m audit.Matrix) int { return m.Duplicates.Redelivery }, false},
		{"· not explained", func(m audit.Matrix) int { return m.Duplicates.Unexplained }, true},
		{"altered bytes", func(m audit.Matrix) int { return m.Corrupt }, true},
		{"of records that nobody sent", func(m audit.Matrix) int { return m.Strangers }, true},
		{"records after a later one of their key", func(m audit.Matrix) int { return m.Reordered }, false},
		{"late by at most, in records of the key", func(m audit.Matrix) int { return m.ReorderMaxExtent }, false},
		{"attempts after the first", func(m audit.Matrix) int { return m.Retries }, false},
		{"attempts of unknown outcome", func(m audit.Matrix) int { return m.UnknownAttempts }, false},
	} {
		line := cells(row.name)
		for _, name := range f.Transports() {
			line = append(line, counted(row.of(audits(f, name)), row.bad))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// countTable adds up named counts of the trials.
func countTable(f *result.File, caption string, of func(result.Trial) map[string]int) *table {
	sums := map[string]map[string]int{}
	for _, t := range f.Trials {
		for what, n := range of(t) {
			if sums[what] == nil {
				sums[what] = map[string]int{}
			}
			sums[what][t.Transport] += n
		}
	}
	t := &table{Caption: caption, Head: append([]string{""}, f.Transports()...)}
	for _, what := range sortedKeys(sums) {
		line := cells(what)
		for _, name := range f.Transports() {
			line = append(line, counted(sums[what][name], false))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
