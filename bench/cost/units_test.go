package cost_test

import (
	"testing"
	"time"

	"sluice/bench/cost"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]int64{0: 1, 1: 1, 64 << 10: 1, 64<<10 + 1: 2, 1 << 20: 16} {
		if got := cost.Chunks(bytes); got != want {
			t.Errorf("%d bytes: %d chunks of 64 KiB, want %d", bytes, got, want)
		}
	}
	for bytes, want := range map[int64]int64{0: 1, 512 << 10: 1, 512<<10 + 1: 2} {
		if got := cost.Units512(bytes); got != want {
			t.Errorf("%d bytes: %d units of 512 KB, want %d", bytes, got, want)
		}
	}
	if got := cost.GBSeconds(128, 4100*time.Microsecond); !near(got, 0.125*0.005) {
		t.Errorf("4.1 ms of 128 MB: %v GB-s, want those of 5 ms", got)
	}
}

func TestPriceOfATrial(t *testing.T) {
	t.Parallel()
	u := cost.Units{Send: 1000, Receive: 700, Empty: 100, Delete: 200, Calls: 6004, Calls512: 7000, Invocations: 6002, GBSeconds: 3.75, HostHours: 73}
	function := (6002*0.20 + 3.75*16.6667) / 1e6
	for option, want := range map[cost.Option]float64{
		cost.SQSStandard: 2000*0.40/1e6 + function,
		cost.SQSFIFO:     2000*0.50/1e6 + function,
		cost.REST:        6004*3.50/1e6 + function, // 0.0223, as in the example of the specification
		cost.HTTPAPI:     7000*1.00/1e6 + function,
		cost.JetStream:   6,
		cost.Memory:      0,
	} {
		if c, err := cost.DefaultBook().Price(option, u); err != nil || !near(c.USD, want) {
			t.Errorf("%s: $%v, %v; want $%v", option, c.USD, err, want)
		}
	}
	twice, err := cost.DefaultBook().Price(cost.SQSStandard, u.Add(u))
	if once, err1 := cost.DefaultBook().Price(cost.SQSStandard, u); err != nil || err1 != nil || !near(twice.USD, 2*once.USD) {
		t.Errorf("two trials: $%v, %v; want twice $%v", twice.USD, err, once.USD)
	}
	if arm, err := cost.DefaultBook().Price(cost.REST, cost.Units{GBSeconds: 1e6, ARM: true}); err != nil || !near(arm.USD, 13.3334) {
		t.Errorf("a million GB-s on ARM: $%v, %v; want $13.3334", arm.USD, err)
	}
	if c, err := cost.DefaultBook().Price("pigeon", u); err == nil {
		t.Errorf("pigeon: %+v, want an error", c)
	}
}

func TestPriceOfRequestsAlone(t *testing.T) {
	t.Parallel()
	for transport, want := range map[string]float64{"sqs": 1.20, "apigateway": 7, "memory": 0, "jetstream": 0, "rabbitmq": 0} {
		if got, err := cost.DefaultBook().OfRequests(transport, 2_000_000, 3_000_000); err != nil || !near(got, want) {
			t.Errorf("%s: $%v, %v; want $%v", transport, got, err, want)
		}
	}
	if got, err := cost.DefaultBook().OfRequests("pigeon", 1, 1); err == nil {
		t.Errorf("pigeon: $%v, want an error", got)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	s := cost.Shape{KiB: 1, SendFill: 10, ReceiveFill: 10, PostFill: 1}
	c, err := cost.DefaultBook().Estimate([]cost.Plan{
		{Option: cost.SQSStandard, Records: 1_000_000, Shape: s, Consumers: 4, Waiting: 10 * time.Minute, Calls: 80},
		{Option: cost.REST, Records: 1_000_000, Shape: s},
		{Option: cost.JetStream, Records: 1_000_000},
		{Option: cost.Memory, Records: 1_000_000},
	})
	if want := 0.12 + (4*600/20+80)*0.40/1e6 + 3.50; err != nil || !near(c.USD, want) {
		t.Errorf("$%v, %v; want $%v: %+v", c.USD, err, want, c)
	}
	for _, bad := range []cost.Plan{{Option: cost.REST, Records: -1, Shape: s}, {Option: cost.REST, Records: 1}} {
		if c, err := cost.DefaultBook().Estimate([]cost.Plan{bad}); err == nil {
			t.Errorf("%+v: got %+v, want an error", bad, c)
		}
	}
}
