package transport_test

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"sluice/transport"
	"sluice/transport/transporttest"
)

// Requests that wait for the limiter when the destination asks to be left alone have not left yet: they stay, and so does
// the rate once it takes requests again.
func TestRequestsThatTheLimiterHoldsObeyWhatIsAskedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tr := transporttest.Script(transporttest.Fail(slower(time.Hour)), transporttest.Accept())
		tr.Limits.MaxRecords = 1
		d := &transport.Deliverer{Transport: tr, Concurrency: 16, Limiter: rate.NewLimiter(1, 1)}
		wantAccepted(t, d.Deliver(t.Context(), transporttest.Records(40)))
		sends := tr.Sends()
		if len(sends) != 41 {
			t.Errorf("%d requests, want 41", len(sends))
		}
		for i, s := range sends[1:] {
			if waited := s.At.Sub(begin); waited < time.Hour {
				t.Fatalf("request %d left after %v, want at least the hour that was asked for", i+2, waited)
			}
			if gap := s.At.Sub(sends[i].At); gap < 999*time.Millisecond {
				t.Errorf("request %d left %v after the one before, want a second", i+2, gap)
			}
		}
	})
}
