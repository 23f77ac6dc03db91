package telemetry

import (
	"log/slog"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
)

// Options say what a Monitor watches. Source and Transport are labels of metrics and come from closed sets.
type Options struct {
	Source    string       // "http"
	Transport string       // "sqs"
	Stream    string       // name of the stream, for the status page; no secrets in it
	Build     Build        // this program
	Log       *slog.Logger // told of changes of state; nil: nobody is
	Token     secret.Value // what the admin port asks for; unset: nothing, on this machine only

	// Quota says in words how much the origin lets the source ask, with no secret in it, or is empty where nothing is known;
	// nil: never is. It must be quick.
	Quota func() string

	// Secrets lists, at any moment, what a tap must not show; nil: nothing is known.
	Secrets func() []string
}

// A Monitor collects what the Deliverer and the Pipeline tell it. Safe for concurrent use; make it with New.
type Monitor struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	started time.Time
	taps    taps

	mu        sync.Mutex
	lane      *transport.Deliverer // asked for its Status; may be nil. Never under mu: it reports to us under its own lock
	counts    counts
	readRate  rate
	sendRate  rate
	latencies *hdrhistogram.Histogram // of batches, in microseconds
	waiting   []time.Time             // when the batches that are not settled were read, oldest first
	unsaved   time.Time               // since when something waits for the checkpoint to move; zero: nothing does
	health    health
	told      map[string]time.Time // when a dead letter was logged last, by reason

	toldMissed time.Time // when it was logged last that records were sent again too late
	logged     *Outlet   // where the log goes through; nil: it is written directly
}

// counts are what the status page shows. The metrics count the same things for machines.
type counts struct {
	reads, failedReads, items, itemBytes int64
	accepted, setAside, filtered         int64
	requests, requestBytes, retried      int64
	unknown, missed                      int64
	saves                                int64
	lastRead, lastSave                   time.Time
}

