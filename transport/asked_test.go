package transport_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/transport"
	"sluice/transport/transporttest"
)

// TestWhoWantsToBeLeftAloneIsInTroubleUntilItTakesSomething: a quota is used up. Requests that had left before pass, and one
// that had left before meets the quota too. None of that ends the trouble.
func TestWhoWantsToBeLeftAloneIsInTroubleUntilItTakesSomething(t *testing.T) {
	for name, second := range map[string]transporttest.Step{
		"the next request meets it":                      transporttest.After(time.Second, transporttest.Fail(slower(5*time.Minute))),
		"the last of those that were under way meets it": transporttest.After(3*time.Second, transporttest.Fail(slower(5*time.Minute))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				tr := transporttest.Script(transporttest.After(2*time.Second, transporttest.Accept()), second,
					transporttest.After(time.Second, transporttest.Fail(slower(0))), transporttest.Accept())
				d := &transport.Deliverer{Transport: tr, Concurrency: 4, Report: func(err error) { said = append(said, fmt.Sprint(err != nil)) }}
				var all sync.WaitGroup
				for range 3 {
					all.Go(func() { d.Deliver(t.Context(), transporttest.Records(1)) })
					synctest.Wait()
				}
				time.Sleep(4 * time.Minute)
				if s := d.Status(); s.Err == nil || time.Until(s.RetryAt) < 55*time.Second {
					t.Errorf("after four minutes the lane says %v, next request in %v; want it in trouble for another minute", s.Err, time.Until(s.RetryAt))
				}
				all.Wait()
				if got := strings.Join(said, " "); d.Status().Err != nil || !regexp.MustCompile(`^(true )+false$`).MatchString(got) {
					t.Errorf("trouble was reported as %q and is in the end %v, want one trouble and then its end", got, d.Status().Err)
				}
			})
		})
	}
}
