package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A stage is one part of the proof.
type stage struct {
	name string
	run  func(ctx context.Context, root string, total *tally, out io.Writer) error
}

// brief is what 'make test' runs, in under three minutes on two cores: every test once, with the numbers it has by itself. Left
// out is what -short leaves out: whole benchmarks in real time. As most of the time the tests wait for programs that wait
// themselves, more packages are tested at once than there are processors.
func brief() form {
	return form{plants: invented, stages: []stage{{"all tests", tests(2*slow, "-short", "-p=4", "./...")}}}
}

// slow is the longest that one package may take, in minutes.
const slow = 5

// loops are the tests whose numbers the full form raises, so that they are not run with the small ones too.
const loops = "^(TestSimulation|TestDaemon|TestCrash|TestCrashAtNamedSteps|TestStop|TestSoak|TestPowerLoss|TestDiskThatFailsAndLosesPower|TestMemoryOfALargeFile)$"

// full is what 'make prove' runs, in seven to nine minutes on two cores.
func full() form {
	return form{write: true, plants: plants(), stages: []stage{
		{"simulation of the loop", tests(slow, "./ingest", "-run", "^TestSimulation$", "-seeds", "1500")},
		{"simulation of APIs", tests(slow, "./ingest/httpapi", "-run", "^TestSimulation$", "-seeds", "1000")},
		{"simulation of the whole daemon", tests(slow, "./internal/simulation", "-run", "^TestDaemon$", "-seeds", "600")},
		{"loss of power", tests(slow, "./ingest", "-run", "^(TestPowerLoss|TestDiskThatFailsAndLosesPower)$", "-rapid.checks=400")},
		{"kills, stops and soak", tests(slow, "./cmd/sluice", "-run", "^(TestCrash|TestCrashAtNamedSteps|TestStop|TestSoak)$", "-kills", "150", "-stops", "50", "-soak", "40s")},
		{"files of a GiB", tests(slow, "./ingest/file", "-run", "^TestMemoryOfALargeFile$", "-long")},
		{"fault matrix and properties", tests(slow, "-skip", loops, "./transport/...", "./ingest/...", "./internal/...", "./cmd/sluice")},
		{"fuzzing", fuzz(3000)},
	}}
}

// tests runs go test with args. Nothing is taken from the test cache.
func tests(minutes int, args ...string) func(context.Context, string, *tally, io.Writer) error {
	args = append([]string{"-count=1", fmt.Sprintf("-timeout=%dm", minutes)}, args...)
	return func(ctx context.Context, root string, total *tally, out io.Writer) error {
		o, err := goTest(ctx, root, args, total.hear, out)
		switch {
		case err != nil:
			return err
		case o.complete:
			return nil
		case len(o.failed) == 0:
			return errors.New("it could not be built")
		}
		return fmt.Errorf("failed: %s", strings.Join(o.failed, ", "))
	}
}
