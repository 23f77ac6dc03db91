package result

import (
	"time"

	"sluice/bench/audit"
	"sluice/bench/cost"
)

// A Trial is one delivery of all phases through one transport.
type Trial struct {
	Pair      int       `json:"pair"`      // block of trials with the same arrivals and bodies, from 0
	Slot      int       `json:"slot"`      // place in the random order of the block, from 0
	Transport string    `json:"transport"` // configuration value of the transport
	Started   time.Time `json:"started"`   // when the trial began
	Seconds   float64   `json:"seconds"`   // how long it took, warm-up and draining included

	Valid   bool     `json:"valid"`           // it counts
	Because []string `json:"invalid_because"` // one sentence each

	Phases     []Phase        `json:"phases"`
	Audit      audit.Matrix   `json:"audit"`
	Unexpected []string       `json:"unexpected"` // where the audit differs from what the faults allow
	Faults     map[string]int `json:"faults"`     // how often each scripted fault fired
	Attempts   int            `json:"attempts"`   // requests made
	Errors     map[string]int `json:"errors"`     // results of attempts by class and reason, such as "throttled: ThrottlingException"
	Units      cost.Units     `json:"billable"`
	USD        float64        `json:"usd"` // of Units by the price book
	Client     Client         `json:"client"`
}

// A Phase is one part of a trial with its own arrivals. Latencies count from the intended arrival.
type Phase struct {
	Name        string  `json:"name"`                  // as in the workload
	Kind        string  `json:"kind"`                  // "open": arrivals by schedule; "closed": so many senders, each as fast as it is answered
	Concurrency int     `json:"concurrency,omitempty"` // of a closed phase
	Cold        bool    `json:"expect_cold,omitempty"` // cold starts belong to it: it is never the phase that latencies are compared by
	Start       float64 `json:"start"`                 // seconds from the start of the trial
	Seconds     float64 `json:"seconds"`               // from the first intended arrival to the end of arrivals

	Offered   int `json:"offered"`   // records that were to be sent
	Accepted  int `json:"accepted"`  // of them
	Processed int `json:"processed"` // distinct, as the consumer saw them
	MaxQueue  int `json:"max_queue"` // most records that had arrived and were not accepted
	Requests  int `json:"requests"`  // made, repeated ones included
	Sent      int `json:"sent"`      // how often a record was in a request, repeats included

	OfferedRate   float64 `json:"offered_rate"`      // per second
	AcceptedRate  float64 `json:"accepted_rate"`     // per second, until the last one
	ProcessedRate float64 `json:"processed_rate"`    // per second, until the last one
	MiBRate       float64 `json:"accepted_mib_rate"` // MiB accepted per second, as the destination counts sizes
	DrainSeconds  float64 `json:"drain_seconds"`     // from the last arrival to the last processed record

	Latency  Latencies `json:"latency"`
	HDR      HDR       `json:"hdr"`
	Negative int       `json:"negative"` // samples below zero, which are counted in Latency as zero

	InSystem float64 `json:"little_l"`  // mean number of records between arrival and acceptance
	LambdaW  float64 `json:"little_lw"` // arrival rate times mean time between them

	Series []Second `json:"series"`
	Checks []Check  `json:"checks"`
}

// Latencies are summaries of the histograms in milliseconds.
type Latencies struct {
	Accept    Summary `json:"accept"`    // intended arrival to acceptance
	Processed Summary `json:"processed"` // intended arrival to the end of the consumer's work
	Service   Summary `json:"service"`   // start of the accepted attempt to its end
	Late      Summary `json:"late_send"` // intended arrival to release by the generator
	Wait      Summary `json:"wait"`      // release to start of the first attempt: linger, queue
	Dwell     Summary `json:"dwell"`     // acceptance to the consumer's first sight
}

// A Summary of a histogram, in milliseconds. A quantile q is nil if fewer than 10 samples lie beyond it.
type Summary struct {
	N    int64    `json:"n"`    // samples
	Mean float64  `json:"mean"` // of all samples
	P50  *float64 `json:"p50"`  // median
	P90  *float64 `json:"p90"`  // 90th percentile
	P99  *float64 `json:"p99"`  // 99th percentile
	P999 *float64 `json:"p999"` // 99.9th percentile
	Max  float64  `json:"max"`  // longest sample
}

