package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWarnsOfPatternsThatFindNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"logs", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "logs", "a.ndjson"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		paths string   // after dir, separated by spaces
		want  []string // in the warnings, one each
	}{
		"a file":                      {"logs/a.ndjson", nil},
		"a glob with a file":          {"logs/*.ndjson", nil},
		"a glob that matches nothing": {"logs/*.csv", []string{"no file matches " + dir + "/logs/*.csv"}},
		"a file that is not there":    {"logs/b.ndjson", []string{"no file matches " + dir + "/logs/b.ndjson"}},
		"a folder":                    {"logs/", []string{"logs is a folder; the files in it would be " + dir + "/logs/*"}},
		"a glob of folders":           {"*", []string{"only folders match " + dir + "/*; the files in them would be " + dir + "/*/*"}},
		"each pattern for itself":     {"logs empty/* logs/*", []string{"is a folder", "no file matches"}},
		"a folder that is not there":  {"gone/*", nil}, // an error when it is read
	} {
		c := Default()
		var paths []string
		for _, p := range strings.Fields(tt.paths) {
			paths = append(paths, dir+"/"+p)
		}
		c.Paths = strings.Join(paths, ":")
		got := c.Warnings()
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %q, want %d warnings", name, got, len(tt.want))
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: got %q, want it to say %q", name, got[i], want)
			}
		}
	}
}
