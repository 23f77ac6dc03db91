package resulttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"sluice/bench/audit"
	"sluice/bench/cost"
	"sluice/bench/result"
)

// A model makes the numbers of a transport.
type model struct {
	accept, dwell    float64 // medians in milliseconds
	spread           float64 // sigma of the logarithm
	most             float64 // records per second, closed loop with one sender
	cpu, allocs      float64
	wire             int64 // bytes per record
	pollers, gateway bool
}

var models = map[string]model{
	"memory":     {accept: 0.02, dwell: 0.01, spread: 0.5, most: 210_000, cpu: 2.1, allocs: 3, wire: 0},
	"sqs":        {accept: 12.7, dwell: 6.1, spread: 0.42, most: 640, cpu: 96, allocs: 142, wire: 1890, pollers: true},
	"apigateway": {accept: 21.4, dwell: 0.4, spread: 0.36, most: 430, cpu: 118, allocs: 171, wire: 2310, gateway: true},
	"jetstream":  {accept: 5.9, dwell: 0.8, spread: 0.3, most: 5_200, cpu: 21, allocs: 38, wire: 1410},
	"rabbitmq":   {accept: 6.2, dwell: 1.1, spread: 0.34, most: 3_900, cpu: 27, allocs: 44, wire: 1475},
}

type simulation struct {
	random  *rand.Rand
	weather float64
	model   model
}

const (
	stallFrom, stallTo = 13.0, 14.0 // seconds from the start of the trial
	recordBytes        = 1400.0
)

// latencies in milliseconds of one record that arrives so many seconds after the start of the trial.
func (s *simulation) latencies(at float64) (accept, processed, service float64) {
	service = s.model.accept * s.weather * math.Exp(s.model.spread*s.random.NormFloat64())
	accept = service
	if at >= stallFrom && at < stallTo && s.model.wire > 0 {
		accept += (stallTo - at) * 1000
	}
	processed = accept + s.model.dwell*s.weather*math.Exp(0.5*s.random.NormFloat64()) + 2
	return accept, processed, service
}

func (s *simulation) trial(transport string, pair, slot int) result.Trial {
	t := result.Trial{Pair: pair, Slot: slot, Transport: transport, Seconds: 24.6, Valid: true, Because: []string{}, Unexpected: []string{},
		Faults: map[string]int{}, Errors: map[string]int{}}
	t.Phases = append(t.Phases,
		s.open("steady", 0, 10, func(float64) float64 { return 400 }),
		s.open("burst", 10.5, 8, func(at float64) float64 {
			if math.Mod(at, 4) < 2 {
				return 900
			}
			return 100
		}))
	for i, n := range []int{1, 4, 16} {
		t.Phases = append(t.Phases, s.closed(n, 19+2*float64(i)))
	}
	sent := 0
	for _, p := range t.Phases {
		sent += p.Offered
	}
	t.Attempts = sent/7 + 60
	if s.model.wire > 0 {
		t.Faults = map[string]int{"stall": 1, "throttle": 40 + s.random.IntN(20)}
		t.Errors = map[string]int{"throttled: ThrottlingException": 40 + s.random.IntN(20), "transient: timeout": s.random.IntN(4)}
	}
	t.Audit = s.audit(sent)
	t.Units = s.units(sent, t.Attempts)
	t.USD = price(transport, t.Units)
	t.Client = result.Client{CPUMicros: s.model.cpu * s.weather, CPUShare: 0.31 * s.weather, Allocs: s.model.allocs, AllocBytes: s.model.allocs * 96,
		PeakRSS: int64(38+s.random.IntN(6)) << 20, GCPauseP99: 0.21, BytesOut: int64(sent) * s.model.wire, BytesIn: int64(sent) * s.model.wire / 9, Connections: 8}
	return t
}

func (s *simulation) audit(sent int) audit.Matrix {
	twice := s.random.IntN(3)
	doubt := s.random.IntN(2)
	m := audit.Matrix{Sent: sent, Accepted: sent - doubt, OK: sent - doubt - twice, Duplicated: twice, Deliveries: sent - doubt + twice,
		InDoubt: doubt, InDoubtUnseen: doubt, Duplicates: audit.Duplicates{Total: twice, Retry: twice}, Retries: 44, UnknownAttempts: doubt + twice,
		LostUpper95: 3 / float64(sent), DuplicatedUpper95: 9 / float64(sent), CorruptUpper95: 3 / float64(sent), GhostsUpper95: 3 / float64(sent), ReorderedUpper95: 60 / float64(sent)}
	if s.model.pollers {
		m.Reordered, m.ReorderMaxExtent, m.ReorderRate = 31, 6, 31/float64(sent)
	}
	return m
}

func (s *simulation) units(sent, attempts int) cost.Units {
	n := int64(sent)
	switch {
	case s.model.pollers:
		return cost.Units{Send: int64(attempts), Receive: n / 5, Empty: 21, Delete: n / 5}
	case s.model.gateway:
		return cost.Units{Calls: int64(attempts), Calls512: int64(attempts), Invocations: int64(attempts), GBSeconds: float64(attempts) * 0.005 * 0.125}
	}
	return cost.Units{}
}

func price(transport string, u cost.Units) float64 {
	option := map[string]cost.Option{"sqs": cost.SQSStandard, "apigateway": cost.REST}[transport]
	if option == "" {
		return 0
	}
	bill, err := cost.DefaultBook().Price(option, u)
	if err != nil {
		panic(err) // the option is one of the book's
	}
	return bill.USD
}

// hists gathers the latencies of a phase.
type hists struct{ accept, processed, service, late, wait, dwell *result.Histogram }

