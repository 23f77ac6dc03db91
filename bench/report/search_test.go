package report_test

import (
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// A run of searches alone has no trials: what they found comes first, and nothing is said of trials.
func TestARunOfSearchesLeadsWithThem(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials = nil
	for i, c := range f.Comparisons { // those that were to be made stand there, without a number
		f.Comparisons[i] = result.Comparison{Metric: c.Metric, Unit: c.Unit, A: c.A, B: c.B, Verdict: result.NoVerdict, Text: "no verdict: 0 pairs of valid trials"}
	}
	f.Targets[1].Consumer = "reply"
	f.Searches[1].MaxAtSLO, f.Searches[1].Because = 0, "no rate passed three times in a row"
	text := table(t, f)
	fits(t, text)
	golden(t, "table-searches", text)
	page := unescape(html(t, f))
	golden(t, "outline-searches", outline(page))
	for name, shown := range map[string]string{"table": text, "page": page} {
		for _, wrong := range []string{"no record was accepted", "nobody knows what was lost", "(none)", "pairs of valid trials", "max accepted/s", "A = sqs", "geometric", "valid trials\n"} {
			if strings.Contains(shown, wrong) {
				t.Errorf("the %s of a run without trials says %q", name, wrong)
			}
		}
	}
	if found := strings.Count(page, "What the searches found</span>"); found != 1 {
		t.Errorf("the page shows what the searches found %d times, want once", found)
	}
	verdict, _, _ := strings.Cut(page, "What this run does not prove")
	if !strings.Contains(verdict, "What the searches found") {
		t.Error("the page does not lead with what the searches found")
	}
	if with := table(t, resulttest.Fixture()); !strings.Contains(with, "Search ramp:") || strings.Index(with, "Search ramp:") < strings.Index(with, "A = sqs") {
		t.Errorf("a run of trials and searches does not show both, trials first:\n%s", with)
	}
}
