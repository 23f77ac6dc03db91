package report

import (
	"fmt"
	"strings"

	"sluice/bench/result"
)

// setupSection is what somebody else needs to do it again.
func setupSection(f *result.File) section {
	s := section{ID: "setup", Title: "Set-up"}
	if f.Run.Command != "" {
		s.Blocks = append(s.Blocks, block{Text: "The run again, with the workload below:"}, block{Code: f.Run.Command})
	}
	s.Blocks = append(s.Blocks, block{Text: "This page again, and pictures of it, from the raw results:"}, block{Code: "sluice-bench report results.json --screenshots"},
		block{Table: targetTable(f)}, block{Table: environment(f)})
	if f.Workload.Doc != "" {
		s.Blocks = append(s.Blocks, block{Text: "The workload, SHA-256 " + f.Workload.SHA256 + ":"}, block{Code: f.Workload.Doc})
	}
	if f.PriceBook.Doc != "" {
		s.Blocks = append(s.Blocks, block{Fold: "the price book " + f.PriceBook.ID, Inner: []block{{Code: f.PriceBook.Doc}}})
	}
	return s
}

func targetTable(f *result.File) *table {
	t := &table{Caption: "Far ends", Head: []string{"transport", "kind", "where", "records in a request", "linger", "accepted means", "model and settings"}, Wrap: true}
	for _, name := range f.Transports() {
		target := f.Target(name)
		var settings []string
		if target.Region != "" {
			settings = append(settings, "region "+target.Region)
		}
		if target.Model != "" {
			settings = append(settings, "model "+target.Model)
		}
		for _, key := range sortedKeys(target.Settings) {
			settings = append(settings, key+" "+target.Settings[key])
		}
		t.Rows = append(t.Rows, cells(name, kind(target), target.Name, fmt.Sprint(target.MaxRecords), result.Span(target.Linger), target.Durability, strings.Join(settings, "; ")))
	}
	return t
}

func environment(f *result.File) *table {
	t := &table{Caption: "Where the sender ran", Head: []string{"", ""}, Wrap: true}
	e := f.Env
	commit := e.Commit
	if e.Dirty {
		commit += ", with changes that are not committed"
	}
	rows := [][2]string{
		{"version", e.Version}, {"commit", commit}, {"Go", e.Go}, {"system", strings.TrimSpace(e.OS + " " + e.Arch + " " + e.Kernel)}, {"processor", e.CPU},
		{"processors", fmt.Sprintf("%d, GOMAXPROCS %d", e.CPUs, e.GOMAXPROCS)}, {"memory", result.Bytes(float64(e.Memory))}, {"limits", e.Cgroup},
		{"instance", e.Instance}, {"clock", e.Clock}, {"seed", fmt.Sprint(f.Run.Seed)}, {"records", records(f.Workload)},
		{"prices", fmt.Sprintf("%s, read on %s", f.PriceBook.ID, f.PriceBook.Retrieved)},
	}
	for _, module := range sortedKeys(e.Modules) {
		rows = append(rows, [2]string{module, e.Modules[module]})
	}
	for _, row := range rows {
		if row[1] != "" {
			t.Rows = append(t.Rows, cells(row[0], row[1]))
		}
	}
	return t
}

func records(w result.Workload) string {
	if w.Count == 0 {
		return w.Records
	}
	return fmt.Sprintf("%s, from the file with SHA-256 %s", plural(w.Count, "record"), w.Records)
}