// HDR are the histograms themselves: HdrHistogram V2, compressed, base64; values in nanoseconds, three digits.
type HDR struct {
	Accept    string `json:"accept"`    // intended arrival to acceptance
	Processed string `json:"processed"` // intended arrival to the end of the consumer's work
	Service   string `json:"service"`   // start of the accepted attempt to its end
	Late      string `json:"late_send"` // intended arrival to release
	Wait      string `json:"wait"`      // release to start of the first attempt
	Dwell     string `json:"dwell"`     // acceptance to the consumer's first sight
}

// A Second is one second of a phase; latencies are those of the records that were to arrive in it, in milliseconds.
type Second struct {
	At        int     `json:"at"`            // seconds from the start of the phase
	Offered   int     `json:"offered"`       // records that were to arrive in this second
	Accepted  int     `json:"accepted"`      // in this second
	Processed int     `json:"processed"`     // in this second
	Errors    int     `json:"errors"`        // results of attempts that were not acceptance
	AcceptP50 float64 `json:"accept_p50"`    // median until acceptance; 0: no sample
	AcceptP99 float64 `json:"accept_p99"`    // 99th percentile
	DoneP50   float64 `json:"processed_p50"` // median until the consumer was done
	DoneP99   float64 `json:"processed_p99"` // 99th percentile
	Backlog   int     `json:"backlog"`       // accepted and not processed, at its end
}

// Client is what the sender's process took, the consumer and the far end excluded.
type Client struct {
	CPUMicros   float64 `json:"cpu_us_per_record"`      // user and system
	CPUShare    float64 `json:"cpu_share"`              // of all that GOMAXPROCS allows, 0 to 1
	Allocs      float64 `json:"allocs_per_record"`      // objects allocated per record
	AllocBytes  float64 `json:"alloc_bytes_per_record"` // bytes allocated per record
	PeakRSS     int64   `json:"peak_rss_bytes"`         // most memory that the process had
	GCPauseP99  float64 `json:"gc_pause_p99_ms"`        // of the garbage collector's pauses
	BytesOut    int64   `json:"wire_bytes_out"`         // below TLS
	BytesIn     int64   `json:"wire_bytes_in"`          // the other way
	Connections int     `json:"new_connections"`        // opened during the trial
}

// A Search looks for the highest rate at which a transport keeps the SLO.
type Search struct {
	Transport string  `json:"transport"` // configuration value of the transport
	Phase     string  `json:"phase"`     // name of the search in the workload
	SLO       string  `json:"slo"`       // condition that a rate had to meet
	Steps     []Step  `json:"steps"`
	MaxClosed float64 `json:"max_closed_rate"` // records per second, closed loop
	MaxAtSLO  float64 `json:"max_rate_at_slo"` // 0: none passed
	Knee      float64 `json:"knee_rate"`       // lowest rate at which the median is twice that of the lowest step; 0: not reached
	USL       *USL    `json:"usl,omitempty"`
	Because   string  `json:"because,omitempty"` // why it ended without an answer; beside an answer, what has to be known of it
}

// A Step of a search.
type Step struct {
	Kind         string   `json:"kind"`                  // "closed" or "open"
	Concurrency  int      `json:"concurrency,omitempty"` // requests at once, of a closed step
	Offered      float64  `json:"offered_rate"`          // records per second
	Achieved     float64  `json:"achieved_rate"`         // of them accepted, per second
	AcceptP50    *float64 `json:"accept_p50"`            // median until acceptance
	AcceptP99    *float64 `json:"accept_p99"`            // 99th percentile
	ProcessedP99 *float64 `json:"processed_p99"`         // 99th percentile until the consumer was done
	Errors       float64  `json:"error_share"`           // of the records, 0 to 1
	BacklogSlope float64  `json:"backlog_slope"`         // records per second
	Passed       bool     `json:"passed"`                // the rate was kept up within the SLO
	Because      string   `json:"because"`               // why not
}

// USL are the coefficients of Gunther's law, fitted to the closed steps: X(N) = Lambda·N / (1 + Sigma(N−1) + Kappa·N(N−1)).
type USL struct {
	Lambda float64 `json:"lambda"` // rate with one request at once
	Sigma  float64 `json:"sigma"`  // contention
	Kappa  float64 `json:"kappa"`  // coherence
	Peak   float64 `json:"peak_n"` // concurrency of the highest rate; 0: none
	R2     float64 `json:"r2"`     // share of the variance that the fit explains
}

// At is the fitted rate with n requests at once.
func (u USL) At(n float64) float64 {
	return u.Lambda * n / (1 + u.Sigma*(n-1) + u.Kappa*n*(n-1))
}
