package nearest

import "testing"

func TestName(t *testing.T) {
	t.Parallel()
	names := []string{"QUEUE_URL", "QUEUE_NAME", "TIMEOUT", "phases"}
	for key, want := range map[string]string{
		"QUEUE_URI": "QUEUE_URL", "QEUUE_NAME": "QUEUE_NAME", "TIME_OUT": "TIMEOUT", "phase": "phases", "phasse": "phases",
		"": "", "x": "", "completely_else": "", "TIMEOUT": "TIMEOUT",
	} {
		if got := Name(key, names); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("from %q to %q: %d, want %d, as the other way round", c.b, c.a, got, c.want)
		}
	}
}
