package trial

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/bench/audit"
	"sluice/bench/load"
	"sluice/bench/result"
)

// ms are the nanoseconds of milliseconds.
const ms = int64(time.Millisecond)

// clockStart is when the phases here begin; the trial began half a second before.
const clockStart = 2000 * ms

// An observed record: its times are milliseconds from the start of the phase. none: it has not come to that.
type observed struct {
	due, released, first, start, accepted, left int64
	attempts                                    uint32
	fate                                        audit.Fate
	at, done                                    int64
}

const none = math.MinInt64

// handMade is an open phase of two seconds that was sent so.
func handMade(records []observed) *measured {
	at := func(t int64) int64 {
		if t == none {
			return 0
		}
		return clockStart + t*ms
	}
	m := &measured{name: "steady", kind: "open", begun: clockStart - 500*ms, length: 2 * time.Second, dwells: true,
		sent: load.Phase{Start: clockStart}}
	for i, r := range records {
		m.report.Entries = append(m.report.Entries, load.Entry{Due: at(r.due), Released: at(r.released), First: at(r.first), Start: at(r.start),
			Accepted: at(r.accepted), Left: at(r.left), Attempts: r.attempts, Fate: r.fate})
		receipt := Receipt{Seq: i, At: at(r.at), Done: at(r.done)}
		if r.done == none {
			receipt.Seq = -1
		}
		m.done = append(m.done, receipt)
	}
	m.report.Start, m.report.Ended = clockStart, clockStart+1900*ms
	m.report.Cost = load.Cost{Wall: 4 * time.Second, Procs: 2}
	return m
}

// uneven has no two times that are the same, so that none can be taken for another; all that is expected of it was worked
// out by hand.
func uneven() *measured {
	m := handMade([]observed{
		// Due, released, first attempt, accepted attempt, its end, left; attempts, fate; seen, done.
		{100, 103, 110, 130, 160, 160, 2, audit.Accepted, 190, 260},
		{400, 401, 405, 405, 420, 420, 1, audit.Accepted, 1200, 1500},
		{1500, 1502, 1510, none, none, 1600, 3, audit.Rejected, 2050, 2100}, // a ghost
		{1700, 1704, 1720, 1725, 2600, 2600, 2, audit.Accepted, 2500, 3000}, // seen before the reply
		{1800, 1805, 1810, none, none, 2900, 1, audit.InDoubt, 1785, 1790},  // done before it was due
		{1900, 1899, none, none, none, none, 0, audit.Unsent, none, none},   // released before it was due
		{1950, 1951, 1940, 1942, 1945, 1945, 1, audit.Accepted, none, none}, // accepted before it was due, and lost
	})
	m.report.Requests, m.report.Bytes = 6, 10<<20 // of ten sendings of a record
	return m
}

