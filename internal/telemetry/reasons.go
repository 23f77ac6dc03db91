package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/fault"
	"sluice/transport"
)

// otherReason stands for a code that the catalogue does not have, so that labels come from a closed set.
const otherReason = "other"

// reasonLabel is the value of the label reason for a code.
func reasonLabel(code string) string {
	if _, ok := fault.ReasonOf(code); ok {
		return code
	}
	return otherReason
}

// reasonMetrics are the numbers by reason code.
type reasonMetrics struct {
	faults *prometheus.CounterVec
}

// newReasonMetrics registers them. There is at most one series for each code of the catalogue, made when it first happens.
func newReasonMetrics(m *Monitor, r *prometheus.Registry) *reasonMetrics {
	out := maker{r, prometheus.Labels{"transport": m.options.Transport}}
	r.MustRegister(troubles{m})
	return &reasonMetrics{out.counters("sluice_fault_records_total", "Records in requests to the destination that were not accepted, by reason; docs/reasons.md explains the codes.", "reason")}
}

// sent counts the records of a request that were not accepted.
func (x *reasonMetrics) sent(a transport.Attempt) {
	for _, r := range a.Results {
		if e := fault.From(r.Err); e != nil {
			x.faults.WithLabelValues(reasonLabel(e.Code())).Inc()
		}
	}
}

// troubles collects what is wrong at this moment: one series for each part in trouble, none when all is well.
type troubles struct{ m *Monitor }

var troubleReason = prometheus.NewDesc("sluice_trouble_reason", "1 for each part of the daemon that is in trouble, with the reason code that /readyz shows.", []string{"part", "reason"}, nil)

// Describe is for the registry.
func (t troubles) Describe(ch chan<- *prometheus.Desc) { ch <- troubleReason }

// Collect is for the registry.
func (t troubles) Collect(ch chan<- prometheus.Metric) {
	for _, r := range t.m.Readiness().Reasons {
		ch <- prometheus.MustNewConstMetric(troubleReason, prometheus.GaugeValue, 1, r.Part, reasonLabel(r.Reason))
	}
}
