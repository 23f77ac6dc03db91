package result

import (
	"slices"
	"strings"

	"sluice/bench/cost"
)

// A Metric is a number that a trial yields.
type Metric struct {
	Name   string
	Title  string // for people
	Unit   string // "ms", "/s", "$", "µs", "B"; empty: a number
	Higher bool   // higher is better
	// Counted metrics are added up over all trials, invalid ones too: a record that is lost in an invalid trial is lost.
	Counted bool
	// Untimed metrics are of what was counted or of closed phases, which have no schedule to be late for: open phases that
	// failed a check do not spoil them. All others are taken from valid trials only.
	Untimed bool
	// Seen metrics need a consumer that saw the records; where the reply counts as the end, there is none.
	Seen bool
	// Phased metrics are of one phase; all others are of the whole trial.
	Phased bool
	// Billed metrics are prices; who used nothing that is billed has none, which is not the same as a price of nothing.
	Billed bool

	of func(t *Trial, phase string) (float64, bool)
}

// Latency reports whether the metric is a time that the far end has a part in.
func (m Metric) Latency() bool { return m.Unit == "ms" && m.Name != "gc_pause_p99" }

// Of returns the metric of a trial; ok is false if the trial does not have it. phase is ignored unless the metric is Phased.
func (m Metric) Of(t *Trial, phase string) (value float64, ok bool) { return m.of(t, phase) }

// Metrics returns every metric, in the order in which they are shown.
func Metrics() []Metric {
	var all []Metric
	for _, l := range []struct {
		name, title string
		of          func(Latencies) Summary
	}{
		{"accept", "accepted", func(l Latencies) Summary { return l.Accept }},
		{"processed", "processed", func(l Latencies) Summary { return l.Processed }},
		{"service", "service time", func(l Latencies) Summary { return l.Service }},
		{"late_send", "late send", func(l Latencies) Summary { return l.Late }},
		{"wait", "wait", func(l Latencies) Summary { return l.Wait }},
		{"dwell", "dwell", func(l Latencies) Summary { return l.Dwell }},
	} {
		all = append(all, latencies(l.name, l.title, l.of)...)
	}
	return slices.Concat(all, rates(), deliveries(), costs())
}

func latencies(name, title string, of func(Latencies) Summary) []Metric {
	quantile := func(label string, q func(Summary) *float64) Metric {
		return Metric{Name: name + "." + label, Title: title + " " + strings.Replace(label, "p999", "p99.9", 1), Unit: "ms", Phased: true, of: func(t *Trial, phase string) (float64, bool) {
			p := t.Phase(phase)
			if p == nil {
				return 0, false
			}
			v := q(of(p.Latency))
			if v == nil {
				return 0, false
			}
			return *v, true
		}}
	}
	given := func(v func(Summary) float64) func(Summary) *float64 {
		return func(s Summary) *float64 {
			if s.N == 0 {
				return nil
			}
			x := v(s)
			return &x
		}
	}
	return []Metric{
		quantile("p50", func(s Summary) *float64 { return s.P50 }),
		quantile("p90", func(s Summary) *float64 { return s.P90 }),
		quantile("p99", func(s Summary) *float64 { return s.P99 }),
		quantile("p999", func(s Summary) *float64 { return s.P999 }),
		quantile("mean", given(func(s Summary) float64 { return s.Mean })),
		quantile("max", given(func(s Summary) float64 { return s.Max })),
	}
}

// held reports whether the budget, and not the destination, says what the rate of a closed phase is.
func (p *Phase) held() bool {
	return slices.ContainsFunc(p.Checks, func(c Check) bool { return c.Name == "held" && !c.OK })
}

func rates() []Metric {
	highest := func(name, title string, of func(*Phase) float64) Metric {
		return Metric{Name: name, Title: title, Unit: "/s", Higher: true, Untimed: true, of: func(t *Trial, _ string) (most float64, ok bool) {
			for i := range t.Phases {
				if p := &t.Phases[i]; p.Kind == "closed" && !p.held() {
					most, ok = max(most, of(p)), true
				}
			}
			return most, ok
		}}
	}
	accepted := func(p *Phase) float64 { return p.AcceptedRate }
	processed := func(p *Phase) float64 { return p.ProcessedRate }
	return []Metric{
		highest("throughput.max", "highest accepted rate", accepted),
		highest("throughput.max_processed", "highest processed rate", processed),
		{Name: "throughput.accepted", Title: "accepted rate", Unit: "/s", Higher: true, Phased: true, of: phaseValue(accepted)},
		{Name: "throughput.processed", Title: "processed rate", Unit: "/s", Higher: true, Phased: true, of: phaseValue(processed)},
		{Name: "drain_seconds", Title: "time to drain", Unit: "s", Phased: true, of: phaseValue(func(p *Phase) float64 { return p.DrainSeconds })},
	}
}

