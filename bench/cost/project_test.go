package cost_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/bench/cost"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want)) }

// same compares at the digits that want is printed with.
func same(got float64, want string) bool {
	_, decimals, _ := strings.Cut(want, ".")
	return strconv.FormatFloat(got, 'f', len(decimals), 64) == want
}

func shape(kib, b, r, k float64) cost.Shape {
	return cost.Shape{KiB: kib, SendFill: b, ReceiveFill: r, PostFill: k, Function: &cost.Function{MemoryGB: 0.125, Seconds: 0.005}}
}

func perMillion(t *testing.T, o cost.Option, s cost.Shape) float64 {
	t.Helper()
	c, err := cost.DefaultBook().PerMillion(o, s)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, item := range c.Items {
		sum += item.USD
	}
	if !near(c.USD, sum) {
		t.Errorf("%s: the items add up to %v, the bill says %v", o, sum, c.USD)
	}
	return c.USD
}

// R7: USD per million records, with a function of 128 MB for 5 ms on each side, to the printed digit.
func TestGoldenCosts(t *testing.T) {
	t.Parallel()
	table := []struct {
		kib, most                                        float64
		sqs1, sqs1Max, sqsMax, rest, restMax, http, hMax string
	}{
		{1, 10, "1.41", "0.50", "0.141", "3.71", "0.371", "1.21", "0.121"},
		{16, 10, "1.41", "0.58", "0.301", "3.71", "0.371", "1.21", "0.121"},
		{64, 10, "1.41", "0.86", "0.861", "3.71", "0.371", "1.21", "0.221"},
		{256, 4, "3.81", "3.35", "3.353", "3.71", "0.928", "1.21", "0.553"},
		{512, 2, "7.01", "6.71", "6.705", "3.71", "1.855", "1.21", "1.105"},
	}
	for _, row := range table {
		m := row.most
		for _, cell := range []struct {
			name   string
			option cost.Option
			s      cost.Shape
			want   string
		}{
			{"SQS b=r=1", cost.SQSStandard, shape(row.kib, 1, 1, 1), row.sqs1},
			{"SQS b=1 r=max", cost.SQSStandard, shape(row.kib, 1, m, 1), row.sqs1Max},
			{"SQS b=r=max", cost.SQSStandard, shape(row.kib, m, m, 1), row.sqsMax},
			{"REST k=1", cost.REST, shape(row.kib, 1, 1, 1), row.rest},
			{"REST k=max", cost.REST, shape(row.kib, 1, 1, m), row.restMax},
			{"HTTP k=1", cost.HTTPAPI, shape(row.kib, 1, 1, 1), row.http},
			{"HTTP k=max", cost.HTTPAPI, shape(row.kib, 1, 1, m), row.hMax},
		} {
			t.Run(fmt.Sprintf("%v KiB %s", row.kib, cell.name), func(t *testing.T) {
				t.Parallel()
				if got := perMillion(t, cell.option, cell.s); !same(got, cell.want) {
					t.Errorf("$%v, want $%s", got, cell.want)
				}
			})
		}
	}
}

// At equal batching the functions cancel: REST is cheaper from C = 4 chunks, a FIFO queue ties with it at C = 3, and an HTTP
// API is cheaper than a queue at every size.
func TestCrossoversByChunks(t *testing.T) {
	t.Parallel()
	for c := 1.0; c <= 8; c++ {
		s := shape(c*64, 1, 1, 1)
		sqs, fifo := perMillion(t, cost.SQSStandard, s), perMillion(t, cost.SQSFIFO, s)
		rest, http := perMillion(t, cost.REST, s), perMillion(t, cost.HTTPAPI, s)
		if (rest < sqs) != (c >= 4) {
			t.Errorf("C = %v: REST $%v, SQS $%v; want REST cheaper from C = 4 only", c, rest, sqs)
		}
		if near(fifo, rest) != (c == 3) || (rest < fifo-1e-9) != (c > 3) {
			t.Errorf("C = %v: REST $%v, FIFO $%v; want a tie at C = 3 and REST cheaper above", c, rest, fifo)
		}
		if http >= sqs {
			t.Errorf("C = %v: HTTP API $%v, SQS $%v; want the HTTP API cheaper", c, http, sqs)
		}
	}
	s := cost.Shape{KiB: 1, SendFill: 1, ReceiveFill: 10, PostFill: 1} // only the consumer can batch
	if got := perMillion(t, cost.SQSStandard, s); !same(got, "0.48") {
		t.Errorf("b = 1, r = 10: $%v, want $0.48", got)
	}
}

func TestBreakEvenOfABroker(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		option cost.Option
		s      cost.Shape
		want   float64
		near   float64
	}{
		{"SQS b=10", cost.SQSStandard, shape(1, 10, 10, 1), 426e6, 1e6}, // 60 / 0.141, which is rounded: 60 / 0.14104 is 425.4
		{"SQS b=1", cost.SQSStandard, shape(1, 1, 1, 1), 43e6, 0.5e6},
		{"REST k=1", cost.REST, shape(1, 1, 1, 1), 16e6, 0.5e6},
	} {
		got, ok := cost.BreakEven(60, perMillion(t, test.option, test.s), 0)
		if !ok || math.Abs(got-test.want) > test.near {
			t.Errorf("%s: %v records a month, %v; want about %v", test.name, got, ok, test.want)
		}
	}
	if got, ok := cost.BreakEven(60, 0.3, 0.3); ok {
		t.Errorf("nothing saved per record: got %v, want never", got)
	}
}

