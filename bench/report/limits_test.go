package report_test

import (
	"strings"
	"testing"

	"sluice/bench/result/resulttest"
)

// A queue takes records faster than anybody processes them, for a while: the rate at which it fills must not stand alone.
func TestRatesThatOnlyFillAQueueAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		share float64 // of the accepted rate that is processed
		named bool
	}{"a fifth waits": {0.8, true}, "one in twenty-five waits": {0.96, false}} {
		f := resulttest.Fixture()
		for i := range f.Trials {
			for j := range f.Trials[i].Phases {
				if p := &f.Trials[i].Phases[j]; f.Trials[i].Transport == "sqs" && p.Kind == "closed" {
					p.ProcessedRate = c.share * p.AcceptedRate
				}
			}
		}
		const note = "sqs: up to 4,301/s were accepted and up to 3,441/s processed"
		text, page := strings.Join(strings.Fields(table(t, f)), " "), html(t, f)
		if got := strings.Contains(text, note); got != c.named {
			t.Errorf("%s: the table has %q: %v, want %v in\n%s", name, note, got, c.named, text)
		}
		want := 0
		if c.named {
			want = 2 // under the verdict and under the load
		}
		if got := strings.Count(page, "a queue that only grows"); got != want {
			t.Errorf("%s: the page says %d times that a queue only grows, want %d, of sqs alone", name, got, want)
		}
		if row := "max processed/s 1,406,450/s 3,441/s"; c.named && !strings.Contains(text, row) {
			t.Errorf("%s: the table has no row %q", name, row)
		}
	}
}
