package drivers_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/transport/apigateway"
	"sluice/transport/jetstream"
	"sluice/transport/rabbitmq"
	"sluice/transport/sqs"
)

var update = flag.Bool("update", false, "write the generated pages anew")

// golden compares a generated page with the one in docs.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tables say; run 'go test ./internal/drivers -update' and read the diff", path)
	}
}

// cell makes a text fit into a table.
func cell(s string) string {
	if s == "" {
		return "–"
	}
	return strings.ReplaceAll(s, "|", "\\|")
}

// tables are those of all transports.
var tables = []struct {
	name, title string
	verdicts    []fault.Verdict
}{
	{"sqs", "SQS", sqs.Verdicts()},
	{"apigateway", "API Gateway", apigateway.Verdicts()},
	{"jetstream", "NATS JetStream", jetstream.Verdicts()},
	{"rabbitmq", "RabbitMQ", rabbitmq.Verdicts()},
}

// happens is what follows from a verdict.
func happens(v fault.Verdict) string {
	if v.Reason == "" {
		return "accepted"
	}
	text := map[fault.Class]string{
		fault.Transient: "again, after a backoff",
		fault.Throttled: "again, later and with fewer requests at once",
		fault.Rejected:  "dead letter",
		fault.Blocked:   "pause: not ready, a probe a minute, nothing dropped",
	}[v.Class]
	if v.Whole {
		text = "split until the culprit stands alone, then " + text
	}
	if v.Ambiguous {
		text += "; may have been taken: counted as unknown, may become a duplicate"
	}
	return text
}

func TestVerdictsPageIsCurrent(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Verdicts\n\nWhat each destination can say, and what Sluice makes of it. The lines of a table are looked at from the top; the first that\n" +
		"fits counts, codes before flags and statuses before texts. The reason codes are explained in [reasons.md](reasons.md).\n\n" +
		"This page is generated from the tables that the transports decide by; a test keeps it.\n")
	for _, table := range tables {
		fmt.Fprintf(&b, "\n## %s (`%s`)\n\n| What it says | Class | Reason | What happens | What to do |\n|---|---|---|---|---|\n", table.title, table.name)
		for _, v := range table.verdicts {
			class, reason := v.Class.String(), "`"+v.Reason+"`"
			if v.Reason == "" {
				class, reason = "–", "–"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(v.Says), class, reason, happens(v), cell(v.Todo))
		}
	}
	b.WriteString("\n## No answer, for SQS and API Gateway\n\n| What happens on the wire | Class | Reason | What follows |\n|---|---|---|---|\n" +
		"| no such host, no route, connection refused, no TLS in time | transient | `network`, `timeout` | again, after a backoff; nothing was sent |\n" +
		"| connection lost or no whole answer in time, once it stood | transient | `network`, `timeout` | again, after a backoff; may have been taken: counted as unknown |\n" +
		"| a certificate that is not trusted or is another host's | blocked | `tls_untrusted` | pause: not ready, a probe a minute, nothing dropped |\n")
	golden(t, "../../docs/verdicts.md", b.String())
}

func TestReasonsPageIsCurrent(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Reasons\n\nOne code per kind of trouble. The same code stands in the log line (`reason`), in the metrics `sluice_trouble_reason` and\n" +
		"`sluice_fault_records_total`, in `/readyz`, in `/api/status`, on the status page and in dead letters.\n\n" +
		"A *transient* trouble is tried again after a backoff, a *throttled* one later and slower; a *rejected* record becomes a dead letter; a\n" +
		"*blocked* part pauses, probes once a minute, drops nothing and goes on without a restart once the cause is mended.\n\n" +
		"This page is generated from the catalogue in `internal/fault`; a test keeps it, and another that no code is missing in it.\n\n" +
		"| Code | Part | Class | Usually ends by itself | What it means | What to do |\n|---|---|---|---|---|---|\n")
	for _, r := range fault.Reasons() {
		var classes []string
		for _, c := range r.Classes {
			classes = append(classes, c.String())
		}
		heals := "no"
		if r.Heals {
			heals = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.Code, r.Part, cell(strings.Join(classes, ", ")), heals, cell(r.Meaning), cell(r.Todo))
	}
	golden(t, "../../docs/reasons.md", b.String())
}

// A verdict's reason is in the catalogue, with its class; and its lines say something.
func TestVerdictsFitTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		said := map[string]bool{}
		for _, v := range table.verdicts {
			if said[v.Says] || v.Says == "" {
				t.Errorf("%s: %q stands there twice, or is empty", table.name, v.Says)
			}
			said[v.Says] = true
			if v.Reason == "" {
				continue
			}
			r, ok := fault.ReasonOf(v.Reason)
			if !ok || !slices.Contains(r.Classes, v.Class) {
				t.Errorf("%s: %q is %v %s; the catalogue has %+v", table.name, v.Says, v.Class, v.Reason, r)
			}
			if v.Class == fault.Blocked && v.Todo == "" {
				t.Errorf("%s: %q blocks and does not say what to do", table.name, v.Says)
			}
		}
	}
}

var variable = regexp.MustCompile(`SLUICE_[A-Z_]+[A-Z]`)

// What to do names settings that exist.
func TestReasonsAreWellFormed(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	code, last := regexp.MustCompile(`^[a-z][a-z0-9_]{1,30}$`), ""
	for _, r := range fault.Reasons() {
		if !code.MatchString(r.Code) || r.Code <= last {
			t.Errorf("code %q after %q; want lower case, sorted", r.Code, last)
		}
		last = r.Code
		if !strings.HasSuffix(r.Meaning, ".") || !strings.HasSuffix(r.Todo, ".") || r.Part == "" {
			t.Errorf("%s: want a part and two sentences: %+v", r.Code, r)
		}
		for _, name := range variable.FindAllString(r.Meaning+" "+r.Todo, -1) {
			if !strings.Contains(string(reference), name) {
				t.Errorf("%s: there is no setting %s", r.Code, name)
			}
		}
	}
}
