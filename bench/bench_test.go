package bench_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/bench"
	"sluice/bench/cost"
	"sluice/internal/fault"
	"sluice/transport"
)

// name is what stands before the colon.
func name(body []byte) string {
	id, _, _ := strings.Cut(string(body), ":")
	return id
}

func list(bodies ...string) [][]byte {
	var all [][]byte
	for _, b := range bodies {
		all = append(all, []byte(b))
	}
	return all
}

func TestCompare(t *testing.T) {
	t.Parallel()
	want := list("a:1", "b:2", "c:3")
	cases := []struct {
		name  string
		got   [][]byte
		want  bench.Audit
		whole bool
	}{
		{"all, in another order", list("c:3", "a:1", "b:2"), bench.Audit{Sent: 3, Arrived: 3}, true},
		{"a copy", list("a:1", "b:2", "c:3", "a:1", "a:1"), bench.Audit{Sent: 3, Arrived: 3, Duplicates: 2}, true},
		{"none", nil, bench.Audit{Sent: 3, Lost: 3}, false},
		{"as many, but one twice", list("a:1", "b:2", "b:2"), bench.Audit{Sent: 3, Arrived: 2, Lost: 1, Duplicates: 1}, false},
		{"altered", list("a:1", "b:2 ", "c:3"), bench.Audit{Sent: 3, Arrived: 3, Altered: 1}, false},
		{"an altered copy beside a good one", list("a:1", "b:2", "c:3", "c:4"), bench.Audit{Sent: 3, Arrived: 3, Duplicates: 1, Altered: 1}, false},
		{"a stranger", list("a:1", "b:2", "c:3", "d:4"), bench.Audit{Sent: 3, Arrived: 3, Ghosts: 1}, false},
		{"altered beyond its name", list("a:1", "b:2", "x:3"), bench.Audit{Sent: 3, Arrived: 2, Lost: 1, Ghosts: 1}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := bench.Compare(want, c.got, name); got != c.want || got.Whole() != c.whole {
				t.Errorf("got %+v, whole %v; want %+v, whole %v", got, got.Whole(), c.want, c.whole)
			}
		})
	}
}

func TestTallyCountsWhatWasAcceptedAndWhatWasSent(t *testing.T) {
	t.Parallel()
	tally := bench.NewTally()
	fails := transport.Result{Err: &fault.Error{Class: fault.Throttled, Err: errors.New("slow down")}}
	tally.Observe(transport.Attempt{Took: 10 * time.Millisecond, Bytes: 100, Results: []transport.Result{{}, {}, {}}})
	tally.Observe(transport.Attempt{Took: time.Hour, Bytes: 64<<10 + 1, Results: []transport.Result{fails, fails}}) // its time is nobody's latency
	tally.Observe(transport.Attempt{Took: 90 * time.Millisecond, Bytes: 64 << 10, Results: []transport.Result{{}, fails}})
	got := tally.Counts()
	if got.Requests != 3 || got.Bytes != 100+128<<10+1 || got.Accepted != 4 {
		t.Errorf("got %+v, want 3 requests, %d bytes, 4 accepted", got, 100+128<<10+1)
	}
	if got.Chunks != 1+2+1 {
		t.Errorf("%d chunks of 64 KiB, want 4: 1 for 100 bytes, 2 for one byte more than a chunk, 1 for a whole one", got.Chunks)
	}
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= want/500 }
	if !near(got.P50, 10*time.Millisecond) || !near(got.P99, 90*time.Millisecond) {
		t.Errorf("p50 %v, p99 %v, want 10ms and 90ms", got.P50, got.P99)
	}
}

func TestTallyOfNothing(t *testing.T) {
	t.Parallel()
	if got := bench.NewTally().Counts(); got != (bench.Counts{}) {
		t.Errorf("got %+v, want zeros", got)
	}
}

func TestTallyKeepsExtremeTimes(t *testing.T) {
	t.Parallel()
	tally := bench.NewTally()
	for _, took := range []time.Duration{0, 24 * time.Hour} {
		tally.Observe(transport.Attempt{Took: took, Results: []transport.Result{{}}})
	}
	if got := tally.Counts(); got.P50 > 2*time.Microsecond || got.P99 < 10*time.Minute {
		t.Errorf("p50 %v, p99 %v, want the shortest and the longest that is kept, and none dropped", got.P50, got.P99)
	}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	trials := []bench.Trial{
		{Transport: "sqs", Took: 2 * time.Second, Audit: bench.Audit{Sent: 1_000_000, Arrived: 999_999, Lost: 1, Duplicates: 12_345, Altered: 2, Ghosts: 3},
			Counts: bench.Counts{Requests: 100_000, Chunks: 100_000, Bytes: 1 << 30, Accepted: 1_000_000, P50: 1500 * time.Microsecond, P99: 2 * time.Second}},
		{Transport: "apigateway", Took: 0, Audit: bench.Audit{}},
		{Transport: "pigeon", Took: time.Second, Audit: bench.Audit{Sent: 1}},
	}
	var out bytes.Buffer
	bench.WriteTable(&out, cost.DefaultBook(), trials)
	const want = `                                         sqs        apigateway            pigeon
records                            1,000,000                 0                 1
lost                                       1                 0                 0
duplicated                            12,345                 0                 0
altered                                    5                 0                 0
requests                             100,000                 0                 0
bytes                          1,073,741,824                 0                 0
accept latency p50                    1.5 ms            0.0 ms            0.0 ms
accept latency p99                 2000.0 ms            0.0 ms            0.0 ms
records per second                   500,000                 0                 0
price on AWS                           $0.04         $0.000000                 ?
price of a million records             $0.04         $0.000000                 ?
`
	if got := out.String(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant it to begin\n%s", got, want)
	}
	for line := range strings.Lines(out.String()) {
		if n := len(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns, want at most 80: %s", n, line)
		}
	}
	if !strings.Contains(out.String(), "the list us-east-1/2026-11") || !strings.Contains(out.String(), "not that of a measured run on AWS") {
		t.Error("the table does not say what its prices are")
	}
}
