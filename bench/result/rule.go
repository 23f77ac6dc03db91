package result

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Rule is a condition under which a gate fails, such as "sqs.processed.p99@burst ratio > 1.10".
type Rule struct {
	Text      string
	Transport string // empty: each of them
	Metric    Metric
	Phase     string // empty: the main phase, or the whole trial
	Relative  bool   // the limit is of the ratio to a baseline
	Op        string // one of > >= < <=
	Limit     float64
}

// A RuleError says what is wrong with a rule.
type RuleError struct{ Rule, Why string }

func (e *RuleError) Error() string { return fmt.Sprintf("rule %q: %s", e.Rule, e.Why) }

var rulePattern = regexp.MustCompile(`^([a-z][a-z0-9_.]*)(?:@([^\s<>=]+))?(\s+ratio)?\s*(>=|<=|>|<)\s*([0-9.eE+-]+)\s*(\S*)$`)

// units are the units in which a limit may be given, by the unit of the metric, with what one of them is in it.
var units = map[string]map[string]float64{
	"ms": {"ms": 1, "us": 1e-3, "µs": 1e-3, "s": 1e3, "m": 60e3},
	"s":  {"s": 1, "ms": 1e-3, "m": 60},
	"µs": {"": 1, "us": 1, "µs": 1, "ms": 1e3},
	"/s": {"": 1, "/s": 1},
	"$":  {"": 1, "$": 1, "USD": 1},
	"B":  {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30},
	"":   {"": 1},
}

// ParseRule reads a rule: [TRANSPORT.]METRIC[@PHASE] [ratio] OP NUMBER[UNIT]. A latency needs a unit: ms, s, us.
func ParseRule(text string) (Rule, error) {
	bad := func(format string, args ...any) (Rule, error) {
		return Rule{}, &RuleError{text, fmt.Sprintf(format, args...)}
	}
	m := rulePattern.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return bad("want [TRANSPORT.]METRIC[@PHASE] [ratio] OP NUMBER[UNIT] with one of > >= < <=, such as 'processed.p99 ratio > 1.10'; metrics are %s", metricNames())
	}
	r := Rule{Text: text, Phase: m[2], Relative: m[3] != "", Op: m[4]}
	metric, ok := MetricNamed(m[1])
	if !ok {
		transport, name, _ := strings.Cut(m[1], ".")
		if metric, ok = MetricNamed(name); !ok {
			return bad("there is no metric %q; metrics are %s, each may follow a transport and a point", m[1], metricNames())
		}
		r.Transport = transport
	}
	r.Metric = metric
	number, err := strconv.ParseFloat(m[5], 64)
	if err != nil {
		return bad("%q is not a number", m[5])
	}
	factor := 1.0
	if r.Relative {
		if m[6] != "" && m[6] != "x" {
			return bad("a ratio has no unit, %q is too much", m[6])
		}
	} else if factor, ok = units[metric.Unit][m[6]]; !ok {
		return bad("%s is in %s, want a number with one of the units %s and not %q", metric.Name, orNumbers(metric.Unit), unitNames(metric.Unit), m[6])
	}
	r.Limit = number * factor
	if r.Phase != "" && !metric.Phased {
		return bad("%s is of the whole trial, it has no phase", metric.Name)
	}
	return r, nil
}

func orNumbers(unit string) string {
	if unit == "" {
		return "numbers"
	}
	return unit
}

func unitNames(unit string) string {
	var names []string
	for name := range units[unit] {
		if name == "" {
			name = "(none)"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// metricNames lists the metrics, the quantiles of a latency as one.
func metricNames() string {
	var names []string
	for _, m := range Metrics() {
		name, quantile, dotted := strings.Cut(m.Name, ".")
		if dotted && m.Latency() {
			if quantile != "p50" {
				continue
			}
			names = append(names, name+".{p50,p90,p99,p999,mean,max}")
			continue
		}
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}
