package ingest_test

import (
	"strings"
	"testing"

	"sluice/ingest"
)

func TestRecordsNestedTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tc := range []struct {
		name, item string
		want       bool // taken
	}{
		{"at the bound", nested(64), true},
		{"one more", nested(65), false},
		{"objects count too", strings.Repeat(`{"a":[`, 33) + strings.Repeat("]}", 33), false},
		{"many side by side", "[" + strings.TrimSuffix(strings.Repeat("[[]],", 500), ",") + "]", true},
		{"brackets in a text", `{"a":"` + strings.Repeat(`[\"{\\`, 100) + `"}`, true},
		{"brackets in a name", `{"` + strings.Repeat(`[`, 100) + `":1}`, true},
		{"behind a text that ends in a backslash", `["\\",` + nested(64) + `]`, false},
	} {
		_, err := ingest.Naming{Stream: "s"}.Parser()([]byte(tc.item))
		if (err == nil) != tc.want {
			t.Errorf("%s: Parse = %v, want taken %v", tc.name, err, tc.want)
		}
	}
}
