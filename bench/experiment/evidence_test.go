package experiment_test

import (
	"testing"

	"sluice/bench/audit"
	"sluice/bench/cost"
	"sluice/bench/experiment"
	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// A request holds what it holds at the rate that an advice is asked about.
func TestCountsAreOfCalmOpenArrivals(t *testing.T) {
	t.Parallel()
	steady := result.Phase{Name: "steady", Kind: "open", Seconds: 10, Offered: 500, Sent: 510, Requests: 255}
	full := result.Phase{Name: "max", Kind: "closed", Concurrency: 4, Seconds: 10, Offered: 9000, Sent: 9000, Requests: 900}
	alone := result.Trial{Transport: "sqs", Valid: true, Attempts: 999, Phases: []result.Phase{steady}, Audit: audit.Matrix{Sent: 600}, Units: cost.Units{Empty: 60}}
	both, faulty, invalid := alone, alone, alone
	both.Phases, both.Audit.Sent = []result.Phase{steady, full}, 9600
	stormy := steady
	stormy.Sent, stormy.Requests = 5000, 5000
	faulty.Phases, faulty.Faults = []result.Phase{stormy}, map[string]int{"throttle": 3}
	invalid.Phases, invalid.Valid = []result.Phase{stormy}, false
	calm := both
	calm.Faults = map[string]int{"throttle": 0}
	tests := []struct {
		name                  string
		trials                []result.Trial
		attempts, fill, empty float64
	}{
		{"one phase", []result.Trial{alone, alone}, 1.02, 2, 0.1},
		{"a closed phase fills its requests", []result.Trial{both, both}, 1.02, 2, 0},
		{"what other phases received is not counted", []result.Trial{alone, both}, 1.02, 2, 0.1},
		{"faults repeat requests", []result.Trial{alone, faulty}, 1.02, 2, 0.1},
		{"faults that never struck do not", []result.Trial{calm}, 1.02, 2, 0},
		{"an invalid trial counts for nothing", []result.Trial{alone, invalid}, 1.02, 2, 0.1},
		{"nothing but faults", []result.Trial{faulty}, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in, err := experiment.Evidence(&result.File{PriceBook: resulttest.Fixture().PriceBook, Trials: test.trials,
				Targets: []result.Target{{Transport: "sqs", Kind: result.AWS, Consumer: "own"}}})
			if err != nil {
				t.Fatal(err)
			}
			if len(in.Evidence) != 1 {
				t.Fatalf("got evidence %+v, want that of one option", in.Evidence)
			}
			e := in.Evidence[0]
			if e.Attempts != test.attempts || e.SendFill != test.fill || e.Empty != test.empty || e.Rate != 50 {
				t.Errorf("got %v attempts, %v records a request, %v empty receives at %v/s; want %v, %v, %v at 50/s",
					e.Attempts, e.SendFill, e.Empty, e.Rate, test.attempts, test.fill, test.empty)
			}
		})
	}
}

// Where the reply counts as the end, nobody has seen what arrived: that no loss is known proves none.
func TestOnlyWhatWasReadBackIsAudited(t *testing.T) {
	t.Parallel()
	for consumer, want := range map[string]int{"own": 600, "receipts": 600, "reply": 0} {
		in, err := experiment.Evidence(&result.File{PriceBook: resulttest.Fixture().PriceBook,
			Targets: []result.Target{{Transport: "apigateway", Kind: result.AWS, Consumer: consumer}},
			Trials:  []result.Trial{{Transport: "apigateway", Valid: true, Audit: audit.Matrix{Sent: 600, Accepted: 600}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Evidence[0].Records; got != want {
			t.Errorf("consumer %q: %d records audited, want %d", consumer, got, want)
		}
	}
}

func TestAGatewayIsTheOptionThatItWasBilledAs(t *testing.T) {
	t.Parallel()
	for api, want := range map[string]cost.Option{"": cost.REST, "rest": cost.REST, "http": cost.HTTPAPI} {
		in, err := experiment.Evidence(&result.File{PriceBook: resulttest.Fixture().PriceBook,
			Targets: []result.Target{{Transport: "apigateway", Kind: result.AWS, Settings: map[string]string{"api": api}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Evidence[0].Option; got != want {
			t.Errorf("an API of kind %q is evidence of %s, want %s", api, got, want)
		}
	}
}