// New returns a Monitor. It is not ready before the first Read has succeeded.
func New(o Options) *Monitor {
	m := &Monitor{
		options: o, log: o.Log, started: time.Now(),
		latencies: hdrhistogram.New(1, (24 * time.Hour).Microseconds(), 2),
		health:    newHealth(),
		told:      map[string]time.Time{},
		taps:      taps{ended: make(chan struct{})},
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.metrics = newMetrics(m)
	return m
}

// Registry holds the metrics of this Monitor, of the Go runtime and of the process.
func (m *Monitor) Registry() *prometheus.Registry { return m.metrics.registry }

// Watch makes the Monitor show the state of the lane of d.
func (m *Monitor) Watch(d *transport.Deliverer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lane = d
}

// WatchLog makes the Monitor count the lines of the log that o has dropped.
func (m *Monitor) WatchLog(o *Outlet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logged = o
}

// logDropped is the number of lines of the log that were lost. The caller holds mu.
func (m *Monitor) logDropped() float64 {
	if m.logged == nil {
		return 0
	}
	return float64(m.logged.Dropped())
}

// laneStatus asks the lane. The zero Status stands for no lane.
func (m *Monitor) laneStatus() transport.Status {
	m.mu.Lock()
	lane := m.lane
	m.mu.Unlock()
	if lane == nil {
		return transport.Status{}
	}
	return lane.Status()
}

// Observe is for Deliverer.Observe: it counts one finished Send.
func (m *Monitor) Observe(a transport.Attempt) {
	m.taps.accepted(a)
	var retried, unknown int64
	for i, r := range a.Results {
		result := resultOf(r.Err)
		switch a.Outcome(i) {
		case transport.Unknown:
			result = resultUnknown
			unknown++
			retried++
		case transport.Refused:
			retried++
			if fault.Is(r.Err, fault.Rejected) {
				result = resultSplit
			}
		}
		m.metrics.attempts.WithLabelValues(result).Inc()
	}
	m.metrics.sent(a, worst(a.Results), retried)

	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.requests++
	m.counts.requestBytes += int64(a.Bytes)
	m.counts.retried += retried
	m.counts.unknown += unknown
	if a.Missed > 0 {
		m.counts.missed += int64(a.Missed)
		m.missed(a)
	}
}

// missedEvery is the least time between two log lines about the same thing: records sent again too late.
const missedEvery = time.Minute

// missed logs that a destination which drops repeats may not have dropped some. The caller holds mu.
func (m *Monitor) missed(a transport.Attempt) {
	now := time.Now()
	if !m.toldMissed.IsZero() && now.Sub(m.toldMissed) < missedEvery {
		return
	}
	m.toldMissed = now
	m.log.Warn("sent again later than the destination remembers; a receiver may see duplicates", "part", ingest.PartDestination,
		"records", a.Missed, "so_far", m.counts.missed)
}

// Report is for Deliverer.Report: the destination is in trouble, or well again.
func (m *Monitor) Report(err error) { m.trouble(ingest.PartDestination, err) }

// Observer is for Pipeline.Observe.
func (m *Monitor) Observer() ingest.Observer {
	return ingest.Observer{Read: m.read, Settled: m.settled, SetAside: m.setAside, Saved: m.saved, Trouble: m.trouble}
}

func (m *Monitor) read(items, bytes int, took time.Duration, err error) {
	m.metrics.read(items, bytes, took, err)
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.reads++
	if err != nil {
		m.counts.failedReads++
		return
	}
	m.counts.lastRead = now
	m.counts.items += int64(items)
	m.counts.itemBytes += int64(bytes)
	m.readRate.add(now, items)
	if items > 0 {
		m.waiting = append(m.waiting, now)
		if m.unsaved.IsZero() {
			m.unsaved = now
		}
	}
	if m.health.starting {
		m.health.starting = false
		m.log.Info("the source answers", "part", ingest.PartSource, "records", items)
	}
}

// asideEvery is the least time between two log lines about dead letters with the same reason.
const asideEvery = time.Minute

// setAside logs that a record was refused for good: the first with each reason at once, then at most one a minute.
func (m *Monitor) setAside(reason error) {
	code := fault.From(reason).Code()
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if last, told := m.told[code]; told && now.Sub(last) < asideEvery {
		return
	}
	m.told[code] = now
	m.log.Warn("record set aside", "part", ingest.PartDeadLetter, "reason", code, "message", Sanitize(reason.Error(), maxMessage))
}

// settled notes one batch. Its latency counts from the oldest Read that waits, which is its own with one batch in flight;
// with more, batches may settle in another order, which leaves the number and the mean of the latencies as they are.
func (m *Monitor) settled(accepted, setAside, filtered int) {
	if accepted+setAside+filtered == 0 {
		return
	}
	m.metrics.settled.WithLabelValues(fateAccepted).Add(float64(accepted))
	m.metrics.settled.WithLabelValues(fateSetAside).Add(float64(setAside))
	m.metrics.filtered.Add(float64(filtered))
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.accepted += int64(accepted)
	m.counts.setAside += int64(setAside)
	m.counts.filtered += int64(filtered)
	m.sendRate.add(now, accepted)
	if len(m.waiting) > 0 {
		latency := now.Sub(m.waiting[0])
		m.waiting = m.waiting[1:]
		m.metrics.latency.Observe(latency.Seconds())
		_ = m.latencies.RecordValue(min(latency.Microseconds(), m.latencies.HighestTrackableValue()))
	}
}

func (m *Monitor) saved(ingest.Cursor) {
	m.metrics.saves.Inc()
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.saves++
	m.counts.lastSave = now
	m.unsaved = time.Time{}
	if len(m.waiting) > 0 {
		m.unsaved = now
	}
}

// checkpointAge is for how long records that were read have waited for the checkpoint to move. The caller holds mu.
func (m *Monitor) checkpointAge() time.Duration {
	if m.unsaved.IsZero() {
		return 0
	}
	return time.Since(m.unsaved)
}

// Reloaded notes that settings were read again while running, or why they could not be and the old ones stay.
func (m *Monitor) Reloaded(err error) { m.metrics.reloaded(err) }

// worst returns the result of a request: "accepted" if all its records were, else the name of the gravest class.
func worst(results []transport.Result) string {
	var gravest error
	for _, r := range results {
		if r.Err != nil && (gravest == nil || fault.From(r.Err).Class > fault.From(gravest).Class) {
			gravest = r.Err
		}
	}
	return resultOf(gravest)
}
