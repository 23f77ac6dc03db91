package singer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/config"
	"sluice/internal/drivers"
)

// stand behaves as tap-github does: its options, a catalog, a STATE with bookmarks behind the records.
const stand = `#!/bin/sh
state=
while [ $# -gt 0 ]; do
  case $1 in
    --config|--catalog) [ -f "$2" ] || { echo "no such file: $2" >&2; exit 2; } ;;
    --state) state=$(cat "$2") ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ "$TAP_GITHUB_AUTH_TOKEN" = t0ken ] || { echo "no token" >&2; exit 3; }
echo '{"type": "SCHEMA", "stream": "issues", "schema": {"type": "object"}, "key_properties": ["id"]}'
case $state in
  '{"bookmarks": {"o/r": {"issues": {"since": "2026-01-02"}}}}') ;;
  '') echo '{"type": "RECORD", "stream": "issues", "record": {"id": 9007199254740993, "title": "a"}}'
      echo '{"type": "RECORD", "stream": "events", "record": {"id": 2}}' ;;
  *) echo "unknown state $state" >&2; exit 4 ;;
esac
echo '{"type": "STATE", "value": {"bookmarks": {"o/r": {"issues": {"since": "2026-01-02"}}}}}'
`

func TestTheSettingsRunATap(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"tap-github": stand, "config.json": "{}", "catalog.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("singer.env")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) { // so that they end with the test
		if name, _, set := strings.Cut(line, "="); set && line[0] != '#' {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TAP_GITHUB_AUTH_TOKEN", "t0ken")
	t.Setenv("SLUICE_COMMAND_DIR", dir)
	t.Setenv("SLUICE_SQS_QUEUE_NAME", "issues")
	if _, err := config.LoadEnvFile("singer.env"); err != nil {
		t.Fatal(err)
	}
	settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
	if err != nil {
		t.Fatal(err)
	}
	if warnings := settings.Warnings(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
	source, err := settings.Source()
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var next ingest.Cursor
	for run, want := range []string{`{"id": 9007199254740993, "title": "a"}`, "", ""} {
		b, err := source.Read(t.Context(), next)
		if err != nil {
			t.Fatalf("run %d: %v", run+1, err)
		}
		got := ""
		for _, item := range b.Items {
			got += string(item)
		}
		if got != want || !b.CaughtUp {
			t.Errorf("run %d: got %q, caught up %v; want %q and true", run+1, got, b.CaughtUp, want)
		}
		next = b.Next
	}
}
