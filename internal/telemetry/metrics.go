package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// The values of the label fate.
const (
	fateAccepted = "accepted"
	fateSetAside = "set_aside"
)

// results are the values of the label result: what came of a request or of one record in it.
func results() []string {
	all := []string{fateAccepted}
	for c := fault.Transient; c <= fault.Blocked; c++ {
		all = append(all, c.String())
	}
	return all
}

// More values of the label result, for one record in a request.
const (
	resultUnknown = "unknown" // nobody knows whether it was accepted
	resultSplit   = "split"   // the request was refused as a whole
)

// resultOf is the value of the label result for an error.
func resultOf(err error) string {
	if err == nil {
		return fateAccepted
	}
	return fault.From(err).Class.String()
}

// metrics are the numbers for machines. Labels come from closed sets: source, transport, result, fate, part, reason.
type metrics struct {
	registry *prometheus.Registry

	items, itemBytes prometheus.Counter
	reads            *prometheus.CounterVec
	readSeconds      prometheus.Histogram

	settled         *prometheus.CounterVec
	requests        *prometheus.CounterVec
	attempts        *prometheus.CounterVec
	retried, missed prometheus.Counter
	filtered        prometheus.Counter
	requestSeconds  prometheus.Histogram
	requestRecords  prometheus.Histogram
	requestBytes    prometheus.Histogram
	latency         prometheus.Histogram

	saves      prometheus.Counter
	reloads    *prometheus.CounterVec
	reloadedAt prometheus.Gauge

	byReason *reasonMetrics
}

// seconds are the buckets of durations, from one millisecond to ten minutes.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// newMetrics registers everything, so that every series is there, with zero, from the start.
func newMetrics(m *Monitor) *metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	in := maker{r, prometheus.Labels{"source": m.options.Source}}
	out := maker{r, prometheus.Labels{"transport": m.options.Transport}}
	own := maker{r, nil}
	x := &metrics{
		registry: r,

		items:       in.counter("sluice_records_read_total", "Records read from the source, records read again included."),
		itemBytes:   in.counter("sluice_read_bytes_total", "Bytes of the records read from the source."),
		reads:       in.counters("sluice_reads_total", "Reads of the source by result: accepted, or the class of the failure.", "result", results()...),
		readSeconds: in.histogram("sluice_read_duration_seconds", "Time for one Read of the source.", seconds),

		settled:        out.counters("sluice_records_settled_total", "Records of the source that have met their fate: accepted by the destination, with all that the map has made of them, or set aside as dead letters. Those that are left out are counted by sluice_records_filtered_total.", "fate", fateAccepted, fateSetAside),
		filtered:       in.counter("sluice_records_filtered_total", "Records of the source that were left out, by the filter or by a map that made nothing of them."),
		requests:       out.counters("sluice_send_requests_total", "Requests to the destination by result: accepted if all records were, else the gravest class of failure.", "result", results()...),
		attempts:       out.counters("sluice_send_records_total", "Records in requests to the destination by result, one for every attempt; unknown: nobody can tell whether it was accepted, and sending it again may make a duplicate; split: its request was refused as a whole, and it goes into a smaller one.", "result", append(results(), resultUnknown, resultSplit)...),
		retried:        out.counter("sluice_send_retried_records_total", "Records that a request left unsettled, so that they are sent again."),
		missed:         out.counter("sluice_dedup_window_missed_total", "Records that may be duplicated although the destination drops repeats: they were sent again after an unknown outcome, later than it remembers them."),
		requestSeconds: out.histogram("sluice_send_duration_seconds", "Time for one request to the destination.", seconds),
		requestRecords: out.histogram("sluice_send_request_records", "Records in one request.", []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}),
		requestBytes:   out.histogram("sluice_send_request_bytes", "Bytes of one request as the destination counts them.", prometheus.ExponentialBuckets(256, 4, 9)),
		latency:        out.histogram("sluice_delivery_latency_seconds", "Time from reading a batch to the settling of its last record.", seconds),

		saves:      own.counter("sluice_checkpoint_saves_total", "Checkpoints saved."),
		reloads:    own.counters("sluice_config_reloads_total", "Times that settings were read again while running, by result.", "result", "ok", "failed"),
		reloadedAt: own.gauge("sluice_config_last_reload_success_timestamp_seconds", "Time of the last successful reading of settings while running; 0: never."),
	}
	x.byReason = newReasonMetrics(m, r)
	own.view("sluice_build_info", "Which program this is; always 1.", prometheus.Labels{"version": m.options.Build.Version,
		"revision": m.options.Build.Revision, "goversion": m.options.Build.Go}, func() float64 { return 1 })
	in.view("sluice_source_last_success_timestamp_seconds", "Time of the last Read that succeeded; 0: never.", nil, m.locked(func() float64 { return stamp(m.counts.lastRead) }))
	out.view("sluice_sends_in_flight", "Requests to the destination under way.", nil, func() float64 { return float64(m.laneStatus().InFlight) })
	out.view("sluice_sends_limit", "Requests to the destination allowed at once; throttling and long answers lower it.", nil, func() float64 { return float64(m.laneStatus().Limit) })
	own.view("sluice_batches_unsettled", "Batches read and not settled yet.", nil, m.locked(func() float64 { return float64(len(m.waiting)) }))
	own.view("sluice_checkpoint_last_success_timestamp_seconds", "Time of the last checkpoint saved; 0: never since the start.", nil, m.locked(func() float64 { return stamp(m.counts.lastSave) }))
	own.view("sluice_checkpoint_age_seconds", "For how long records that were read have waited for the checkpoint to move; 0: none waits.", nil, m.locked(func() float64 { return m.checkpointAge().Seconds() }))
	own.view("sluice_ready", "1 if records flow or could flow, 0 if not; /readyz says why.", nil, m.locked(func() float64 { return bit(m.health.ready()) }))
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "sluice_log_lines_dropped_total",
		Help: "Lines of the log that were lost because nobody took them."}, m.locked(m.logDropped)))
	for _, part := range parts() {
		own.view("sluice_trouble", "1 if this part of the daemon is in trouble.", prometheus.Labels{"part": string(part)},
			m.locked(func() float64 { return bit(m.health.troubles[part] != nil) }))
	}
	return x
}

