package config_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/internal/config"
	"sluice/internal/secret"
)

// A pump has a field of every kind that settings have.
type pump struct {
	URL      string            `split_words:"true" desc:"where to pump to"`
	Interval time.Duration     `split_words:"true" default:"1m" desc:"wait between two strokes; this sentence is long enough to be broken into several lines"`
	Strokes  int               `split_words:"true" default:"10" desc:"strokes a minute"`
	Valves   uint8             `split_words:"true" default:"2" desc:"number of valves"`
	Pressure float64           `split_words:"true" default:"1.5" desc:"in bar"`
	Reverse  bool              `split_words:"true" default:"false" desc:"pump | suck"`
	Places   []string          `split_words:"true" default:"cellar, roof" desc:"where pumps stand"`
	Floors   []int             `split_words:"true" desc:"which floors"`
	Labels   map[string]string `split_words:"true" desc:"names and values"`
	Mode     mode              `split_words:"true" default:"slow" desc:"slow or fast"`
	APIKey   secret.Value      `split_words:"true" desc:"key of the pump house"`
	Token    secret.Value      `split_words:"true" desc:"second secret"`
}

func (p pump) Validate() error {
	var errs []error
	if p.URL == "" {
		errs = append(errs, errors.New("URL is not set"))
	}
	if p.Interval <= 0 {
		errs = append(errs, fmt.Errorf("INTERVAL is %v, want more than 0", p.Interval))
	}
	if p.APIKey.IsSet() && p.Token.IsSet() {
		errs = append(errs, errors.New("API_KEY and TOKEN are both set; unset one"))
	}
	if k := p.APIKey.Reveal(); strings.Contains(k, " ") {
		errs = append(errs, fmt.Errorf("API_KEY: %s has a space in it", k)) // a mistake that Load has to make good
	}
	if p.Strokes > 1000 {
		errs = append(errs, fmt.Errorf("STROKES=%d needs a longer INTERVAL than %v, see API_KEY", p.Strokes, p.Interval))
	}
	if p.Pressure > 100 {
		errs = append(errs, errors.Join(errors.New("it would burst"), errors.New("and then\nleak")))
	}
	return errors.Join(errs...)
}

// A mode reads its own variable.
type mode string

func (m *mode) Decode(s string) error {
	if s != "slow" && s != "fast" {
		return fmt.Errorf("%q, want slow or fast", s)
	}
	*m = mode(s)
	return nil
}

// A well is a section that is known and not used.
type well struct {
	Depth int          `split_words:"true" default:"30" desc:"in metres"`
	Token secret.Value `desc:"key of the lid"`
}

func sections() (p *pump, used, known []config.Section) {
	p = new(pump)
	return p, []config.Section{{Prefix: "SLUICE_PUMP", Into: p, Title: "Pump", When: "SLUICE_SOURCE=pump"}},
		[]config.Section{{Prefix: "SLUICE", Into: new(config.Core), Title: "Daemon"}, {Prefix: "SLUICE_WELL", Into: new(well), Title: "Well"}}
}

// setenv makes the environment exactly this, as far as this program is concerned, and restores it after the test.
func setenv(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if key, _, _ := strings.Cut(pair, "="); strings.HasPrefix(key, "SLUICE_") || key == "STATE_DIRECTORY" {
			t.Setenv(key, "")
			os.Unsetenv(key)
		}
	}
	for key, value := range vars {
		t.Setenv(key, value)
	}
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
