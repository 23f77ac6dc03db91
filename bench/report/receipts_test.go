package report_test

import (
	"strings"
	"testing"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// Where receipts are read back, losses are known; and what is timed is the reply, which every page says.
func TestReceiptsAreSaidToBeReceipts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		consumer       string
		says, conceals []string
	}{
		{"receipts",
			[]string{"apigateway: audited by the receipts that the integration behind it put into a queue; its times are those of the replies",
				"and the reply for apigateway"},
			[]string{"nothing is read back", "Nothing was read back"}},
		{"reply", []string{"apigateway: nothing is read back, so nobody knows what was lost", "and the reply for apigateway"}, []string{"receipts"}},
	} {
		t.Run(c.consumer, func(t *testing.T) {
			t.Parallel()
			f := resulttest.Fixture()
			for i := range f.Targets {
				if f.Targets[i].Transport == "apigateway" {
					f.Targets[i].Consumer = c.consumer
				}
			}
			page := unescape(html(t, f))
			for name, text := range map[string]string{"the table": strings.Join(strings.Fields(table(t, f)), " "), "the page": page} {
				for _, want := range c.says {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %q", name, want)
					}
				}
				for _, not := range c.conceals {
					if strings.Contains(text, not) {
						t.Errorf("%s says %q", name, not)
					}
				}
				if !strings.Contains(text, "replied") {
					t.Errorf("%s does not say that a record is processed when it is replied to", name)
				}
			}
			if said := strings.Contains(page, "Of apigateway, the receipts were read back"); said != (c.consumer == "receipts") {
				t.Errorf("the audit is said to be of receipts: %v", said)
			}
			g, err := result.Gate(f, nil, []string{"apigateway.lost > 1000"}, result.GateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if passed := !g.Failed; passed != (c.consumer == "receipts") {
				t.Errorf("%+v: a gate on losses knows them: %v", g.Findings, passed)
			}
		})
	}
}
