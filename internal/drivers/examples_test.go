package drivers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/fault"
)

var (
	commented = regexp.MustCompile(`(?m)^#(SLUICE_\w+)=(.*)$`)             // what a file leaves to its reader
	secretsAt = regexp.MustCompile(`(?m)^(SLUICE_\w+)=/run/secrets/(.*)$`) // files that are no part of an example
)

// exampleSecret is what all secret files of examples hold.
const exampleSecret = "not-a-secret-of-anybody"

// loadExample reads a file of settings as the program does, from the root of the repository, for which the test changes
// folders. What the file leaves as a comment is set, its secrets are in files of the test, and pairs win over it.
func loadExample(t *testing.T, path string, pairs ...string) *drivers.Settings {
	t.Helper()
	t.Chdir("../..")
	before := map[string]bool{}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		before[name] = true
	}
	t.Cleanup(func() { // after all that t.Setenv does
		for _, pair := range os.Environ() {
			if name, _, _ := strings.Cut(pair, "="); !before[name] {
				_ = os.Unsetenv(name)
			}
		}
	})
	setenv(t)
	for name := range everything {
		if strings.HasPrefix(name, "SLUICE_") {
			_ = os.Unsetenv(name) // it would win over the file
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range commented.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "SLUICE_TRANSPORT" {
			t.Setenv(m[1], m[2])
		}
	}
	dir := t.TempDir()
	for _, m := range secretsAt.FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(dir, m[2])
		if err := os.WriteFile(file, []byte(exampleSecret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(m[1], file)
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
	if _, err := config.LoadEnvFile(path); err != nil {
		t.Fatal(err)
	}
	settings, err := drivers.Load(forAll)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return settings
}

// openExample is loadExample with the source opened.
func openExample(t *testing.T, path string, pairs ...string) (*drivers.Settings, drivers.Source) {
	t.Helper()
	settings := loadExample(t, path, pairs...)
	source, err := settings.Source()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return settings, source
}

// TestEveryExampleIsValid loads every file of settings under examples/ with the program's own loader, without a warning, and
// opens the source that it names and the transport.
func TestEveryExampleIsValid(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.env")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]bool{}
	for _, file := range files {
		name := strings.TrimPrefix(file, "../../")
		t.Run(name, func(t *testing.T) {
			settings, source := openExample(t, name, "TAP_GITHUB_AUTH_TOKEN", exampleSecret, "SLUICE_FILE_DONE_DIR", t.TempDir())
			sources[settings.Core.Source] = true
			for _, warning := range settings.Warnings() {
				t.Errorf("a warning: %s", warning)
			}
			if settings.Core.RecordID == "" || source.Stream() == "" {
				t.Errorf("the ID is %q and the stream %q, want both", settings.Core.RecordID, source.Stream())
			}
			d, err := settings.Transport(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = d.Close()
		})
	}
	for _, kind := range []string{"http", "file", "command", "s3", "sql"} {
		if !sources[kind] {
			t.Errorf("no example reads a source %q; there are %q", kind, files)
		}
	}
}

// pull reads a sweep, and obeys what the source says of limits: it is a pause of the source itself. It returns the items, the
// place behind them, and the reasons of the pauses.
func pull(t *testing.T, source ingest.Source, from ingest.Cursor) (items []string, next ingest.Cursor, pauses []string) {
	t.Helper()
	for range 1000 {
		b, err := source.Read(t.Context(), from)
		if fault.Is(err, fault.Throttled) && len(pauses) < 20 {
			pauses = append(pauses, fault.From(err).Reason)
			continue
		}
		if err != nil {
			t.Fatalf("after %d items and %d pauses: %v", len(items), len(pauses), err)
		}
		for _, item := range b.Items {
			items = append(items, string(item))
		}
		if from = b.Next; b.CaughtUp {
			return items, from, pauses
		}
	}
	t.Fatalf("no end after 1,000 reads and %d items", len(items))
	return nil, "", nil
}

// sameItems reports what is missing in got, and what is there too often.
func sameItems(t *testing.T, what string, got, want []string) {
	t.Helper()
	count := map[string]int{}
	for _, item := range want {
		count[item]++
	}
	for _, item := range got {
		count[item]--
	}
	for item, n := range count {
		switch {
		case n > 0:
			t.Errorf("%s: %d times missing: %.100s", what, n, item)
		case n < 0:
			t.Errorf("%s: %d times too often: %.100s", what, -n, item)
		}
	}
}
