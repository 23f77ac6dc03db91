package drivers_test

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/drivers"
)

// A setting of a transport that is not selected is no reason to warn.
func TestWarningsAreThoseOfTheSelectedTransport(t *testing.T) {
	t.Parallel()
	for transport, want := range map[string]int{"apigateway": 1, "sqs": 0} {
		s := &drivers.Settings{}
		s.Core.Transport, s.Core.AdminAddr = transport, "127.0.0.1:9090"
		s.APIGateway.Timeout = 10 * time.Second
		got := s.Warnings()
		if len(got) != want || want == 1 && !strings.Contains(got[0], "SLUICE_APIGATEWAY_TIMEOUT is 10s") {
			t.Errorf("%s: %q, want %d", transport, got, want)
		}
	}
}
