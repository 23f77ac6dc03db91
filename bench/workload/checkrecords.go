package workload

import "strings"

// sizeKeys are the keys that a distribution of sizes has and needs.
var sizeKeys = map[string]string{"fixed": "bytes", "uniform": "min max", "lognormal": "p50 p99 max"}

func (d *decoder) checkRecords(w *Workload) {
	r := &w.Records
	if r.Kind != "binary" && r.RandomRatio > maxText {
		d.problem("records.random_ratio", "records.random_ratio is %v, want at most %v for %s; binary allows 1", r.RandomRatio, maxText, r.Kind)
	}
	if !d.checkSize(r.Size) || d.bad("records.kind") || d.bad("records.pool") {
		return
	}
	if least := minimum[r.Kind]; r.Size.shortest() < least {
		d.problem("records.size", "records.size allows bodies of %v, but %s needs at least %v", r.Size.shortest(), r.Kind, least)
		return
	}
	if total := r.Size.total(r.Pool); total > maxPool {
		d.problem("records.pool", "records.pool: %d bodies of these sizes take %d MiB, want at most %d", r.Pool, total>>20, maxPool>>20)
	}
}

// checkSize reports keys that a distribution lacks or does not know, and sizes out of order.
func (d *decoder) checkSize(s Size) bool {
	const path = "records.size"
	before := len(d.problems)
	want, known := sizeKeys[s.Dist]
	if !known {
		return false
	}
	for _, key := range []string{"bytes", "min", "p50", "p99", "max"} {
		switch needed, given := strings.Contains(" "+want+" ", " "+key+" "), d.given(path+"."+key); {
		case given && !needed:
			d.problem(path+"."+key, "%s.%s means nothing for %s", path, key, s.Dist)
		case needed && !given && key != "bytes": // bytes has a default
			d.problem(path, "%s: %s needs %q", path, s.Dist, key)
		}
	}
	if len(d.problems) > before || d.bad(path) {
		return false
	}
	switch {
	case s.Dist == "uniform" && s.Min > s.Max:
		d.problem(path, "%s: min %v is above max %v", path, s.Min, s.Max)
	case s.Dist == "lognormal" && (s.P50 > s.P99 || s.P99 > s.Max):
		d.problem(path, "%s: want p50 %v ≤ p99 %v ≤ max %v", path, s.P50, s.P99, s.Max)
	}
	return len(d.problems) == before
}