func TestIdlePollersCostTheirQuarter(t *testing.T) {
	t.Parallel()
	s := shape(1, 1, 1, 1)
	s.Pollers = cost.IdlePollers
	c, err := cost.DefaultBook().Monthly(cost.SQSStandard, s, 0)
	if err != nil || !same(c.USD, "0.26") || c.Items[0].Quantity != 648_000 {
		t.Errorf("an idle month: %+v, %v; want 648,000 polls for $0.26", c, err)
	}
	if c, err := cost.DefaultBook().Monthly(cost.REST, s, 0); err != nil || c.USD != 0 {
		t.Errorf("an idle gateway: %+v, %v; want nothing", c, err)
	}
}

func TestMonthlyClimbsTheTiers(t *testing.T) {
	t.Parallel()
	bare := cost.Shape{KiB: 1, SendFill: 1, ReceiveFill: 1, PostFill: 1}
	fifth := bare
	fifth.Attempts = 1.2
	for _, test := range []struct {
		name    string
		option  cost.Option
		s       cost.Shape
		records float64
		want    float64
	}{
		{"REST within the first tier", cost.REST, bare, 333e6, 333 * 3.5},
		{"REST in the second", cost.REST, bare, 1e9, 333*3.5 + 667*2.8},
		{"REST in the last", cost.REST, bare, 30e9, 333*3.5 + 667*2.8 + 19_000*2.38 + 10_000*1.51},
		{"HTTP API in the second", cost.HTTPAPI, bare, 400e6, 300 + 90},
		{"three requests of a record climb together", cost.SQSStandard, bare, 50e9, 100_000*0.4 + 50_000*0.3},
		{"FIFO has one tier", cost.SQSFIFO, bare, 50e9, 150_000 * 0.5},
		{"a fifth of the attempts are repeated", cost.REST, fifth, 100e6, 120 * 3.5},
		{"and every request of a queue", cost.SQSStandard, fifth, 100e6, 360 * 0.4},
		{"a broker costs the same, used or not", cost.JetStream, bare, 1e9, 60},
		{"and unused", cost.RabbitMQ, bare, 0, 60},
	} {
		c, err := cost.DefaultBook().Monthly(test.option, test.s, test.records)
		if err != nil || !near(c.USD, test.want) {
			t.Errorf("%s: $%v, %v; want $%v", test.name, c.USD, err, test.want)
		}
	}
	if got := perMillion(t, cost.JetStream, shape(1, 10, 10, 1)); !near(got, (0.20+16.6667*0.125*0.005)/10) {
		t.Errorf("a function behind a broker: $%v per million, want that of the function alone", got)
	}
	if c, err := cost.DefaultBook().WithHost(cost.JetStream, 200, "ours").Monthly(cost.JetStream, bare, 1); err != nil || c.USD != 200 {
		t.Errorf("a host of $200: $%v, %v", c.USD, err)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		rate   float64
		linger time.Duration
		kib    float64
		want   float64
	}{
		{"5 a second wait in vain", 5, 100 * time.Millisecond, 1, 1.5},
		{"50 a second fill half", 50, 100 * time.Millisecond, 1, 6},
		{"a request holds ten", 5000, 100 * time.Millisecond, 1, 10},
		{"and 1 MiB", 5000, 100 * time.Millisecond, 256, 4},
		{"no linger, no batch", 5000, 0, 1, 1},
		{"a record larger than a request is alone", 5000, time.Second, 2000, 1},
	} {
		if got := cost.Fill(test.rate, test.linger, test.kib, 10); !near(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestProjectionRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		option cost.Option
		s      cost.Shape
		want   string
	}{
		{"no size", cost.REST, shape(0, 1, 1, 1), "a record has 0 KiB"},
		{"no batch", cost.SQSStandard, shape(1, 0, 1, 1), "0 records per send"},
		{"11 in a request", cost.SQSFIFO, shape(1, 11, 1, 1), "want 1 to 10"},
		{"more than 1 MiB", cost.SQSStandard, shape(256, 10, 1, 1), "SQS takes 1024"},
		{"more than 10 MB", cost.REST, shape(1024, 1, 1, 11), "a gateway takes 10240"},
		{"half an attempt", cost.REST, cost.Shape{KiB: 1, PostFill: 1, Attempts: 0.5}, "0.5 attempts"},
		{"not a number", cost.REST, shape(math.NaN(), 1, 1, 1), "NaN KiB"},
	} {
		if c, err := cost.DefaultBook().PerMillion(test.option, test.s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %+v, %v; want an error with %q", test.name, c, err, test.want)
		}
	}
	if _, err := cost.DefaultBook().Monthly(cost.REST, shape(1, 1, 1, 1), -1); err == nil {
		t.Error("a negative month has no error")
	}
}
