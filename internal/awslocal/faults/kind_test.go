package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// examples are the kinds of faults with what their files in examples/faults say.
var examples = map[string]Params{
	KindStall:              {At: 10 * time.Second, For: 3 * time.Second},
	KindLatency:            {P: 0.05, Seed: 42},
	Kind5xx:                {P: 0.01, Seed: 42},
	KindThrottle:           {Rate: 100, Burst: 50},
	KindResetAfterSend:     {P: 0.01, Seed: 42},
	KindLostAck:            {P: 0.01, Seed: 42},
	KindDuplicateDelivery:  {P: 0.01, Seed: 42},
	KindPartialBatch:       {P: 0.05, Seed: 42},
	KindExpiredCredentials: {At: 10 * time.Second},
	KindClockSkew:          {At: 10 * time.Second, For: 5 * time.Second},
}

// TestExamplesAreTheKinds: a file in examples/faults is the script that its kind stands for, so that users replay what the
// benchmark did.
func TestExamplesAreTheKinds(t *testing.T) {
	t.Parallel()
	for kind, p := range examples {
		want, err := ByKind(kind, p)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		got, err := Load("../../../examples/faults/" + kind + ".yaml")
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for i := range got.Rules {
			got.Rules[i].Line = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: kind (-), file (+):\n%s", kind, diff)
		}
	}
}

func TestByKind(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		s, err := ByKind(kind, Params{At: time.Second, For: time.Second, P: 0.5, Seed: 9})
		if err != nil || s.Seed != 9 || len(s.Rules) != 1 {
			t.Errorf("%s: got %+v, %v; want one rule and the seed", kind, s, err)
			continue
		}
		if r := s.Rules[0]; r.Name != kind || r.After != time.Second || r.For != time.Second || r.P != 0.5 {
			t.Errorf("%s: got %+v, want its name, its window and its probability", kind, r)
		}
	}
	s, err := ByKind(KindThrottle, Params{P: 0.01})
	if err != nil || s.Rules[0].Do != FailRequest || s.Rules[0].Code != "ThrottlingException" {
		t.Errorf("throttle by probability: got %+v, %v; want a refusal", s, err)
	}
	for name, c := range map[string]struct {
		kind string
		p    Params
		want string
	}{
		"unknown":            {"slow_consumer", Params{}, "there is no fault"},
		"stall without end":  {KindStall, Params{P: 0.5}, "for: stall needs it"},
		"5xx for ever":       {Kind5xx, Params{}, "nothing would pass"},
		"5xx certain":        {Kind5xx, Params{P: 1}, "nothing would pass"},
		"lost ack for ever":  {KindLostAck, Params{At: time.Second}, "nothing would pass"},
		"rate of a stall":    {KindStall, Params{For: time.Second, Rate: 3}, "means nothing"},
		"skew of a latency":  {KindLatency, Params{Skew: time.Second}, "means nothing"},
		"probability over 1": {KindLatency, Params{P: 2}, "p: 2"},
		"window of days":     {KindLatency, Params{At: 100 * time.Hour}, "after: "},
	} {
		if _, err := ByKind(c.kind, c.p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	got := Join(Script{Seed: 1, Rules: []Rule{{Do: Reset}}}, Script{Seed: 2, Rules: []Rule{{Do: Drop}}})
	if got.Seed != 1 || len(got.Rules) != 2 || got.Rules[0].Do != Reset || got.Rules[1].Do != Drop {
		t.Errorf("got %+v, want the first seed and both rules in order", got)
	}
	if got := Join(); got.Seed != 0 || len(got.Rules) != 0 {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestSuggestion(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"stal": "stall", "RESET": "reset", "droop": "drop", "accept_then_hung": "accept_then_hang"} {
		if got := suggestion(name, actionNames()); got != `; did you mean "`+want+`"?` {
			t.Errorf("%s: got %q, want %s", name, got, want)
		}
	}
	if got := suggestion("zzzzzzzz", []string{"a", "b"}); got != "; there are a, b" {
		t.Errorf("nothing near: got %q, want all", got)
	}
	for pair, want := range map[[2]string]int{{"", "abc"}: 3, {"kitten", "sitting"}: 3, {"flaw", "lawn"}: 2, {"same", "same"}: 0} {
		if got := edits(pair[0], pair[1]); got != want {
			t.Errorf("edits of %v: got %d, want %d", pair, got, want)
		}
	}
}