func phaseValue(of func(*Phase) float64) func(*Trial, string) (float64, bool) {
	return func(t *Trial, phase string) (float64, bool) {
		if p := t.Phase(phase); p != nil {
			return of(p), true
		}
		return 0, false
	}
}

func deliveries() []Metric {
	count := func(name, title string, of func(*Trial) int) Metric {
		return Metric{Name: name, Title: title, Counted: true, of: func(t *Trial, _ string) (float64, bool) { return float64(of(t)), true }}
	}
	seen := func(name, title string, of func(*Trial) int) Metric {
		m := count(name, title, of)
		m.Seen = true
		return m
	}
	return []Metric{
		seen("lost", "lost", func(t *Trial) int { return t.Audit.Lost }),
		seen("duplicates", "duplicates", func(t *Trial) int { return t.Audit.Duplicates.Total }),
		seen("ghosts", "ghosts", func(t *Trial) int { return t.Audit.Ghosts }),
		seen("corrupt", "corrupt", func(t *Trial) int { return t.Audit.Corrupt }),
		seen("reordered", "reordered", func(t *Trial) int { return t.Audit.Reordered }),
		count("in_doubt", "in doubt", func(t *Trial) int { return t.Audit.InDoubt }),
		count("unsent", "not sent", func(t *Trial) int { return t.Audit.Unsent }),
		count("errors", "failed attempts", func(t *Trial) int {
			sum := 0
			for _, n := range t.Errors {
				sum += n
			}
			return sum
		}),
		count("invalid_trials", "invalid trials", func(t *Trial) int {
			if t.Valid {
				return 0
			}
			return 1
		}),
		count("unexpected", "unexpected audits", func(t *Trial) int { return len(t.Unexpected) }),
	}
}

func costs() []Metric {
	perTrial := func(name, title, unit string, of func(*Trial) float64) Metric {
		return Metric{Name: name, Title: title, Unit: unit, Untimed: true, of: func(t *Trial, _ string) (float64, bool) { return of(t), true }}
	}
	perRecord := func(name, title, unit string, times float64, of func(*Trial) float64, records func(*Trial) int) Metric {
		return Metric{Name: name, Title: title, Unit: unit, Untimed: true, of: func(t *Trial, _ string) (float64, bool) {
			n := records(t)
			if n == 0 {
				return 0, false
			}
			return of(t) * times / float64(n), true
		}}
	}
	all := func(t *Trial) int { return t.Audit.Accepted } // what is counted over the whole trial has the warm-up in it
	price := perRecord("usd_per_million", "price of a million records", "$", 1e6, func(t *Trial) float64 { return t.USD }, func(t *Trial) int {
		if !t.Billed() {
			return 0
		}
		return all(t)
	})
	price.Billed = true
	return []Metric{
		price,
		perRecord("requests_per_record", "requests per record", "", 1, func(t *Trial) float64 { return float64(t.Attempts) }, all),
		perRecord("bytes_per_record", "bytes on the wire per record", "B", 1, func(t *Trial) float64 { return float64(t.Client.BytesOut + t.Client.BytesIn) }, (*Trial).Accepted),
		perTrial("cpu_per_record", "CPU of the sender per record", "µs", func(t *Trial) float64 { return t.Client.CPUMicros }),
		perTrial("allocs_per_record", "allocations of the sender per record", "", func(t *Trial) float64 { return t.Client.Allocs }),
		perTrial("alloc_bytes_per_record", "bytes allocated per record", "B", func(t *Trial) float64 { return t.Client.AllocBytes }),
		perTrial("peak_rss", "peak memory of the sender", "B", func(t *Trial) float64 { return float64(t.Client.PeakRSS) }),
		perTrial("gc_pause_p99", "p99 of the sender's pauses for garbage", "ms", func(t *Trial) float64 { return t.Client.GCPauseP99 }),
		perTrial("connections", "new connections", "", func(t *Trial) float64 { return float64(t.Client.Connections) }),
	}
}

