package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/bench/result"
)

// TrialsCSV writes one row for each phase of each trial, in the order in which they ran. Times are in milliseconds; a
// quantile that too few records support is empty. What belongs to a whole trial is repeated in each of its rows.
func TrialsCSV(w io.Writer, f *result.File) error {
	out := csv.NewWriter(w) // keeps the first error until Error
	_ = out.Write([]string{"run", "pair", "slot", "transport", "target", "started", "valid", "invalid_because", "phase", "kind", "concurrency",
		"start_s", "seconds", "offered", "accepted", "processed", "offered_rate", "accepted_rate", "processed_rate", "accepted_mib_rate", "max_queue", "drain_s",
		"accept_p50", "accept_p90", "accept_p99", "accept_p999", "accept_max", "processed_p50", "processed_p90", "processed_p99", "processed_p999", "processed_max",
		"service_p50", "service_p99", "late_send_p99", "wait_p99", "dwell_p50", "dwell_p99", "little_l", "little_lw",
		"sent", "ok", "lost", "duplicates", "ghosts", "corrupt", "reordered", "in_doubt", "trial_requests", "trial_usd",
		"cpu_us_per_record", "cpu_share", "allocs_per_record", "alloc_bytes_per_record", "peak_rss_bytes", "gc_pause_p99_ms", "wire_bytes_out", "wire_bytes_in", "new_connections"})
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			row := []string{text(f.Run.ID), number(t.Pair), number(t.Slot), text(t.Transport), text(f.Target(t.Transport).Kind), t.Started.UTC().Format(time.RFC3339Nano),
				strconv.FormatBool(t.Valid), text(strings.Join(append(append([]string{}, t.Because...), t.Unexpected...), "; ")), text(p.Name), text(p.Kind), number(p.Concurrency)}
			row = append(row, phaseColumns(p)...)
			_ = out.Write(append(row, trialColumns(t)...))
		}
	}
	out.Flush()
	return out.Error()
}

func phaseColumns(p result.Phase) []string {
	l := p.Latency
	return []string{decimal(p.Start), decimal(p.Seconds), number(p.Offered), number(p.Accepted), number(p.Processed), decimal(p.OfferedRate), decimal(p.AcceptedRate),
		decimal(p.ProcessedRate), decimal(p.MiBRate), number(p.MaxQueue), decimal(p.DrainSeconds),
		optional(l.Accept.P50), optional(l.Accept.P90), optional(l.Accept.P99), optional(l.Accept.P999), decimal(l.Accept.Max),
		optional(l.Processed.P50), optional(l.Processed.P90), optional(l.Processed.P99), optional(l.Processed.P999), decimal(l.Processed.Max),
		optional(l.Service.P50), optional(l.Service.P99), optional(l.Late.P99), optional(l.Wait.P99), optional(l.Dwell.P50), optional(l.Dwell.P99),
		decimal(p.InSystem), decimal(p.LambdaW)}
}

func trialColumns(t result.Trial) []string {
	a, c := t.Audit, t.Client
	return []string{number(a.Sent), number(a.OK), number(a.Lost), number(a.Duplicates.Total), number(a.Ghosts), number(a.Corrupt), number(a.Reordered), number(a.InDoubt),
		number(t.Attempts), decimal(t.USD), decimal(c.CPUMicros), decimal(c.CPUShare), decimal(c.Allocs), decimal(c.AllocBytes), strconv.FormatInt(c.PeakRSS, 10),
		decimal(c.GCPauseP99), strconv.FormatInt(c.BytesOut, 10), strconv.FormatInt(c.BytesIn, 10), number(c.Connections)}
}

// SeriesCSV writes one row for each second of each phase of each trial. Times are in milliseconds; 0 stands for a second
// without records.
func SeriesCSV(w io.Writer, f *result.File) error {
	out := csv.NewWriter(w) // keeps the first error until Error
	_ = out.Write([]string{"run", "pair", "slot", "transport", "valid", "phase", "concurrency", "second", "trial_second", "offered", "accepted", "processed", "errors",
		"accept_p50", "accept_p99", "processed_p50", "processed_p99", "backlog"})
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			for _, s := range p.Series {
				_ = out.Write([]string{text(f.Run.ID), number(t.Pair), number(t.Slot), text(t.Transport), strconv.FormatBool(t.Valid), text(p.Name), number(p.Concurrency),
					number(s.At), decimal(p.Start + float64(s.At)), number(s.Offered), number(s.Accepted), number(s.Processed), number(s.Errors),
					decimal(s.AcceptP50), decimal(s.AcceptP99), decimal(s.DoneP50), decimal(s.DoneP99), number(s.Backlog)})
			}
		}
	}
	out.Flush()
	return out.Error()
}

func number(n int) string { return strconv.Itoa(n) }

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return decimal(*v)
}

// text keeps a spreadsheet from taking text for a formula.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