func resultOf(t *testing.T, m *measured) result.Phase {
	t.Helper()
	p, err := m.result()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLatenciesOfAPhase(t *testing.T) {
	t.Parallel()
	p := resultOf(t, uneven())
	for _, c := range []struct {
		name string
		got  result.Summary
		n    int64
		sum  float64 // a sample below zero is the shortest one, 0.001
		most float64
	}{
		{"accept", p.Latency.Accept, 4, 60 + 20 + 900 + 0.001, 900},                  // accepted − due
		{"processed", p.Latency.Processed, 5, 160 + 1100 + 600 + 1300 + 0.001, 1300}, // done − due
		{"service", p.Latency.Service, 4, 30 + 15 + 875 + 3, 875},                    // accepted − start
		{"late_send", p.Latency.Late, 7, 3 + 1 + 2 + 4 + 5 + 0.001 + 1, 5},           // released − due
		{"wait", p.Latency.Wait, 6, 7 + 4 + 8 + 16 + 5 + 0.001, 16},                  // first − released
		{"dwell", p.Latency.Dwell, 3, 30 + 780 + 0.001, 780},                         // seen − accepted
	} {
		mean := c.sum / float64(c.n)
		if c.got.N != c.n || !nearly(c.got.Mean, mean) || !nearly(c.got.Max, c.most) {
			t.Errorf("%s: got %d samples, mean %.4f, max %.3f; want %d, %.4f, %.3f", c.name, c.got.N, c.got.Mean, c.got.Max, c.n, mean, c.most)
		}
	}
	if p.Negative != 4 {
		t.Errorf("%d samples below zero, want 4: a late send, an acceptance, an end of the work, a dwell", p.Negative)
	}
}

// nearly allows for the three digits of a histogram.
func nearly(got, want float64) bool { return math.Abs(got-want) <= 0.002*math.Abs(want) }

func TestRatesOfAPhase(t *testing.T) {
	t.Parallel()
	within := handMade([]observed{ // all is over before the phase is, and the last one accepted was done first
		{100, 101, 102, 103, 300, 300, 1, audit.Accepted, 310, 320},
		{200, 201, 202, 203, 1950, 1950, 1, audit.Accepted, 1910, 1920},
		{300, 301, 302, 303, 400, 400, 1, audit.Accepted, none, none},
	})
	within.report.Bytes = 3 << 20
	early := handMade([]observed{{100, 101, 102, 103, 300, 300, 1, audit.Accepted, 310, 320}})
	for _, c := range []struct {
		name                              string
		m                                 *measured
		offered, accepted, processed      int
		sent                              int
		offeredRate, acceptedRate         float64
		processedRate, mib, drain, lambda float64
	}{
		// The last one was accepted 2.6 s after the start, done after 3 s; arrivals ended after 1.9 s. Six left the sender in
		// 4 s, after 57 + 19 + 98 + 896 + 1095 + 0.001 ms in all.
		{"over its end", uneven(), 7, 4, 5, 10, 3.5, 4 / 2.6, 5.0 / 3, 4 / 2.6, 1.1, 2.165001 / 4},
		{"within its length", within, 3, 3, 2, 3, 1.5, 1.5, 1, 1.5, 0.05, (0.199 + 1.749 + 0.099) / 4},
		{"settled before the last arrival", early, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0, 0, 0.199 / 4},
	} {
		p := resultOf(t, c.m)
		if p.Offered != c.offered || p.Accepted != c.accepted || p.Processed != c.processed || p.Sent != c.sent {
			t.Errorf("%s: %d offered, %d accepted, %d processed, %d sent; want %d, %d, %d, %d",
				c.name, p.Offered, p.Accepted, p.Processed, p.Sent, c.offered, c.accepted, c.processed, c.sent)
		}
		for _, n := range []struct {
			name      string
			got, want float64
		}{
			{"offered rate", p.OfferedRate, c.offeredRate}, {"accepted rate", p.AcceptedRate, c.acceptedRate},
			{"processed rate", p.ProcessedRate, c.processedRate}, {"MiB rate", p.MiBRate, c.mib},
			{"drain", p.DrainSeconds, c.drain}, {"rate × time", p.LambdaW, c.lambda},
			{"start", p.Start, 0.5}, {"seconds", p.Seconds, 2},
		} {
			if !nearly(n.got, n.want) {
				t.Errorf("%s: %s is %.5f, want %.5f", c.name, n.name, n.got, n.want)
			}
		}
	}
}

func TestSeriesOfAPhase(t *testing.T) {
	t.Parallel()
	want := []result.Second{
		{At: 0, Offered: 2, Accepted: 2, Processed: 1, Errors: 1, AcceptP50: 20, AcceptP99: 60, DoneP50: 160, DoneP99: 1100, Backlog: 1},
		{At: 1, Offered: 5, Accepted: 1, Processed: 2, Errors: 5, AcceptP50: 0, AcceptP99: 900, DoneP50: 600, DoneP99: 1300, Backlog: 0},
		{At: 2, Accepted: 1, Processed: 1},
		{At: 3, Processed: 1, Backlog: -1},
	}
	if diff := cmp.Diff(want, resultOf(t, uneven()).Series); diff != "" {
		t.Errorf("want (-) and got (+) differ:\n%s", diff)
	}
}

// The quantiles of a second are those that the histogram of the phase would give, but for its three digits.
func TestQuantilesOfASecondAreThoseOfAHistogram(t *testing.T) {
	t.Parallel()
	for n := 1; n < 400; n++ {
		h := result.NewHistogram()
		var samples []time.Duration
		for i := range n {
			d := time.Duration((i*7919)%n+1) * 10 * time.Millisecond
			samples = append(samples, d)
			h.Record(d)
		}
		p50, p99 := middleAndTail(samples)
		if want := result.Millis(h.Quantile(0.5)); !nearly(p50, want) {
			t.Fatalf("p50 of %d samples is %v, want %v", n, p50, want)
		}
		if want := result.Millis(h.Quantile(0.99)); !nearly(p99, want) {
			t.Fatalf("p99 of %d samples is %v, want %v", n, p99, want)
		}
	}
}

// A phase of an hour must not need more memory than its records do. Not parallel: it counts what the process allocates.
func TestTheLengthOfAPhaseTakesNoMemory(t *testing.T) {
	var records []observed
	for s := range int64(3600) {
		at := s * 1000
		records = append(records, observed{at, at + 1, at + 2, at + 2, at + 5, at + 5, 1, audit.Accepted, at + 6, at + 7})
	}
	m := handMade(records)
	m.length = time.Hour
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	series := m.series()
	runtime.ReadMemStats(&after)
	if len(series) != 3600 {
		t.Fatalf("%d seconds, want 3600", len(series))
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("the series of an hour took %d bytes, want at most 8 MiB", took)
	}
}
