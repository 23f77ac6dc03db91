package report

import (
	"fmt"
	"strings"

	"sluice/bench/result"
)

// invalid lists the trials that do not count, with the reasons.
func invalid(f *result.File) []string {
	var all []string
	for _, t := range f.Trials {
		if !t.Valid {
			all = append(all, fmt.Sprintf("pair %d, %s: %s", t.Pair+1, t.Transport, reasons(t)))
		}
	}
	return all
}

func reasons(t result.Trial) string {
	why := strings.Join(append(append([]string{}, t.Because...), t.Unexpected...), "; ")
	if why == "" {
		return "no reason is given"
	}
	return why
}

// limits lists what the run does not prove, besides what standInNote says.
func limits(f *result.File) []string {
	var all []string
	all = append(all, unpaired(f)...)
	all = append(all, undecided(f)...)
	all = append(all, losses(f)...)
	all = append(all, growing(f)...)
	all = append(all, ends(f)...)
	if f.Calibration != nil {
		for _, c := range f.Calibration.Checks {
			if !c.OK {
				all = append(all, "Calibration failed: "+c.Text+".")
			}
		}
	} else {
		all = append(all, "There is no calibration: what this machine can measure at all is not known.")
	}
	return all
}

// leastPairs is how many pairs a verdict needs: with 5 the signed-rank test cannot reach 5 %.
const leastPairs = 6

// unpaired lists the transports that have too few pairs of valid trials.
func unpaired(f *result.File) []string {
	var few []string
	for _, p := range pairs(f) {
		least := leastPairs
		for _, c := range comparisonsOf(f, p) {
			if c.Phase != "" { // a metric that one side never has, such as a price, is no lack of trials
				least = min(least, c.Pairs)
			}
		}
		if least < leastPairs {
			few = append(few, fmt.Sprintf("%s : %s (%d)", p.A, p.B, least))
		}
	}
	if few == nil {
		return nil
	}
	return []string{fmt.Sprintf("A verdict on latency needs %d pairs of valid trials; there are fewer of %s.", leastPairs, strings.Join(few, ", "))}
}

// undecided counts the comparisons without a verdict.
func undecided(f *result.File) []string {
	open, most, beyond := 0, 0, false
	for _, c := range f.Comparisons {
		if c.Verdict == result.Inconclusive && c.Pairs >= leastPairs && !withheld(c) {
			open++
			most = max(most, c.Needs)
			beyond = beyond || c.Needs == 0
		}
	}
	switch {
	case open == 0:
		return nil
	case beyond:
		return []string{fmt.Sprintf("%s open; to decide all of them would take more than 1,000 pairs.", are(open, "comparison"))}
	}
	return []string{fmt.Sprintf("%s open; to decide all of them would take about %d pairs.", are(open, "comparison"), most)}
}

func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return plural(n, noun) + " are"
}

// losses says how much the absence of losses proves.
func losses(f *result.File) []string {
	var all, bounds []string
	for _, name := range f.Transports() {
		valid, invalid := trialsOf(f, name)
		switch sum := audits(f, name); {
		case valid+invalid == 0: // nothing was audited
		case !f.Audited(name) && f.Target(name).Kind != result.Null:
			all = append(all, fmt.Sprintf("%s: nothing is read back, so nobody knows what was lost.", name))
		case !f.Audited(name):
		case sum.Accepted == 0:
			all = append(all, fmt.Sprintf("%s: no record was accepted.", name))
		case sum.Lost == 0:
			// Zero of n: the true rate is below about 3/n with 95 % confidence.
			bounds = append(bounds, fmt.Sprintf("%s %s", name, result.Plain(3e6/float64(sum.Accepted))))
		}
	}
	if len(bounds) > 0 {
		all = append(all, "No loss is not proof of none. Of a million records, so many may still be lost (95 %): "+list(bounds)+".")
	}
	return all
}

// mostBehind is how far the processed rate may be below the accepted one, as a share of it, before the report says so.
const mostBehind = 0.05

// growing names the transports that took records faster than they were processed: there the accepted rate is that of a
// queue that fills, and no rate that lasts.
func growing(f *result.File) []string {
	var all []string
	accepted, _ := result.MetricNamed("throughput.max")
	processed, _ := result.MetricNamed("throughput.max_processed")
	for _, name := range f.Transports() {
		in, okIn := middle(f, accepted, name, "")
		out, okOut := middle(f, processed, name, "")
		if okIn && okOut && out < in*(1-mostBehind) {
			all = append(all, fmt.Sprintf("%s: up to %s were accepted and up to %s processed, the rest waited: a queue that only grows keeps up no rate.",
				name, result.Quantity(in, "/s"), result.Quantity(out, "/s")))
		}
	}
	return all
}

// ends says where the transports were not used alike.
func ends(f *result.File) []string {
	var own, reply, receipts, brokers []string
	sizes := map[int]bool{}
	for _, t := range f.Targets {
		switch t.Consumer {
		case "own":
			own = append(own, t.Transport)
		case "reply":
			reply = append(reply, t.Transport)
		case "receipts":
			reply, receipts = append(reply, t.Transport), append(receipts, t.Transport)
		}
		if t.Transport == "jetstream" || t.Transport == "rabbitmq" {
			brokers = append(brokers, t.Transport)
		}
		sizes[t.MaxRecords] = true
	}
	var all []string
	if len(brokers) > 0 && len(f.Trials) > 0 {
		all = append(all, fmt.Sprintf("%s: no price per record; the server that you would run is not in it (see cost).", list(brokers)))
	}
	if len(own) > 0 && len(reply) > 0 {
		all = append(all, fmt.Sprintf("\"Processed\" is the end of a receiver's work for %s, and the reply for %s.", list(own), list(reply)))
	}
	if len(receipts) > 0 {
		all = append(all, fmt.Sprintf("%s: audited by the receipts that the integration behind it put into a queue; its times are those of the replies, and putting a receipt is part of them.", list(receipts)))
	}
	if len(sizes) > 1 {
		all = append(all, "The transports were batched differently (see the set-up): this compares each as tuned, not at equal batches.")
	}
	return all
}
