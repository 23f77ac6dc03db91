package model

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of models in docs/faults.md anew")

// does says in words what a model does at its place.
var does = map[Place]string{
	Reply:      "delays the answer to a send; the messages are there before it",
	Delivery:   "delays a message: from its arrival until a receiver can have it",
	Handler:    "delays the function behind the gateway",
	RoundTrip:  "takes its time half before the function and half after it; the function's own time comes on top",
	ColdStart:  "delays invocations that find no idle environment",
	Account:    "refuses requests over the account's rate",
	Concurrent: "refuses invocations over the account's concurrency",
	Batches:    "lets receives find nothing while too many batches are in flight",
	Disorder:   "repeats messages and changes their order",
}

// TestDocumentedModels compares the table in docs/faults.md with the catalogue.
func TestDocumentedModels(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../../docs/faults.md", "<!-- models -->\n", "<!-- end -->"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(doc), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/faults.md has no table of models between its marks")
	}
	var want strings.Builder
	want.WriteString("| Model | Of | What it does | Parameters | Source |\n|---|---|---|---|---|\n")
	for _, m := range All() {
		if does[m.Place] == "" {
			t.Errorf("%s: there are no words for its place", m.ID)
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s | %s |\n", m.ID, m.Service, does[m.Place], m.Parameters, m.Source)
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatal("the table of models in docs/faults.md is not the catalogue; run 'go test ./internal/awslocal/model -update' and read the diff")
	}
	if err := os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
