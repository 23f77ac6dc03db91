package farend

import (
	"net"
	"strings"
	"testing"

	"sluice/bench/cost"
)

// elsewhere replaces the addresses of the sender by one on which nobody listens.
func (b *bed) elsewhere(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for i, pair := range b.far.Env {
		if _, rest, found := strings.Cut(pair, "http://"); found {
			host, _, _ := strings.Cut(rest, "/")
			b.far.Env[i] = strings.Replace(pair, host, dead, 1)
		}
	}
}

// What came to no service is not billed by it.
func TestConnectionsThatAreRefusedCostNothing(t *testing.T) {
	t.Parallel()
	whole(t)
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBed(t, name, strings.Replace(small, "drain: 15s", "drain: 1s", 1))
			b.elsewhere(t)
			b.sendFromHere(t, name, longTimeout)
			got := b.run(t)
			if got.Attempts == 0 || got.Audit.Accepted > 0 {
				t.Fatalf("%d attempts, %d accepted; want some of none", got.Attempts, got.Audit.Accepted)
			}
			got.Units.Empty = 0 // of the consumer, who waits
			if got.Units != (cost.Units{}) {
				t.Errorf("%d attempts that came nowhere are billed as %+v, errors %v", got.Attempts, got.Units, got.Errors)
			}
		})
	}
}

// API Gateway charges for no call that it throttles, and SQS for every request.
func TestThrottledCallsOfTheGatewayCostNothing(t *testing.T) {
	t.Parallel()
	whole(t)
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, name, strings.Replace(small, "max_records: 5, linger: 5ms", "max_records: 1, linger: 0s", 1)+"faults: [{kind: throttle, p: 0.05, for: 300ms}]\n")
			got := b.run(t)
			throttled := int64(count(got, "throttled"))
			want := int64(got.Attempts)
			billed := got.Units.Send
			if name == "apigateway" {
				want, billed = want-throttled, got.Units.Calls
				if got.Units.Calls512 != want || got.Units.Invocations != want {
					t.Errorf("%d calls by 512 KB, %d invocations; want %d", got.Units.Calls512, got.Units.Invocations, want)
				}
			}
			if throttled == 0 || billed != want {
				t.Errorf("%d of %d attempts were throttled, %d billed, want %d", throttled, got.Attempts, billed, want)
			}
		})
	}
}
