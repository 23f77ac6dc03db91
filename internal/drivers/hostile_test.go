package drivers_test

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"sluice/internal/drivers"
)

// TestHostileSettings gives hostile texts to every kind of setting: nothing panics, every problem is a line of its own, no
// secret is shown, and what is found valid makes a source.
func TestHostileSettings(t *testing.T) {
	names := []string{"SOURCE", "TRANSPORT", "STREAM", "FILTER", "MAP", "MAP_FILE", "MAP_TIMEOUT", "RECORD_ID", "RECORD_KEY", "RECORD_HEADERS", "SCHEMA_FILE", "STATE_DIR", "ADMIN_ADDR", "INFLIGHT", "RATE_LIMIT", "SHUTDOWN_TIMEOUT",
		"DEADLETTER_MAX_PERCENT", "REQUIRE_HEALTHY", "LOG_LEVEL", "HTTP_URL", "HTTP_RECORDS", "HTTP_PAGINATION", "HTTP_NEXT_PATH", "HTTP_PAGE_START", "HTTP_LIMIT", "HTTP_SINCE_PARAM",
		"HTTP_SINCE_TYPE", "HTTP_INTERVAL", "HTTP_HEADERS", "HTTP_TOKEN_FILE", "HTTP_MAX_PAGE_BYTES", "SQS_QUEUE_URL", "SQS_TIMEOUT", "ROLE_ARN", "ROLE_DURATION", "UNKNOWN", "HTTP_URLL"}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "SLUICE_") || name == "STATE_DIRECTORY" {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	const canary = "c4n4ry-0123456789"
	for _, name := range names {
		for _, value := range []string{"", "-1", "https://h/%zz?key=" + canary, "X-Key: " + canary + "\nbad", "\xff\x1b[2J\u2028", strings.Repeat("9", 400)} {
			t.Run(name, func(t *testing.T) {
				t.Setenv("SLUICE_HTTP_URL", "https://feed.example/x")
				t.Setenv("SLUICE_SQS_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/q")
				t.Setenv("SLUICE_HTTP_TOKEN", canary)
				t.Setenv("SLUICE_ADMIN_TOKEN", canary)
				t.Setenv("SLUICE_"+name, value)
				s, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
				if err != nil {
					for line := range strings.Lines(err.Error()) {
						mayShow := strings.Contains(value, canary) && name != "HTTP_URL" && name != "HTTP_HEADERS" // no place for secrets
						if strings.Contains(line, canary) && !mayShow || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' }) {
							t.Errorf("%q: the problem %q shows a secret or is no line", value, line)
						}
					}
					return
				}
				source, err := s.Source()
				if err != nil {
					t.Fatalf("%q: found valid, and then %v", value, err)
				}
				defer source.Close()
				if stream := source.Stream(); strings.ContainsFunc(stream, unicode.IsControl) || strings.Contains(stream, "?") {
					t.Errorf("%q: the stream is called %q", value, stream)
				}
			})
		}
	}
}