func newHists() hists {
	h := result.NewHistogram
	return hists{h(), h(), h(), h(), h(), h()}
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func (s *simulation) open(name string, start, seconds float64, rate func(float64) float64) result.Phase {
	p := result.Phase{Name: name, Kind: "open", Start: start, Seconds: seconds, MaxQueue: 61, DrainSeconds: 0.08}
	h := newHists()
	accepts, dones := make([]*result.Histogram, int(seconds)), make([]*result.Histogram, int(seconds))
	for i := range accepts {
		accepts[i], dones[i] = result.NewHistogram(), result.NewHistogram()
		p.Series = append(p.Series, result.Second{At: i})
	}
	for at := 0.0; at < seconds; at += 1 / rate(at) {
		accept, processed, service := s.latencies(start + at)
		h.accept.Record(millis(accept))
		h.processed.Record(millis(processed))
		h.service.Record(millis(service))
		h.late.Record(millis(0.06 * math.Exp(0.5*s.random.NormFloat64())))
		h.wait.Record(millis(accept - service + 0.1))
		h.dwell.Record(millis(processed - accept))
		second := min(int(at), len(p.Series)-1)
		accepts[second].Record(millis(accept))
		dones[second].Record(millis(processed))
		p.Series[second].Offered++
		p.Offered++
	}
	for i := range p.Series {
		x := &p.Series[i]
		x.Accepted, x.Processed = x.Offered, x.Offered
		x.AcceptP50, x.AcceptP99 = result.Millis(accepts[i].Quantile(.5)), result.Millis(accepts[i].Quantile(.99))
		x.DoneP50, x.DoneP99 = result.Millis(dones[i].Quantile(.5)), result.Millis(dones[i].Quantile(.99))
		if name == "burst" && i > 4 && i < 7 && s.model.wire > 0 {
			x.Errors = 16
		}
		x.Backlog = s.random.IntN(6)
	}
	p.Accepted, p.Processed = p.Offered, p.Offered
	p.Requests, p.Sent = p.Offered/7+20, p.Offered+20
	p.OfferedRate = float64(p.Offered) / seconds
	p.AcceptedRate, p.ProcessedRate = p.OfferedRate*0.999, p.OfferedRate*0.998
	p.InSystem = p.OfferedRate * h.accept.Mean().Seconds()
	p.LambdaW = p.InSystem * 1.004
	s.finish(&p, h)
	return p
}

func (s *simulation) closed(senders int, start float64) result.Phase {
	n := float64(senders)
	rate := s.model.most * s.weather * n / (1 + 0.08*(n-1) + 0.0006*n*(n-1))
	p := result.Phase{Name: "max", Kind: "closed", Concurrency: senders, Start: start, Seconds: 2, Offered: int(rate * 2), Accepted: int(rate * 2), Processed: int(rate * 2),
		MaxQueue: senders, Requests: int(rate*2)/10 + 1, Sent: int(rate * 2), OfferedRate: rate, AcceptedRate: rate, ProcessedRate: rate * 0.99, DrainSeconds: 0.1, InSystem: n, LambdaW: n * 0.997}
	h := newHists()
	for range 1000 {
		ms := n / rate * 1000 * math.Exp(0.3*s.random.NormFloat64())
		h.accept.Record(millis(ms))
		h.processed.Record(millis(ms + s.model.dwell + 2))
		h.service.Record(millis(ms))
		h.dwell.Record(millis(s.model.dwell + 2))
	}
	p.Series = []result.Second{{At: 0, Offered: int(rate), Accepted: int(rate), Processed: int(rate)}, {At: 1, Offered: int(rate), Accepted: int(rate), Processed: int(rate)}}
	s.finish(&p, h)
	return p
}

// finish writes the histograms and the checks.
func (s *simulation) finish(p *result.Phase, h hists) {
	p.MiBRate = p.AcceptedRate * recordBytes / (1 << 20)
	for _, x := range []struct {
		from    *result.Histogram
		text    *string
		summary *result.Summary
	}{
		{h.accept, &p.HDR.Accept, &p.Latency.Accept}, {h.processed, &p.HDR.Processed, &p.Latency.Processed}, {h.service, &p.HDR.Service, &p.Latency.Service},
		{h.late, &p.HDR.Late, &p.Latency.Late}, {h.wait, &p.HDR.Wait, &p.Latency.Wait}, {h.dwell, &p.HDR.Dwell, &p.Latency.Dwell},
	} {
		text, err := x.from.Encode()
		if err != nil {
			panic(err) // the histogram is made here
		}
		*x.text, *x.summary = text, x.from.Summary()
	}
	share := 0.31 * s.weather
	p.Checks = []result.Check{
		{Name: "cpu", OK: true, Value: share, Limit: 0.7, Text: fmt.Sprintf("the sender used %.0f %% of its processors, at most 70 %%", share*100)},
		{Name: "gc", OK: true, Value: 0.21, Limit: 5, Text: "the sender's p99 pause for garbage was 210µs, at most 5ms"},
		{Name: "little", OK: true, Value: math.Abs(p.InSystem - p.LambdaW), Limit: 0.05 * p.InSystem,
			Text: fmt.Sprintf("%.3f records in the system, %.3f by rate × time in it; they differ by at most %.3f", p.InSystem, p.LambdaW, 0.05*p.InSystem)},
	}
	if p.Kind == "open" {
		p.Checks = append(p.Checks,
			result.Check{Name: "achieved", OK: true, Value: 1, Limit: 0.99, Text: fmt.Sprintf("%d of %d offered records were accepted, at least 99 %%", p.Accepted, p.Offered)},
			result.Check{Name: "late_send", OK: true, Value: 0.2, Limit: 1, Text: "records were released up to 0.20 ms (p99) after they were due, at most 1.00 ms"})
	}
}
