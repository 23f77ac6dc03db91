package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func reference(t *testing.T, format string) string {
	t.Helper()
	_, used, known := sections()
	var out bytes.Buffer
	if err := config.Write(&out, append(known[:1:1], append(used, known[1])...), format); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReferenceIsTheGoldenOne(t *testing.T) {
	setenv(t, map[string]string{"SLUICE_PUMP_URL": canary, "SLUICE_PUMP_STROKES": "999"}) // must not show
	for _, format := range config.Formats() {
		t.Run(format, func(t *testing.T) {
			path, got := filepath.Join("testdata", format+".golden"), reference(t, format)
			if *update {
				write(t, path, got)
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTableFitsATerminal(t *testing.T) {
	for i, line := range strings.Split(reference(t, "table"), "\n") {
		if n := utf8.RuneCountInString(line); n > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d has %d columns or spaces at its end: %q", i+1, n, line)
		}
	}
}

func TestSampleCanBeLoadedAsItIsAndWithAllLinesActive(t *testing.T) {
	setenv(t, nil)
	sample := reference(t, "dotenv")
	load := func(text string) (*pump, error) {
		t.Helper()
		if _, err := config.LoadEnvFile(write(t, filepath.Join(t.TempDir(), ".env"), text)); err != nil {
			t.Fatal(err)
		}
		defer setenv(t, nil)
		p, used, known := sections()
		return p, config.Load(used, known)
	}
	plain, err := load(sample)
	if err == nil || err.Error() != "SLUICE_PUMP_URL: not set" {
		t.Errorf("the sample as it is: %v, want a complaint about the one variable that is needed", err)
	}
	var active []string
	for _, line := range strings.Split(sample, "\n") {
		if strings.HasPrefix(line, "#SLUICE_") {
			line = line[1:]
		}
		active = append(active, line)
	}
	all, err := load(strings.Join(active, "\n"))
	if err == nil || err.Error() != "SLUICE_PUMP_URL: not set" {
		t.Errorf("the sample with all lines active: %v, want a complaint about the one variable that is needed", err)
	}
	if diff := cmp.Diff(plain, all, cmp.Comparer(func(a, b secretValue) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("the active lines do not say the defaults (-defaults +lines):\n%s", diff)
	}
}

func TestUnknownFormat(t *testing.T) {
	err := config.Write(new(bytes.Buffer), nil, "xml")
	if err == nil || !strings.Contains(err.Error(), "want table, markdown, dotenv or json") {
		t.Errorf("Write = %v, want an error that lists the formats", err)
	}
}

func TestStructsThatEnvconfigWouldMisreadPanic(t *testing.T) {
	for name, into := range map[string]any{
		"required": &struct {
			A string `required:"true"`
		}{},
		"renamed": &struct {
			A string `envconfig:"HOME"`
		}{},
		"a function":    &struct{ A func() }{},
		"no pointer":    struct{ A string }{},
		"a nil pointer": (*well)(nil),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = config.Load([]config.Section{{Prefix: "SLUICE_X", Into: into}}, nil)
		})
	}
}
