package result

import "sluice/bench/stats"

// Verdicts of a Comparison.
const (
	ABetter      = "a_better"
	BBetter      = "b_better"
	Equivalent   = "equivalent"
	Inconclusive = "inconclusive"
	NoVerdict    = "none" // too few valid pairs, or nothing to compare; Text says why
)

// A Comparison of one metric of two transports, from pairs of trials.
type Comparison struct {
	Metric   string         `json:"metric"`                // for example accept.p99, throughput.max, usd_per_million
	Phase    string         `json:"phase"`                 // of the latencies; empty: of the whole trial
	Unit     string         `json:"unit"`                  // "ms", "/s", "$"
	Higher   bool           `json:"higher_is_better"`      // more is better, as for throughput
	A        string         `json:"a"`                     // transport
	B        string         `json:"b"`                     // the other transport
	Values   [][2]float64   `json:"values"`                // of A and B, pair by pair; only pairs with both trials valid
	Pairs    int            `json:"pairs"`                 // pairs of valid trials
	TypicalA float64        `json:"typical_a"`             // geometric mean over the pairs
	TypicalB float64        `json:"typical_b"`             // the same of B
	Ratio    float64        `json:"ratio"`                 // of A to B
	CI95     stats.Interval `json:"ci95"`                  // paired t on logarithms; null: no bound
	HL       float64        `json:"hodges_lehmann"`        // the ratio by Hodges and Lehmann, which outliers move less
	HLCI95   stats.Interval `json:"wilcoxon_ci95"`         // its interval, by Wilcoxon's signed ranks; null: no bound
	P        float64        `json:"p"`                     // of the paired t test that the ratio is 1
	HolmP    float64        `json:"holm_p"`                // adjusted for the number of metrics
	Verdict  string         `json:"verdict"`               // what is proved
	Needs    int            `json:"needs_pairs,omitempty"` // about so many would decide; 0: decided, or more than 1,000
	StandIn  bool           `json:"stand_in"`              // at least one far end is not AWS: no verdict about AWS
	Text     string         `json:"text"`                  // the verdict in words
}
