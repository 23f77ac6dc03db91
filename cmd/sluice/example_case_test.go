package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/awslocal"
)

// exampleSettings are those of the publisher's API, and exampleCase what was recorded with them.
const (
	exampleSettings = "../../examples/earthquakes/earthquakes.env"
	exampleCase     = "../../examples/earthquakes/cases/one-sweep"
	publisher       = "https://earthquake.usgs.gov"
)

// TestTheExampleCasePasses with the settings that it comes with, and with the example's own. With -update it is recorded anew,
// from a feed that holds six events.
func TestTheExampleCasePasses(t *testing.T) {
	t.Parallel()
	if *update {
		recordExample(t)
	}
	for _, args := range [][]string{{"test", exampleCase}, {"--env-file", exampleSettings, "test", filepath.Dir(exampleCase)}} {
		p := start(t, nil, args...)
		if code := p.wait(t, soon); code != 0 || !strings.Contains(p.out.String(), "6 records, 0 filtered, 0 set aside\n1 case passed\n") {
			t.Errorf("sluice %s: exit code %d, %s%s; want 0 and six records", strings.Join(args, " "), code, p.out.String(), p.said())
		}
	}
}

func recordExample(t *testing.T) {
	t.Helper()
	w := startWorld(t, 6, awslocal.Options{})
	if err := os.RemoveAll(exampleCase); err != nil {
		t.Fatal(err)
	}
	vars := w.settings()
	maps.DeleteFunc(vars, func(name, _ string) bool { return strings.HasPrefix(name, "AWS_") })
	p := start(t, vars, "fetch", "--pages", "0", "--record", exampleCase)
	if code := p.wait(t, soon); code != 0 {
		t.Fatalf("fetch: exit code %d, want 0", code)
	}
	files, err := filepath.Glob(filepath.Join(exampleCase, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(bytes.ReplaceAll(data, []byte(w.sourceServer.URL), []byte(publisher))))
	}
	p = start(t, nil, "test", "--update", exampleCase) // the IDs are those of the publisher's stream
	if code := p.wait(t, soon); code != 0 {
		t.Fatalf("test --update: exit code %d, want 0", code)
	}
}

// TestTheCSVCasePasses with the example's own settings, of which the folders need not be there: what a case tests is what is
// made of its items. How long a record of the source may be counts all the same.
func TestTheCSVCasePasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ more, want string }{
		{"", "2 records, 0 filtered, 2 set aside\n1 case passed\n"},
		{"SLUICE_FILE_MAX_RECORD_BYTES=40\n", "item_too_large"},
	} {
		over := filepath.Join(t.TempDir(), "over.env")
		write(t, over, "SLUICE_SCHEMA_FILE=../../examples/csv/order.schema.json\nSLUICE_FILE_DONE_DIR=/nowhere/at/all\n"+c.more)
		p := start(t, nil, "--env-file", over, "--env-file", "../../examples/csv/orders.env", "test", "../../examples/csv/cases")
		code := p.wait(t, soon)
		if passes := c.more == ""; (code == 0) != passes || !strings.Contains(p.out.String(), c.want) {
			t.Errorf("%q: exit code %d, %s%s; want it to pass: %v, and %q", c.more, code, p.out.String(), p.said(), passes, c.want)
		}
	}
}