// MetricNamed returns the Metric of that name.
func MetricNamed(name string) (Metric, bool) {
	all := Metrics()
	i := slices.IndexFunc(all, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return all[i], true
}

// CountsFor reports whether the trial's number of a metric stands.
func (t *Trial) CountsFor(m Metric) bool {
	if t.Valid || m.Counted {
		return true
	}
	if !m.Untimed || len(t.Unexpected) > 0 {
		return false
	}
	late := 0
	for i := range t.Phases {
		failed := len(t.Phases[i].Failed())
		if t.Phases[i].Kind != "open" && failed > 0 {
			return false
		}
		late += failed
	}
	return late == len(t.Because) // else something is wrong with the trial as a whole
}

// Failed returns the checks that make the phase invalid. A busy sender in a closed phase does not: its rate is then the
// rate of this client, and the check says so beside it.
func (p *Phase) Failed() []Check {
	var all []Check
	for _, c := range p.Checks {
		if !c.OK && !c.Warning && (p.Kind == "open" || c.Name == "little") {
			all = append(all, c)
		}
	}
	return all
}

// Spoiled says how the client was busy elsewhere at the wrong moment, which says nothing of the destination; empty if it was
// not.
func (p *Phase) Spoiled() string {
	for _, c := range p.Checks {
		if !c.OK && ofClient(c) {
			return c.Text
		}
	}
	return ""
}

func ofClient(c Check) bool { return c.Name == "late_send" || c.Name == "gc" || c.Name == "cpu" }

// Spoiled reports whether a trial is invalid for nothing but what its client did.
func (t *Trial) Spoiled() bool {
	spoiled := 0
	for i := range t.Phases {
		for _, c := range t.Phases[i].Failed() {
			if ofClient(c) {
				spoiled++
			}
		}
	}
	return spoiled > 0 && spoiled == len(t.Because) && len(t.Unexpected) == 0
}

// Phase returns the phase of that name, or nil. A closed phase has one entry per concurrency; the first is returned.
func (t *Trial) Phase(name string) *Phase {
	for i := range t.Phases {
		if t.Phases[i].Name == name {
			return &t.Phases[i]
		}
	}
	return nil
}

// Billed reports whether the trial used anything that has a price.
func (t *Trial) Billed() bool { return t.USD > 0 || t.Units != (cost.Units{}) }

// Accepted is the number of records accepted in all phases.
func (t *Trial) Accepted() int {
	n := 0
	for _, p := range t.Phases {
		n += p.Accepted
	}
	return n
}

// MainPhase names the phase whose latencies stand for the run: the one that the comparisons of latencies are about, else
// the open phase with the most records in which no cold starts are expected. It is empty if there is no such phase.
func (f *File) MainPhase() string {
	for _, c := range f.Comparisons {
		if m, ok := MetricNamed(c.Metric); ok && m.Latency() && c.Phase != "" {
			return c.Phase
		}
	}
	name, most := "", -1
	for _, t := range f.Trials {
		for _, p := range t.Phases {
			if p.Kind == "open" && !p.Cold && p.Offered > most {
				name, most = p.Name, p.Offered
			}
		}
	}
	return name
}

// Transports names the transports of the targets and of the trials, in the order in which they first appear.
func (f *File) Transports() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, t := range f.Targets {
		add(t.Transport)
	}
	for _, t := range f.Trials {
		add(t.Transport)
	}
	return names
}

// Target returns the far end of a transport; one that the file does not describe has the name only.
func (f *File) Target(transport string) Target {
	for _, t := range f.Targets {
		if t.Transport == transport {
			return t
		}
	}
	return Target{Transport: transport}
}

// Audited reports whether somebody received what was sent through a transport. Else nobody knows what was lost.
func (f *File) Audited(transport string) bool { return f.Target(transport).Consumer != "reply" }

// Values returns a metric of a transport, one number per trial that has it and counts for it, in the order of the trials.
func (f *File) Values(m Metric, transport, phase string) []float64 {
	if m.Seen && !f.Audited(transport) {
		return nil
	}
	var values []float64
	for i := range f.Trials {
		t := &f.Trials[i]
		if t.Transport != transport || !t.CountsFor(m) {
			continue
		}
		if v, ok := m.Of(t, phase); ok {
			values = append(values, v)
		}
	}
	return values
}
