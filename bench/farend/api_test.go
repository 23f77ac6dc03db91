package farend

import (
	"math"
	"strings"
	"testing"

	"sluice/bench/cost"
	"sluice/bench/result"
)

// A REST API costs $3.50 for a million calls and an HTTP API $1.00 for a million of 512 KB, and the function behind either
// $0.20 and 128 MB for 1 ms.
func TestAnAPIIsBilledAsWhatItIs(t *testing.T) {
	whole(t)
	c := startCloud(t)
	const function = 0.2e-6 + 0.125*0.001*16.6667e-6
	for _, test := range []struct {
		name, transports string
		embedded         bool
		option           cost.Option
		api, target      string
		each             float64 // USD
	}{
		{"one's own, of no kind", "[apigateway]", false, cost.REST, "rest", "", 3.5e-6 + function},
		{"one's own REST API", "[{name: apigateway, api: rest}]", false, cost.REST, "rest", "", 3.5e-6 + function},
		{"one's own HTTP API", "[{name: apigateway, api: http}]", false, cost.HTTPAPI, "http", "", 1e-6 + function},
		{"the stand-in's", "[apigateway]", true, cost.REST, "", "stand-in: API Gateway REST API with a function", 3.5e-6 + function},
		{"the stand-in's, for an HTTP API", "[{name: apigateway, api: http}]", true, cost.HTTPAPI, "http", "stand-in: API Gateway REST API with a function, billed as an HTTP API", 1e-6 + function},
	} {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, c.env...)
			o := optionsOf(t, strings.Replace(few, "[memory, sqs, apigateway, jetstream, rabbitmq]", test.transports, 1), test.embedded)
			far, err := Open(t.Context(), "apigateway", o)
			if err != nil {
				t.Fatal(err)
			}
			defer shut(t, far)
			if far.Option != test.option || far.Target.Settings["api"] != test.api || test.embedded && far.Target.Name != test.target {
				t.Errorf("%+v is billed as %s, want an API of kind %q billed as %s", far.Target, far.Option, test.api, test.option)
			}
			got := deliver(t, far, o)
			wantBilled(t, got, test.each)
		})
	}
}

// wantBilled holds the bill of a trial against the price of each of its calls, all of which have less than 512 KB.
func wantBilled(t *testing.T, got result.Trial, each float64) {
	t.Helper()
	calls := float64(got.Units.Calls)
	if want := calls * each; calls < 250 || got.Units.Calls512 != got.Units.Calls || math.Abs(got.USD-want) > 0.001*want {
		t.Errorf("$%.9f for %+v, want $%.9f for at least 250 calls", got.USD, got.Units, want)
	}
}
