package format_test

import (
	"strings"
	"testing"

	"sluice/ingest/format"
)

// TestSettingsOfCSV: one way to write them for all sources.
func TestSettingsOfCSV(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]rune{"": ',', ",": ',', ";": ';', "|": '|', "é": 'é', `\t`: '\t', "tab": '\t', "\t": '\t', ";;": 0, "tabs": 0, "\xff": 0, `\n`: 0} {
		if got := format.DelimiterOf(text); got != want {
			t.Errorf("DelimiterOf(%q) = %q, want %q", text, got, want)
		}
	}
	for _, tc := range []struct {
		kind, delimiter string
		columns         []string
		want            string
	}{
		{"csv", "tab", []string{"a", "b"}, ""},
		{"csv", "", nil, ""},
		{"ndjson", "?!", nil, ""},
		{"csv", ";;", nil, `DELIMITER is ";;", want one character`},
		{"csv", `"`, nil, "DELIMITER or COLUMNS: "},
		{"csv", ",", []string{"a", "a"}, "DELIMITER or COLUMNS: "},
		{"lines", ",", []string{"a"}, "only FORMAT=csv has columns"},
	} {
		err := format.CheckCSV(tc.kind, tc.delimiter, tc.columns)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("CheckCSV(%q, %q, %q) = %v, want %q", tc.kind, tc.delimiter, tc.columns, err, tc.want)
		}
	}
	items, err := decode(t, strings.NewReader("1\t2,3\n"), format.Options{Kind: "csv"}.WithCSV(`\t`, []string{"a", "b"}))
	if len(items) != 1 {
		t.Errorf("%v, %v, want one row of two fields", items, err)
	}
}
