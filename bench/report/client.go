package report

import (
	"sluice/bench/result"
)

func clientSection(f *result.File) section {
	s := section{ID: "client", Title: "Cost to the sender", Lead: "Measured in the sender's own process: the consumer and the far end ran outside it. Medians over the trials that count."}
	if len(f.Trials) == 0 {
		return s
	}
	t := &table{Caption: "Resources of the sender", Head: append([]string{""}, f.Transports()...)}
	for _, name := range []string{"cpu_per_record", "allocs_per_record", "alloc_bytes_per_record", "requests_per_record", "bytes_per_record", "peak_rss", "gc_pause_p99", "connections"} {
		m, ok := result.MetricNamed(name)
		if !ok {
			continue
		}
		line := cells(m.Title)
		for _, transport := range f.Transports() {
			line = append(line, td{Text: cell(f, m, transport, "")})
		}
		t.Rows = append(t.Rows, line)
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	return s
}
