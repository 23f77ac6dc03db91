package telemetry

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestTheLimitsOfTheOriginAreShown, harmlessly, and nothing where none are known.
func TestTheLimitsOfTheOriginAreShown(t *testing.T) {
	t.Parallel()
	for told, want := range map[string]string{"12 of 5000 requests left\x1b": "12 of 5000 requests left", "": ""} {
		m := New(Options{Source: "http", Transport: "sqs", Quota: func() string { return told }})
		var got Status
		if err := json.Unmarshal(ask(m, "GET", "localhost:9090", "/api/status").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Source.Quota, want) || strings.Contains(got.Source.Quota, "\x1b") || want == "" && got.Source.Quota != "" {
			t.Errorf("quota %q, want %q", got.Source.Quota, want)
		}
		page := ask(m, "GET", "localhost:9090", "/").Body.String()
		if shown := strings.Contains(page, "<dt>limits</dt><dd>"+want); shown != (want != "") {
			t.Errorf("told %q: the page shows limits: %v", told, shown)
		}
	}
}
