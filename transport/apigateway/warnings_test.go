package apigateway

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/proof"
)

// A client that gives up before the gateway does makes unknown outcomes of accepted records.
func TestATimeoutShorterThanTheGatewaysIsWarnedOf(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]bool{time.Second: true, 29 * time.Second: true, 30 * time.Second: false, 35 * time.Second: false} {
		got := Config{Timeout: timeout}.Warnings()
		if (len(got) == 1) != want {
			t.Errorf("%v: %q, want a warning: %v", timeout, got, want)
		}
		if want && (!strings.Contains(got[0], timeoutVariable) || !strings.Contains(got[0], "29s")) {
			t.Errorf("%q does not name the setting and the limit", got[0])
		}
	}
	proof.Row{Area: "apigateway", Fault: "timeout set below the gateway's 29 s", Action: proof.None, Promises: "P5"}.Report(t)
}

func TestOneFailureIsNoPattern(t *testing.T) {
	t.Parallel()
	for n, legal := range map[int]bool{-1: false, 0: true, 1: false, 2: true, 100: true} {
		cfg := config("https://abc.execute-api.eu-west-1.amazonaws.com/v1")
		cfg.RejectAfter = n
		if err := cfg.Validate(); (err == nil) != legal {
			t.Errorf("REJECT_AFTER %d: %v, want legal %v", n, err, legal)
		}
	}
}
