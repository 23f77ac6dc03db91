package model

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

const draws = 100_000

func sample(t *testing.T, id string, seed uint64, correlation float64) []time.Duration {
	t.Helper()
	m, ok := Lookup(id)
	if !ok {
		t.Fatalf("there is no model %s", id)
	}
	s := m.Sampler(seed, correlation)
	out := make([]time.Duration, draws)
	for i := range out {
		out[i] = s.Next()
	}
	return out
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// wantNear compares with a tolerance of 5 %.
func wantNear(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.05*want {
		t.Errorf("%s: got %.2f ms, want %.2f within 5 %%", what, got, want)
	}
}

func quantile(sorted []time.Duration, p float64) float64 {
	return ms(sorted[int(p*float64(len(sorted)))])
}

// TestSampledQuantiles draws from every distribution and compares with its published table.
func TestSampledQuantiles(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		if m.Points == nil {
			continue
		}
		got := sample(t, m.ID, 42, 0)
		slices.Sort(got)
		for _, p := range m.Points {
			if float64(draws)*(1-p.P) >= 500 { // rarer ones vary by more than the tolerance
				wantNear(t, m.ID, quantile(got, p.P), p.MS)
			}
			wantNear(t, m.ID+", the curve itself", ms(m.curve(probit(p.P))), p.MS)
		}
	}
}

// TestBetweenThePoints: two points are a lognormal distribution, between them and beyond.
func TestBetweenThePoints(t *testing.T) {
	t.Parallel()
	m, _ := Lookup("apigw-rest-warm-2gb")
	sigma := math.Log(48.0/18) / 2.32635
	for z, p := range map[float64]string{-1.28155: "p10", 1.28155: "p90", 1.64485: "p95", 3.09023: "p99.9"} {
		if got, want := ms(m.curve(z)), 18*math.Exp(sigma*z); math.Abs(got-want) > 0.001*want {
			t.Errorf("%s: got %.3f ms, want %.3f", p, got, want)
		}
	}
}

// TestMeans compares with the means that were published beside the quantiles the models were made from.
func TestMeans(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]float64{"sqs-send-2021": 10.3, "sqs-esm-default-mem": 120.7, "apigw-rest-default-mem": 47.5} {
		sum := 0.0
		for _, d := range sample(t, id, 7, 0) {
			sum += ms(d)
		}
		wantNear(t, id+", mean", sum/draws, want)
	}
}

// TestSeedDecides: the same seed, the same draws; another seed or model, others.
func TestSeedDecides(t *testing.T) {
	t.Parallel()
	a, b, c := sample(t, "sqs-esm-3gb", 1, 0), sample(t, "sqs-esm-3gb", 1, 0), sample(t, "sqs-esm-3gb", 2, 0)
	if !slices.Equal(a, b) {
		t.Error("the same seed gave other draws")
	}
	if a[0] == c[0] || a[1] == c[1] {
		t.Error("another seed gave the same draws")
	}
	slow, _ := Lookup("apigw-rest-default-mem")
	fast, _ := Lookup("apigw-rest-warm-2gb")
	if x, y := slow.Sampler(1, 0), fast.Sampler(1, 0); x.z == y.z {
		t.Error("two models with one seed draw the same places")
	}
	if late, twice := NewChaos(3).Next(); func() bool { l, w := NewChaos(3).Next(); return l != late || w != twice }() {
		t.Error("chaos: the same seed gave another draw")
	}
}

// TestCorrelationKeepsQuantiles: slow requests come in spells, and there are no more of them.
func TestCorrelationKeepsQuantiles(t *testing.T) {
	t.Parallel()
	got := sample(t, "sqs-esm-3gb", 5, 0.9)
	spells := func(d []time.Duration) float64 {
		both, slow := 0, 0
		for i := 1; i < len(d); i++ {
			if ms(d[i-1]) > 33.8 {
				slow++
				if ms(d[i]) > 33.8 {
					both++
				}
			}
		}
		return float64(both) / float64(slow)
	}
	if p := spells(got); p < 0.4 {
		t.Errorf("after a slow request the next is slow in %.2f of cases, want over 0.4", p)
	}
	if p := spells(sample(t, "sqs-esm-3gb", 5, 0)); p < 0.08 || p > 0.12 {
		t.Errorf("without correlation: after a slow request the next is slow in %.2f of cases, want 0.1", p)
	}
	slices.Sort(got)
	wantNear(t, "p50", quantile(got, 0.5), 16.2)
	wantNear(t, "p90", quantile(got, 0.9), 33.8)
}

// TestCurvesRise: no curve falls, and none goes beyond what a client would wait for.
func TestCurvesRise(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		if m.curve == nil {
			continue
		}
		last := time.Duration(0)
		for z := -8.0; z <= 8; z += 0.01 {
			d := m.curve(z)
			if d < last || d <= 0 || d > 20*time.Second {
				t.Fatalf("%s at %.2f: got %v after %v", m.ID, z, d, last)
			}
			last = d
		}
	}
}

func TestChaosRates(t *testing.T) {
	t.Parallel()
	c, twice, sum := NewChaos(1), 0, time.Duration(0)
	for range draws {
		late, again := c.Next()
		if late < 0 || late >= ReorderWindow {
			t.Fatalf("got %v late, want it in [0, %v)", late, ReorderWindow)
		}
		sum += late
		if again {
			twice++
		}
	}
	if twice < 60 || twice > 140 {
		t.Errorf("got %d of %d twice, want about 100", twice, draws)
	}
	wantNear(t, "mean delay", ms(sum/draws), 25)
}

func TestParse(t *testing.T) {
	t.Parallel()
	ids, err := Parse("sqs=sqs-send-2021, sqs=sqs-esm-3gb,apigateway=apigw-rest-warm-2gb")
	set := Set{IDs: ids, Seed: 42}
	if want := "sqs-send-2021, sqs-esm-3gb, apigw-rest-warm-2gb, seed 42"; err != nil || set.Check() != nil || set.String() != want {
		t.Errorf("got %v, %v, %v; want %s", set, err, set.Check(), want)
	}
	if got := (Set{}).String(); got != "no model" {
		t.Errorf("got %q, want no model", got)
	}
	for list, want := range map[string]string{
		"sqs-send-2021":           "write SERVICE=MODEL",
		"sqs=sqs-send-2022":       "there is no model",
		"sqs=apigw-rest-warm-2gb": "is a model of apigateway",
	} {
		if _, err := Parse(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", list, err, want)
		}
	}
	for name, s := range map[string]Set{
		"two of a place":        {IDs: []string{"sqs-esm-3gb", "sqs-esm-default-mem"}},
		"two that say how long": {IDs: []string{"apigw-rest-warm-2gb", "apigw-rest-default-mem"}},
		"unknown":               {IDs: []string{"x"}},
		"correlation of 1":      {Correlation: 1},
		"correlation below 0":   {Correlation: -0.1},
		"correlation no number": {Correlation: math.NaN()},
	} {
		if s.Check() == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestCatalogueIsWhole: every entry says what it is and where it comes from, and no id is there twice.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range All() {
		if m.Parameters == "" || m.Source == "" || m.Place == "" || seen[m.ID] || m.Service != SQS && m.Service != APIGateway {
			t.Errorf("%+v: incomplete or there twice", m)
		}
		seen[m.ID] = true
		if (m.Sampler(1, 0) == nil) != (m.Points == nil) {
			t.Errorf("%s: it has a sampler and no points, or the other way round", m.ID)
		}
	}
}
