package trial

import (
	"time"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
)

// A measured phase is what the sender and the consumer know of it.
type measured struct {
	name        string
	kind        string // as in result.Phase
	concurrency int
	cold        bool // cold starts are expected, so that its latencies stand for nothing else
	calm        bool // nothing is scripted to go wrong, so that a backlog is to be no longer at the end than at the start
	sent        load.Phase
	report      load.Report
	done        []Receipt // first receipt of each record by its place in the phase; Seq -1: none came
	begun       int64     // start of the trial
	length      time.Duration
	dwells      bool // records wait for their consumer once they are accepted
}

// histograms of a phase.
type histograms struct{ accept, processed, service, late, wait, dwell, system *result.Histogram }

// result makes numbers of it.
func (m *measured) result() (result.Phase, error) {
	p := result.Phase{Name: m.name, Kind: m.kind, Concurrency: m.concurrency, Cold: m.cold,
		Start: time.Duration(m.sent.Start - m.begun).Seconds(), Seconds: m.length.Seconds(),
		Offered: len(m.report.Entries), MaxQueue: m.report.MaxQueue, Requests: int(m.report.Requests), Sent: m.attempted(), InSystem: m.report.InSystem}
	h := histograms{}
	for _, each := range h.all() {
		*each = result.NewHistogram()
	}
	var last int64
	left := 0
	for i, e := range m.report.Entries {
		if e.Released > 0 {
			h.late.Record(time.Duration(e.Released - e.Due))
		}
		if e.First > 0 {
			h.wait.Record(time.Duration(e.First - e.Released))
		}
		if e.Fate == audit.Accepted {
			p.Accepted++
			h.accept.Record(time.Duration(e.Accepted - e.Due))
			h.service.Record(time.Duration(e.Accepted - e.Start))
		}
		if e.Left > 0 {
			left++
			h.system.Record(time.Duration(e.Left - e.Released))
		}
		if r := m.done[i]; r.Seq >= 0 {
			p.Processed++
			last = max(last, r.Done)
			h.processed.Record(time.Duration(r.Done - e.Due))
			if m.dwells && e.Accepted > 0 {
				h.dwell.Record(time.Duration(r.At - e.Accepted))
			}
		}
	}
	m.rates(&p, last)
	if span := m.report.Cost.Wall.Seconds(); span > 0 {
		p.LambdaW = float64(left) / span * h.system.Mean().Seconds()
	}
	p.Negative = h.accept.Negative() + h.processed.Negative() + h.late.Negative() + h.dwell.Negative()
	p.Series = m.series()
	p.Checks = m.checks(p, h)
	return p, h.into(&p)
}

// rates fills in what is per second: over the time from the first intended arrival to the last of what was accepted or
// processed, and no less than the length of the phase.
func (m *measured) rates(p *result.Phase, lastDone int64) {
	var lastAccepted int64
	bytes := m.report.Bytes
	for _, e := range m.report.Entries {
		lastAccepted = max(lastAccepted, e.Accepted)
	}
	per := func(n int, until int64) float64 {
		span := max(m.length, time.Duration(until-m.sent.Start))
		return float64(n) / span.Seconds()
	}
	p.OfferedRate = float64(p.Offered) / m.length.Seconds()
	p.AcceptedRate = per(p.Accepted, lastAccepted)
	p.ProcessedRate = per(p.Processed, lastDone)
	if p.Offered > 0 {
		p.MiBRate = p.AcceptedRate * float64(bytes) / float64(max(1, p.Sent)) / (1 << 20)
	}
	p.DrainSeconds = max(0, time.Duration(max(lastDone, lastAccepted)-m.report.Ended).Seconds())
}

// attempted is how often a record was in a request.
func (m *measured) attempted() int {
	n := 0
	for _, e := range m.report.Entries {
		n += int(e.Attempts)
	}
	return n
}

func (h *histograms) all() []**result.Histogram {
	return []**result.Histogram{&h.accept, &h.processed, &h.service, &h.late, &h.wait, &h.dwell, &h.system}
}

// into writes the histograms and their summaries.
func (h *histograms) into(p *result.Phase) error {
	for _, each := range []struct {
		from    *result.Histogram
		text    *string
		summary *result.Summary
	}{
		{h.accept, &p.HDR.Accept, &p.Latency.Accept},
		{h.processed, &p.HDR.Processed, &p.Latency.Processed},
		{h.service, &p.HDR.Service, &p.Latency.Service},
		{h.late, &p.HDR.Late, &p.Latency.Late},
		{h.wait, &p.HDR.Wait, &p.Latency.Wait},
		{h.dwell, &p.HDR.Dwell, &p.Latency.Dwell},
	} {
		text, err := each.from.Encode()
		if err != nil {
			return err
		}
		*each.text, *each.summary = text, each.from.Summary()
	}
	return nil
}