func (x *metrics) read(items, bytes int, took time.Duration, err error) {
	x.reads.WithLabelValues(resultOf(err)).Inc()
	x.readSeconds.Observe(took.Seconds())
	if err == nil {
		x.items.Add(float64(items))
		x.itemBytes.Add(float64(bytes))
	}
}

func (x *metrics) sent(a transport.Attempt, result string, retried int64) {
	x.requests.WithLabelValues(result).Inc()
	x.requestSeconds.Observe(a.Took.Seconds())
	x.requestRecords.Observe(float64(len(a.Records)))
	x.requestBytes.Observe(float64(a.Bytes))
	x.retried.Add(float64(retried))
	x.byReason.sent(a)
	x.missed.Add(float64(a.Missed))
}

func (x *metrics) reloaded(err error) {
	if err != nil {
		x.reloads.WithLabelValues("failed").Inc()
		return
	}
	x.reloads.WithLabelValues("ok").Inc()
	x.reloadedAt.SetToCurrentTime()
}

// A maker registers metrics that have some labels in common.
type maker struct {
	registry *prometheus.Registry
	labels   prometheus.Labels
}

func (k maker) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: k.labels})
	k.registry.MustRegister(c)
	return c
}

func (k maker) counters(name, help, label string, values ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: k.labels}, []string{label})
	k.registry.MustRegister(c)
	for _, v := range values {
		c.WithLabelValues(v)
	}
	return c
}

func (k maker) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: k.labels})
	k.registry.MustRegister(g)
	return g
}

func (k maker) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: k.labels, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour})
	k.registry.MustRegister(h)
	return h
}

// view registers a gauge that is asked when somebody looks.
func (k maker) view(name, help string, labels prometheus.Labels, value func() float64) {
	all := prometheus.Labels{}
	for _, more := range []prometheus.Labels{k.labels, labels} {
		for name, v := range more {
			all[name] = v
		}
	}
	k.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: all}, value))
}

// locked makes a function safe to be called by the registry.
func (m *Monitor) locked(f func() float64) func() float64 {
	return func() float64 {
		m.mu.Lock()
		defer m.mu.Unlock()
		return f()
	}
}

// stamp is a time in seconds since 1970, and 0 for none.
func stamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// parts lists what can be in trouble, in the order in which it is shown.
func parts() []ingest.Part {
	return []ingest.Part{ingest.PartSource, ingest.PartDestination, ingest.PartCheckpoint, ingest.PartDeadLetter}
}
