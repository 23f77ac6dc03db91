package farend

import "testing"

// The function behind the gateway is done before the gateway replies; a queue holds what it has accepted.
func TestNothingDwellsBehindTheGateway(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]bool{"sqs": true, "apigateway": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newBed(t, name, small).run(t).Phases[0]
			if dwells := p.Latency.Dwell.N > 0; dwells != waits || p.Processed != p.Offered {
				t.Errorf("%d of %d processed, %d dwelt; want some: %v", p.Processed, p.Offered, p.Latency.Dwell.N, waits)
			}
		})
	}
}
