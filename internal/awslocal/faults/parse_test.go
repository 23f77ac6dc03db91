package faults

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	t.Parallel()
	yes := true
	got, err := Parse([]byte(`
seed: 7
rules:
  - {name: n, call: [SendMessageBatch, sqs], nth: [3, 5-8], every: 2, p: 0.25, after: 1m, for: 3s, times: 4, do: fail_entries, entries: [2, 5], code: KMS.ThrottlingException, message: m, sender_fault: true}
  - call: "*"
    do: throttle
    rate: 0.5
    burst: 3
    status: 429
  - {do: partial, reply: doubled, entries: one}
  - {do: latency, model: sqs-send-2021}
  - {do: clock_skew, skew: -15m}
  - {call: source, nth: 7, do: truncate, bytes: 4096, framing: chunked}
  - {call: GET /query, do: answer, status: 302, headers: {Location: "http://127.0.0.1:1/", Retry-After: 30}, body: "<html>"}
  - {do: slow, bytes_per_second: 10}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Script{Seed: 7, Rules: []Rule{
		{Name: "n", Calls: []string{"SendMessageBatch", "sqs"}, Nth: []Range{{3, 3}, {5, 8}}, Every: 2, P: 0.25, After: time.Minute,
			For: 3 * time.Second, Times: 4, Do: FailEntries, Entries: Entries{Positions: []int{2, 5}}, Code: "KMS.ThrottlingException",
			Message: "m", SenderFault: &yes, Line: 4},
		{Calls: []string{"*"}, Do: Throttle, Rate: 0.5, Burst: 3, Status: 429, Line: 5},
		{Do: Partial, Reply: Doubled, Entries: Entries{One: true}, Line: 10},
		{Do: Latency, Model: "sqs-send-2021", Line: 11},
		{Do: ClockSkew, Skew: -15 * time.Minute, Line: 12},
		{Calls: []string{"source"}, Nth: []Range{{7, 7}}, Do: Truncate, Bytes: 4096, Framing: Chunked, Line: 13},
		{Calls: []string{"GET /query"}, Do: Answer, Status: 302, Headers: map[string]string{"Location": "http://127.0.0.1:1/", "Retry-After": "30"},
			Body: "<html>", Line: 14},
		{Do: Slow, BytesPerSecond: 10, Line: 15},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	again, err := Parse(got.Format())
	if err != nil {
		t.Fatalf("formatted as\n%s%v", got.Format(), err)
	}
	if diff := cmp.Diff(want, again, withoutLines); diff != "" {
		t.Errorf("formatted and read again, want (-), got (+):\n%s", diff)
	}
}

// withoutLines compares what rules say, not where they stand.
var withoutLines = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Line" }, cmp.Ignore())

// TestBadScripts: one sentence, with the line, that says what is wrong.
func TestBadScripts(t *testing.T) {
	t.Parallel()
	rule := func(text string) string { return "rules:\n  - {" + text + "}\n" }
	for name, c := range map[string]struct{ doc, want string }{
		"empty":                  {"", "the script is empty; it needs a list of rules"},
		"a comment alone":        {"# nothing\n", "the script is empty; it needs a list of rules"},
		"no rules":               {"seed: 1\n", "the script has no rules"},
		"an empty list":          {"rules: []\n", "the script has no rules"},
		"not YAML":               {"rules: [\n", "line 1: did not find expected node content"},
		"two documents":          {rule("do: reset") + "---\n" + rule("do: reset"), "line 3: a script is one document"},
		"a list":                 {"- 1\n", "line 1: here has to be a mapping with the keys seed, rules"},
		"rules not a list":       {"rules: 3\n", "line 1: rules: here has to be a list"},
		"a rule not a mapping":   {"rules: [x]\n", "line 1: here has to be a mapping with the keys name, call, do"},
		"unknown key":            {"seeds: 1\n", `line 1: there is no key "seeds" here; did you mean "seed"?`},
		"unknown key in a rule":  {rule("do: reset, cal: x"), `line 2: there is no key "cal" here; did you mean "call"?`},
		"a key twice":            {rule("do: reset, do: stall"), `line 2: the key "do" is there twice`},
		"an alias":               {"seed: &a 1\nrules: []\n", "line 1: seed: anchors and aliases are not used here"},
		"a merge":                {rule("do: reset, <<: {}"), `line 2: there is no key "<<" here`},
		"no action":              {rule("call: sqs"), "line 2: the rule does not say what to do; the key is do"},
		"unknown action":         {rule("do: latencey"), `line 2: do: there is no action "latencey"; did you mean "latency"?`},
		"unknown call":           {rule("do: reset, call: SendMessagBatch"), `line 2: call: there is no call "SendMessagBatch"; did you mean "SendMessageBatch"?`},
		"call it cannot act on":  {rule("do: fail_entries, call: SendMessage"), "line 2: call: fail_entries does not act on SendMessage; it acts on SendMessageBatch, DeleteMessageBatch"},
		"service it cannot":      {rule("do: partial, reply: missing, call: apigateway"), "line 2: call: partial does not act on apigateway"},
		"key of another action":  {rule("do: reset, rate: 3"), "line 2: rate: it means nothing to reset"},
		"stall without an end":   {rule("do: stall"), "line 2: for: stall needs it"},
		"throttle without rate":  {rule("do: throttle"), "line 2: rate: throttle needs it"},
		"skew without skew":      {rule("do: clock_skew"), "line 2: skew: clock_skew needs it"},
		"partial without reply":  {rule("do: partial"), "line 2: reply: partial needs it"},
		"latency without any":    {rule("do: latency"), "line 2: latency: the action needs either latency, a duration, or model"},
		"latency with both":      {rule("do: latency, latency: 1s, model: sqs-send-2021"), "line 2: latency: the action needs either"},
		"unknown model":          {rule("do: latency, model: sqs-sent-2021"), `line 2: model: there is no model of delays "sqs-sent-2021"; did you mean "sqs-send-2021"?`},
		"a model of no delays":   {rule("do: latency, model: sqs-chaos"), "line 2: model: there is no model of delays"},
		"nth of 0":               {rule("do: reset, nth: 0"), "line 2: nth: calls 0 to 0: they are counted from 1 up"},
		"nth backwards":          {rule("do: reset, nth: 8-5"), "line 2: nth: calls 8 to 5: they are counted from 1 up to 1000000000, the smaller number first"},
		"nth no number":          {rule("do: reset, nth: third"), `line 2: nth: "third" is neither a number such as 3 nor a range such as 5-8`},
		"every 0":                {rule("do: reset, every: 0"), `line 2: every: "0" is no whole number from 1`},
		"p of 0":                 {rule("do: reset, p: 0"), `line 2: p: "0" is no number over 0`},
		"p over 1":               {rule("do: reset, p: 1.5"), "line 2: p: 1.5: a probability is over 0 and at most 1"},
		"p not a number":         {rule("do: reset, p: .nan"), "line 2: p:"},
		"rate without end":       {rule("do: throttle, rate: Inf"), "line 2: rate: +Inf"},
		"for of 0":               {rule("do: stall, for: 0s"), `line 2: for: "0s" has to be over 0`},
		"after below 0":          {rule("do: reset, after: -1s"), "line 2: after: -1s: it has to be from 0 to 24h0m0s"},
		"a time without unit":    {rule("do: reset, after: 3"), `line 2: after: "3" is no duration such as 250ms or 3s`},
		"a status of success":    {rule("do: fail_request, status: 200"), "line 2: status: 200 is not the status of an error"},
		"a code with spaces":     {rule("do: fail_request, code: Too Many"), `line 2: code: "Too Many" is no error code`},
		"entry 0":                {rule("do: drop, entries: [0]"), "line 2: entries: 0: entries are counted from 1 to 10"},
		"entry 11":               {rule("do: drop, entries: 11"), "line 2: entries: 11: entries are counted from 1 to 10"},
		"entries no list":        {rule("do: drop, entries: some"), "line 2: entries: here has to be a list such as [2, 5], or one, or all"},
		"neither true nor false": {rule("do: fail_entries, sender_fault: yes"), `line 2: sender_fault: "yes" is neither true nor false`},
		"reply":                  {rule("do: partial, reply: gone"), `line 2: reply: "gone": it is missing, ignored, doubled or unknown`},
		"skew of days":           {rule("do: clock_skew, skew: 100h"), "line 2: skew: 100h0m0s: a clock can be off by at most 24h0m0s"},
		"status of no answer":    {rule("do: answer, status: 100"), "line 2: status: 100 is not the status of an answer, 200 to 599"},
		"headers no mapping":     {rule("do: answer, headers: [a]"), "line 2: headers: here has to be a mapping such as {Retry-After: 30}"},
		"a header of a mapping":  {rule("do: answer, headers: {a: {b: c}}"), "line 2: headers: here has to be a mapping"},
		"a header twice":         {rule("do: answer, headers: {a: b, a: c}"), `line 2: headers: "a" is there twice`},
		"a header with a space":  {rule("do: answer, headers: {a b: c}"), `line 2: headers: "a b": no header can have this name and value`},
		"a length of its own":    {rule("do: answer, headers: {content-length: 3}"), "line 2: headers: content-length follows from the answer; for one that ends too early there is truncate"},
		"truncate without bytes": {rule("do: truncate"), "line 2: bytes: truncate needs it"},
		"a framing of none":      {rule("do: truncate, bytes: 3, framing: chunk"), `line 2: framing: "chunk": it is length, chunked or close`},
		"slow without a speed":   {rule("do: slow"), "line 2: bytes_per_second: slow needs it"},
		"a bomb without bytes":   {rule("do: bomb"), "line 2: bytes: bomb needs it"},
		"a bomb too large":       {rule("do: bomb, bytes: 100000000000"), "line 2: bytes: 100000000000: it has to be from 1 to 17179869184"},
		"no call of the source":  {rule("do: expire_credentials, call: source"), "line 2: call: expire_credentials does not act on source; it acts on sqs, sts, apigateway"},
		"a source misspelt":      {rule("do: reset, call: sorce"), `line 2: call: there is no call "sorce"; did you mean "source"?`},
		"seed below 0":           {"seed: -1\n", `line 1: seed: "-1" is no whole number from 0`},
		"message of two lines":   {rule(`do: fail_request, message: "a\nb"`), "line 2: message: it has to be one line"},
		"too long":               {strings.Repeat("#", maxFile+1), "a script has at most 1048576 bytes"},
		"too many rules":         {"rules:\n" + strings.Repeat("  - {do: reset}\n", maxRules+1), "the script has 1001 rules; at most 1000 are kept"},
	} {
		_, err := Parse([]byte(c.doc))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line that begins %q", name, err, c.want)
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: got %v, want its name and that it does not exist", err)
	}
	if err := os.WriteFile(path, []byte("rules: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": line 1: ") {
		t.Errorf("bad file: got %v, want its name and the line", err)
	}
}

// FuzzFaultScript: whatever is in a file, it is read or refused with one line, and what was read can be armed.
func FuzzFaultScript(f *testing.F) {
	files, err := filepath.Glob("../../../examples/faults/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add([]byte("rules: [{do: drop, entries: *a, nth: &a [1, 2-3]}]"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := Parse(doc)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		a, err := s.Arm()
		if err != nil {
			t.Fatalf("read, and not armed: %v", err)
		}
		again, err := Parse(s.Format())
		if diff := cmp.Diff(s, again, withoutLines, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("formatted and read again: %v, want (-), got (+):\n%s\n%s", err, diff, s.Format())
		}
		for _, call := range append(Calls(), "POST /records", "GET /events") {
			a.Next(service(call), call)
		}
	})
}
