package experiment

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/trial"
)

func calibrated(t *testing.T, rate string) *result.Calibration {
	t.Helper()
	w := parse(t, strings.Replace(planned, "rate: 100/s", "rate: "+rate, 1))
	e := experimentOf(t, w, result.StandIn)
	c, err := Calibrate(t.Context(), e.Runner, e.Ends["memory"])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCalibrate(t *testing.T) {
	c := calibrated(t, "1/s")
	if c.TimerP50 <= 0 || c.TimerP99 < c.TimerP50 || c.NullP50 <= 0 || c.NullP99 < c.NullP50 || c.NullRate < 1000 {
		t.Errorf("%+v: timers and the null transport take some time, their p99 more than their median, and a client reaches 1,000/s", c)
	}
	names := map[string]bool{}
	for _, check := range c.Checks {
		names[check.Name] = true
		if check.Text == "" || check.Limit == 0 {
			t.Errorf("%+v: no sentence or no limit", check)
		}
	}
	if !names["null_overhead"] || !names["spare_rate"] {
		t.Errorf("checks %v, want what the null transport adds and which rate it reaches", names)
	}
	if err := Spare(c); err != nil {
		t.Errorf("5/s are beyond this client: %v", err)
	}
}

func TestARateThatNoClientCanOffer(t *testing.T) {
	err := Spare(calibrated(t, "1000000/s"))
	if err == nil || !strings.Contains(err.Error(), "the workload's highest rate is 1000000") || !strings.Contains(err.Error(), "lower the rate") {
		t.Errorf("got %v, want that no client offers 1,000,000/s five times over, and what to do", err)
	}
}

func TestCalibrateNeedsASender(t *testing.T) {
	t.Parallel()
	e := experimentOf(t, parse(t, planned), result.StandIn)
	none := errors.New("no sender")
	e.Runner.Sender = func(context.Context, *trial.FarEnd, int) (trial.Sender, error) { return nil, none }
	if _, err := Calibrate(t.Context(), e.Runner, e.Ends["memory"]); !errors.Is(err, none) {
		t.Errorf("got %v, want that of the sender", err)
	}
}

func TestMeasuringIsJudgedByTheTransportThatDoesLeast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		micros float64 // of the transport that takes least
		ok     bool
	}{{1_000_000, true}, {0.0001, false}} {
		f := &result.File{Calibration: &result.Calibration{}, Targets: []result.Target{{Transport: "memory", Kind: result.Null}, {Transport: "sqs", Kind: result.StandIn}, {Transport: "jetstream", Kind: result.Embedded}}}
		for name, micros := range map[string]float64{"memory": 1e-9, "sqs": 1e9, "jetstream": c.micros} {
			f.Trials = append(f.Trials, result.Trial{Transport: name, Client: result.Client{CPUMicros: micros}})
		}
		Measuring(f)
		check := f.Calibration.Checks[0]
		if share := f.Calibration.MeasuringCPU; check.Name != "measuring" || check.OK != c.ok || share <= 0 || check.Value != share {
			t.Errorf("%v µs a record: %+v with a share of %v, want it to hold: %v", c.micros, check, share, c.ok)
		}
	}
	Measuring(&result.File{}) // a run without a calibration
}

func TestMachine(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: what is known of the machine comes from Linux")
	}
	e := Machine("v1.2.3")
	for what, ok := range map[string]bool{"version": e.Version == "v1.2.3", "Go": strings.HasPrefix(e.Go, "1."), "kernel": strings.Contains(e.Kernel, "."),
		"processor": e.CPU != "" || runtime.GOARCH != "amd64", "processors": e.CPUs > 0 && e.GOMAXPROCS > 0, "memory": e.Memory > 1<<20, "clock": e.Clock != "",
		"system": e.OS == "linux" && e.Arch == runtime.GOARCH} {
		if !ok {
			t.Errorf("%s is not known: %s", what, fmt.Sprintf("%+v", e))
		}
	}
}
