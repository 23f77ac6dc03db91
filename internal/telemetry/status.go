package telemetry

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Status is what /api/status answers and the status page shows. Times are zero, and left out, if the thing has not
// happened yet; durations are in seconds.
type Status struct {
	Build
	Readiness
	Now     time.Time `json:"now"`
	Started time.Time `json:"started"`
	Uptime  float64   `json:"uptime_seconds"`
	Stream  string    `json:"stream,omitempty"`

	Source     SourceStatus     `json:"source"`
	Transport  TransportStatus  `json:"transport"`
	Checkpoint CheckpointStatus `json:"checkpoint"`
}

// A SourceStatus is the reading half of a Status.
type SourceStatus struct {
	Kind          string    `json:"kind"` // "http"
	Records       int64     `json:"records"`
	Bytes         int64     `json:"bytes"`
	RecordsPerSec float64   `json:"records_per_second"` // over the last minute
	Reads         int64     `json:"reads"`
	FailedReads   int64     `json:"failed_reads"`
	LastSuccess   time.Time `json:"last_success,omitzero"`
	Quota         string    `json:"quota,omitempty"` // what is known of the limits on requests, in words
}

// A TransportStatus is the delivering half of a Status.
type TransportStatus struct {
	Kind          string    `json:"kind"` // "sqs"
	Accepted      int64     `json:"accepted"`
	SetAside      int64     `json:"set_aside"`
	Filtered      int64     `json:"filtered"`           // left out on purpose
	RecordsPerSec float64   `json:"records_per_second"` // accepted, over the last minute
	Requests      int64     `json:"requests"`
	Bytes         int64     `json:"bytes"`
	Retried       int64     `json:"retried"`
	Unknown       int64     `json:"unknown"`             // records of which nobody could tell whether they were accepted, by attempt
	WindowMissed  int64     `json:"dedup_window_missed"` // of these, the ones sent again too late for the destination to know them
	InFlight      int       `json:"in_flight"`           // requests
	Limit         int       `json:"limit"`               // requests allowed at once
	RetryAt       time.Time `json:"retry_at,omitzero"`
	LatencyP50    float64   `json:"latency_p50_seconds"` // of batches since the start, from read to settled
	LatencyP99    float64   `json:"latency_p99_seconds"`
}

// A CheckpointStatus says how far the durable cursor is.
type CheckpointStatus struct {
	Saves     int64     `json:"saves"`
	LastSaved time.Time `json:"last_saved,omitzero"`
	Age       float64   `json:"age_seconds"` // for how long something has waited for it to move
	Unsettled int       `json:"batches_unsettled"`
}

// Status returns what the Monitor knows at this moment.
func (m *Monitor) Status() Status {
	lane := m.laneStatus()
	quota := ""
	if m.options.Quota != nil {
		quota = Sanitize(m.options.Quota(), maxMessage)
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counts
	s := Status{
		Build: m.options.Build, Readiness: m.health.readiness(), Now: now, Started: m.started,
		Uptime: now.Sub(m.started).Seconds(), Stream: Sanitize(m.options.Stream, maxMessage),
		Source: SourceStatus{Kind: m.options.Source, Records: c.items, Bytes: c.itemBytes, RecordsPerSec: m.readRate.perSecond(now, m.started),
			Reads: c.reads, FailedReads: c.failedReads, LastSuccess: c.lastRead, Quota: quota},
		Transport: TransportStatus{Kind: m.options.Transport, Accepted: c.accepted, SetAside: c.setAside, Filtered: c.filtered, RecordsPerSec: m.sendRate.perSecond(now, m.started),
			Requests: c.requests, Bytes: c.requestBytes, Retried: c.retried, Unknown: c.unknown, WindowMissed: c.missed,
			InFlight: lane.InFlight, Limit: lane.Limit, LatencyP50: quantile(m.latencies, 50), LatencyP99: quantile(m.latencies, 99)},
		Checkpoint: CheckpointStatus{Saves: c.saves, LastSaved: c.lastSave, Age: m.checkpointAge().Seconds(), Unsettled: len(m.waiting)},
	}
	if lane.RetryAt.After(now) {
		s.Transport.RetryAt = lane.RetryAt
	}
	return s
}

// quantile returns a percentile of latencies in seconds.
func quantile(h *hdrhistogram.Histogram, percent float64) float64 {
	return (time.Duration(h.ValueAtQuantile(percent)) * time.Microsecond).Seconds()
}
