// Package proof is how a test reports what it has proved: how much it ran, which faults fired, which row of the fault
// matrix it holds. The reports travel as attributes of the test (testing.TB.Attr), so that 'make prove' adds up what the
// tests themselves have counted. Imported by tests only.
package proof

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// prefix begins the key of every attribute that belongs to the proof.
const prefix = "prove/"

// The things that are counted. Each is summed over all tests of a run.
const (
	Seeds          = "seeds"           // simulations
	VirtualSeconds = "virtual_seconds" // of simulated time
	Kills          = "kills"           // SIGKILLs of a real process
	Crashes        = "crashes"         // losses of power, or ends without a word, in a model
	Stops          = "stops"           // polite ends
	Obligations    = "obligations"     // records that had to arrive or to be set aside
	Lost           = "lost"            // of them, those that did neither
	Altered        = "altered"         // records that arrived otherwise than they were issued, or were never issued
	Duplicates     = "duplicates"      // copies beyond the first
	DuplicateBound = "duplicate_bound" // how many of them are allowed: unknown outcomes, and what was in flight at an end
	DeadLetters    = "dead_letters"    // records set aside
)

// Count adds n to one of the numbers above.
func Count(t testing.TB, what string, n int) {
	t.Helper()
	t.Attr(prefix+what, strconv.Itoa(n))
}

// Fault adds n to how often a kind of fault has struck. kind has no space in it.
func Fault(t testing.TB, kind string, n int) {
	t.Helper()
	t.Attr(prefix+"fault/"+strings.ReplaceAll(kind, " ", "_"), strconv.Itoa(n))
}

// An Action is what the daemon does about a fault.
type Action string

// The actions.
const (
	Retry Action = "retry" // again, after a backoff with full jitter
	Split Action = "split" // halve the request until the culprit stands alone
	Dead  Action = "dead"  // set one record aside, durably
	Pause Action = "pause" // readiness false, a probe at most once a minute, nothing dropped
	Exit  Action = "exit"  // end with a code and a reason
	None  Action = "none"  // nothing is wrong for the daemon: it takes it as it comes
)

// A Row is one row of the fault matrix: a fault, and what was seen to follow from it.
type Row struct {
	Area     string `json:"area"`     // "source", "sqs", "apigateway", "jetstream", "rabbitmq", "credentials", "process", "disk"
	Fault    string `json:"fault"`    // "answer 429 with Retry-After as a date"
	Action   Action `json:"action"`   // the first thing that was done
	Reason   string `json:"reason"`   // code in log, metric and /readyz; empty where there is none to tell
	Promises string `json:"promises"` // of docs/guarantees.md that were looked at beside "nothing lost": "P5 P10"
}

// Report says that the test holds a row. Call it at the end, when everything was checked; a test that has failed reports
// nothing.
func (r Row) Report(t testing.TB) {
	t.Helper()
	if t.Failed() {
		return
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Attr(prefix+"row", string(data))
}
