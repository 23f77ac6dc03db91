package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sluice/internal/secret"
)

type chosenSettings struct {
	URL      string        `split_words:"true"`
	Interval time.Duration `split_words:"true" default:"1m"`
	Token    secret.Value  `split_words:"true"`
	Password secret.Value  `split_words:"true"`
}

func TestChosenAreThoseThatWereSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLUICE_CHOSEN_URL", "http://a.example")
	t.Setenv("SLUICE_CHOSEN_TOKEN_FILE", path)
	var into chosenSettings
	sections := []Section{{Prefix: "SLUICE_CHOSEN", Into: &into}}
	if err := Load(sections, sections); err != nil {
		t.Fatal(err)
	}
	want := []Setting{{"SLUICE_CHOSEN_URL", "http://a.example", false}, {"SLUICE_CHOSEN_TOKEN", "from-a-file", true}}
	if got := Chosen(sections); !slices.Equal(got, want) {
		t.Errorf("chosen %+v, want %+v", got, want)
	}
	secrets := Secrets(sections)
	into.Password.Replace("set later")
	if len(secrets) != 2 || secrets[0].Reveal() != "from-a-file" || secrets[1].Reveal() != "set later" {
		t.Errorf("%d secrets, want both, also the one that is set later", len(secrets))
	}
}

func TestWhatIsQuotedIsReadBack(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "plain", "a b", "it's", `"'\$x`, "two\nlines", "two\r\nlines 'quoted'", "#", "a #b", "\t", "ü€", `a\nb`, "http://a.example/?a=1&b=2"} {
		path := filepath.Join(t.TempDir(), "x.env")
		if err := os.WriteFile(path, []byte("# first\nNAME="+Quoted(value)+"\nNEXT=1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := ParseEnvFile(path)
		if err != nil {
			t.Errorf("%q written as %s: %v", value, Quoted(value), err)
			continue
		}
		if vars["NAME"] != value || vars["NEXT"] != "1" {
			t.Errorf("%q written as %s: read back as %q", value, Quoted(value), vars)
		}
	}
}
