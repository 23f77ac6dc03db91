package s3_test

import (
	"encoding/json"
	"slices"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// FuzzCursor reads from any text as a cursor: it is refused, or what comes is behind its key, and leads to a cursor that is not.
// In the middle of an object that is not there any more, or is another one, that is told first.
func FuzzCursor(f *testing.F) {
	for _, c := range garbage {
		f.Add(string(c))
	}
	for _, c := range []string{"", `{"v":1,"k":"b"}`, `{"v":1,"k":"b","e":"x","o":3,"l":1}`, `{"v":1,"k":"b","e":"x","o":3,"l":1,"z":true}`,
		`{"v":1,"k":"0","e":"x","o":1}`, `{"v":1,"k":"a","e":"x","o":9223372036854775807,"l":9223372036854775807}`} {
		f.Add(c)
	}
	s := newServer(f)
	for _, key := range []string{"a", "b", "c"} {
		s.put(f, key, key+"1\n"+key+"2\n")
	}
	source := open(f, s.address, nil)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := source.Read(t.Context(), ingest.Cursor(text))
		if err != nil {
			if reason := fault.From(err).Reason; !slices.Contains([]string{"bad_cursor", "object_changed", "cursor_gone"}, reason) || len(b.Items) > 0 {
				t.Fatalf("Read(%q) = %d items, %v; want it refused or read", text, len(b.Items), err)
			}
			return
		}
		var at struct{ K, E string }
		if err := json.Unmarshal([]byte(text), &at); err != nil && text != "" {
			t.Fatalf("Read(%q) = %d items, want it refused: %v", text, len(b.Items), err)
		}
		for _, item := range b.Items {
			if key := string(item[:1]); key < at.K || key == at.K && at.E == "" {
				t.Fatalf("Read(%q) returned %s, which is not behind its key", text, item)
			}
		}
		if _, err := source.Read(t.Context(), b.Next); err != nil {
			t.Fatalf("Read(%q) leads to %q, which is refused: %v", text, b.Next, err)
		}
	})
}
