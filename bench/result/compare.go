package result

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Difference is a field in which two runs are not the same.
type Difference struct {
	Field string // for example targets.sqs.kind
	A, B  string // as in the files
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s and %s", d.Field, shown(d.A), shown(d.B))
}

func shown(v string) string {
	if v == "" {
		return "not set"
	}
	return v
}

// Comparability says whether the numbers of two runs may stand side by side.
type Comparability struct {
	Refused []Difference // each of them makes the numbers mean something else
	Warned  []Difference // they may explain a difference
	Common  []string     // transports of both runs
}

// OK reports whether nothing forbids the comparison.
func (c Comparability) OK() bool { return len(c.Refused) == 0 }

// NotComparable is the error of a comparison that is refused.
type NotComparable struct{ Differences []Difference }

func (e *NotComparable) Error() string {
	lines := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		lines[i] = d.String()
	}
	return "these runs are not comparable: " + strings.Join(lines, "; ")
}

// Compare holds the conditions of two runs against each other. They are not comparable if the workload, the records, or of
// a transport that both have the kind of target, the consumer or the batching differ, or if they have no transport in
// common. Every other difference of the environment, the targets and the prices is a warning.
func Compare(a, b *File) (Comparability, error) {
	fa, err := fingerprint(a)
	if err != nil {
		return Comparability{}, err
	}
	fb, err := fingerprint(b)
	if err != nil {
		return Comparability{}, err
	}
	var c Comparability
	in := b.Transports()
	for _, name := range a.Transports() {
		if slices.Contains(in, name) {
			c.Common = append(c.Common, name)
		}
	}
	if len(c.Common) == 0 {
		c.Refused = append(c.Refused, Difference{"transports", strings.Join(a.Transports(), ", "), strings.Join(in, ", ")})
	}
	both := maps.Clone(fa)
	maps.Copy(both, fb)
	for _, field := range slices.Sorted(maps.Keys(both)) {
		if fa[field] == fb[field] {
			continue
		}
		d := Difference{field, fa[field], fb[field]}
		transport, isTarget := targetOf(field)
		switch {
		case isTarget && !slices.Contains(c.Common, transport): // only one run has it: nothing is compared
		case forbids(field):
			c.Refused = append(c.Refused, d)
		default:
			c.Warned = append(c.Warned, d)
		}
	}
	return c, nil
}

// forbids reports whether runs that differ in this field are not comparable.
func forbids(field string) bool {
	if _, ok := targetOf(field); ok {
		last := field[strings.LastIndexByte(field, '.')+1:]
		return strings.Count(field, ".") == 2 && slices.Contains([]string{"kind", "consumer", "max_records", "linger_ms"}, last)
	}
	return field == "workload.sha256" || field == "workload.records"
}

func targetOf(field string) (transport string, ok bool) {
	rest, ok := strings.CutPrefix(field, "targets.")
	transport, _, _ = strings.Cut(rest, ".")
	return transport, ok
}

// fingerprint flattens what has to be equal into fields named as in the file, with their values as they stand there.
func fingerprint(f *File) (map[string]string, error) {
	targets := map[string]Target{}
	for _, t := range f.Targets {
		targets[t.Transport] = t
	}
	data, err := json.Marshal(map[string]any{
		"env": f.Env, "targets": targets,
		"workload": map[string]string{"sha256": f.Workload.SHA256, "records": f.Workload.Records},
		"run":      map[string]any{"seed": f.Run.Seed, "profile": f.Run.Profile, "partial": f.Run.Partial},
		"prices":   f.PriceBook,
	})
	if err != nil {
		return nil, fmt.Errorf("compare two runs: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber() // seeds have more digits than a float64
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("compare two runs: %w", err)
	}
	flat := map[string]string{}
	flatten("", tree, flat)
	return flat, nil
}

func flatten(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			flatten(strings.TrimPrefix(path+"."+name, "."), child, into)
		}
	case []any:
		for i, child := range v {
			flatten(fmt.Sprintf("%s.%d", path, i), child, into)
		}
	case nil:
		into[path] = ""
	default:
		into[path] = fmt.Sprint(v)
	}
}

// A Change of a metric of one transport from one run to another. The runs were not interleaved: whatever changed on the
// machine or the network between them is in the ratio, so there is no verdict.
type Change struct {
	Transport string
	Metric    Metric
	A, B      Estimate
	Ratio     Estimate // of B to A
}

// Changes returns the changes of those metrics that both runs have, by transport and in the order of Metrics. Counts are
// compared by their sums.
func Changes(a, b *File, transports []string) []Change {
	var all []Change
	phase := a.MainPhase()
	for _, name := range transports {
		for _, m := range Metrics() {
			va, vb := a.Values(m, name, phase), b.Values(m, name, phase)
			if len(va) == 0 || len(vb) == 0 {
				continue
			}
			c := Change{Transport: name, Metric: m, A: estimate(m, va), B: estimate(m, vb), Ratio: Ratio(vb, va)}
			if m.Counted {
				c.Ratio = unbounded(1, sum(vb)/sum(va)) // NaN where both are 0
			}
			all = append(all, c)
		}
	}
	return all
}

// estimate sums what is counted up and takes the typical value of the rest.
func estimate(m Metric, values []float64) Estimate {
	if m.Counted {
		return exact(len(values), sum(values))
	}
	return Typical(values)
}

func sum(values []float64) float64 {
	s := 0.0
	for _, v := range values {
		s += v
	}
	return s
}
