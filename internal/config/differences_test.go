package config_test

import (
	"fmt"
	"testing"

	"sluice/internal/config"
	"sluice/internal/secret"
)

func TestDifferencesNamesVariablesAndNoSecrets(t *testing.T) {
	type settings struct {
		URL   string
		Limit int
		Names []string
		Token secret.Value
	}
	section := func(s settings) []config.Section { return []config.Section{{Prefix: "SLUICE_X", Into: &s}} }
	old := settings{URL: "a", Limit: 1, Names: []string{"n"}, Token: secret.New("one")}
	if got := config.Differences(section(old), section(old)); len(got) != 0 {
		t.Errorf("nothing changed, and yet %v", got)
	}
	fresh := old
	fresh.URL, fresh.Names, fresh.Token = "b", []string{"n", "m"}, secret.New("two")
	if got, want := fmt.Sprint(config.Differences(section(old), section(fresh))), "[SLUICE_X_URL SLUICE_X_NAMES]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
