package drivers_test

import (
	"bytes"
	"os"
	"testing"

	"sluice/internal/config"
	"sluice/internal/drivers"
)

// TestConfigurationPageIsCurrent compares docs/configuration.md with the structs that it is generated from.
func TestConfigurationPageIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if err := config.Write(&want, (&drivers.Settings{}).Sections(), "markdown"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/configuration.md is not what the settings say; run 'make docs' and read the diff")
	}
}
