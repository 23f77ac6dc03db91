package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/config"
)

func TestLoadReportsEveryProblemInOneLineEach(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	good := map[string]string{"SLUICE_PUMP_URL": "http://x"}
	tests := []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"all is well", nil, nil},
		{"what must be set is not", map[string]string{"SLUICE_PUMP_URL": ""}, []string{"SLUICE_PUMP_URL: not set"}},
		{"every kind of value is wrong at once, in the order of the struct", map[string]string{
			"SLUICE_PUMP_INTERVAL": "5", "SLUICE_PUMP_STROKES": "ten", "SLUICE_PUMP_VALVES": "-1", "SLUICE_PUMP_PRESSURE": "1,5",
			"SLUICE_PUMP_REVERSE": "yes", "SLUICE_PUMP_FLOORS": "1,x", "SLUICE_PUMP_LABELS": "a:http://b", "SLUICE_PUMP_MODE": "medium"},
			[]string{
				`SLUICE_PUMP_INTERVAL: "5" is not a duration; write a number and a unit, such as 500ms, 30s, 5m or 1h`,
				`SLUICE_PUMP_STROKES: "ten" is not a whole number of at most 64 bits`,
				`SLUICE_PUMP_VALVES: "-1" is not a whole number from 0 of at most 8 bits`,
				`SLUICE_PUMP_PRESSURE: "1,5" is not a number`,
				`SLUICE_PUMP_REVERSE: "yes" is not true or false`,
				`SLUICE_PUMP_FLOORS: "1,x" is not a list separated by commas, each element a whole number of at most 64 bits`,
				`SLUICE_PUMP_LABELS: "a:http://b" is not a list of name:value pairs separated by commas; neither may contain a colon or a comma`,
				`SLUICE_PUMP_MODE: "medium", want slow or fast`,
			}},
		{"a number that would be read as octal", map[string]string{"SLUICE_PUMP_STROKES": "010"},
			[]string{`SLUICE_PUMP_STROKES: "010" begins with a zero; write it without`}},
		{"parse errors and validation together", map[string]string{"SLUICE_PUMP_URL": "", "SLUICE_PUMP_VALVES": "x"},
			[]string{`SLUICE_PUMP_VALVES: "x" is not a whole number from 0 of at most 8 bits`, "SLUICE_PUMP_URL: not set"}},
		{"a value that is read and refused", map[string]string{"SLUICE_PUMP_INTERVAL": "-1s"},
			[]string{"SLUICE_PUMP_INTERVAL: -1s, want more than 0"}},
		{"sentences about more than one variable keep their grammar", map[string]string{
			"SLUICE_PUMP_API_KEY": "aaaa", "SLUICE_PUMP_TOKEN": "bbbb", "SLUICE_PUMP_STROKES": "2000"},
			[]string{"SLUICE_PUMP_API_KEY and TOKEN are both set; unset one",
				"SLUICE_PUMP_STROKES=2000 needs a longer INTERVAL than 1m0s, see SLUICE_PUMP_API_KEY"}},
		{"sentences about no variable get the section's name", map[string]string{"SLUICE_PUMP_PRESSURE": "200"},
			[]string{"SLUICE_PUMP: it would burst", "SLUICE_PUMP: and then leak"}},
		{"unknown names in alphabetical order, with the nearest known one", map[string]string{
			"SLUICE_PUMP_ULR": "canary", "SLUICE_PUMP_APIKEY_FILE": "canary", "SLUICE_WEL_DEPTH": "canary", "SLUICE_TRANSPORTS": "canary", "SLUICE_XYZZYPLUGHFOO": "canary"},
			[]string{
				"SLUICE_PUMP_APIKEY_FILE: there is no such variable; did you mean SLUICE_PUMP_API_KEY_FILE?",
				"SLUICE_PUMP_ULR: there is no such variable; did you mean SLUICE_PUMP_URL?",
				"SLUICE_TRANSPORTS: there is no such variable; did you mean SLUICE_TRANSPORT?",
				"SLUICE_WEL_DEPTH: there is no such variable; did you mean SLUICE_WELL_DEPTH?",
				"SLUICE_XYZZYPLUGHFOO: there is no such variable; `sluice env` lists all variables",
			}},
		{"known sections that are not used may be set, and wrong", map[string]string{"SLUICE_WELL_DEPTH": "deep", "SLUICE_WELL_TOKEN_FILE": missing}, nil},
		{"what Kubernetes and Docker set beside a service of our name is not ours", map[string]string{"SLUICE_SERVICE_HOST": "10.0.0.1",
			"SLUICE_SERVICE_PORT_ADMIN": "9090", "SLUICE_PORT": "tcp://10.0.0.1:9090", "SLUICE_PORT_9090_TCP_ADDR": "10.0.0.1"}, nil},
		{"a secret and its file", map[string]string{"SLUICE_PUMP_API_KEY": "canary", "SLUICE_PUMP_API_KEY_FILE": missing},
			[]string{"SLUICE_PUMP_API_KEY: set, and SLUICE_PUMP_API_KEY_FILE too; keep one of them"}},
		{"a secret in a file that is not there", map[string]string{"SLUICE_PUMP_API_KEY_FILE": missing},
			[]string{"SLUICE_PUMP_API_KEY: the file named by SLUICE_PUMP_API_KEY_FILE: open " + missing + ": no such file or directory"}},
		{"a careless Validate cannot show a secret", map[string]string{"SLUICE_PUMP_API_KEY": "can ary"},
			[]string{"SLUICE_PUMP_API_KEY: *** has a space in it"}},
		{"a long value is shown in part", map[string]string{"SLUICE_PUMP_REVERSE": strings.Repeat("y", 200)},
			[]string{fmt.Sprintf("SLUICE_PUMP_REVERSE: %q... is not true or false", strings.Repeat("y", 80))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, good)
			for key, value := range tt.env {
				t.Setenv(key, value)
			}
			_, used, known := sections()
			var got []string
			if err := config.Load(used, known); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadReadsEveryKind(t *testing.T) {
	setenv(t, map[string]string{
		"SLUICE_PUMP_URL": "http://x", "SLUICE_PUMP_INTERVAL": "5s", "SLUICE_PUMP_STROKES": "0x10", "SLUICE_PUMP_VALVES": "3", "SLUICE_PUMP_PRESSURE": "2",
		"SLUICE_PUMP_REVERSE": "true", "SLUICE_PUMP_PLACES": " a , b,,c ", "SLUICE_PUMP_FLOORS": "1,2", "SLUICE_PUMP_LABELS": "k:v", "SLUICE_PUMP_MODE": "fast",
		"SLUICE_PUMP_API_KEY": "canary",
	})
	p, used, known := sections()
	if err := config.Load(used, known); err != nil {
		t.Fatal(err)
	}
	want := pump{URL: "http://x", Interval: 5 * time.Second, Strokes: 16, Valves: 3, Pressure: 2, Reverse: true, Places: []string{"a", "b", "c"},
		Floors: []int{1, 2}, Labels: map[string]string{"k": "v"}, Mode: "fast"}
	if got := p.APIKey.Reveal(); got != "canary" {
		t.Errorf("secret = %q, want canary", got)
	}
	got := *p
	got.APIKey, got.Token = want.APIKey, want.Token
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b secretValue) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestEmptyCountsAsUnset(t *testing.T) {
	setenv(t, map[string]string{"SLUICE_PUMP_URL": "http://x", "SLUICE_PUMP_INTERVAL": "", "SLUICE_PUMP_VALVES": "", "SLUICE_PUMP_PLACES": "",
		"SLUICE_PUMP_MODE": "", "SLUICE_PUMP_API_KEY": "", "SLUICE_PUMP_API_KEY_FILE": "", "SLUICE_NO_SUCH_VARIABLE": ""})
	p, used, known := sections()
	if err := config.Load(used, known); err != nil {
		t.Fatal(err)
	}
	if p.Interval != time.Minute || p.Valves != 2 || p.Mode != "slow" || len(p.Places) != 2 || p.APIKey.IsSet() {
		t.Errorf("read %+v, want the defaults", *p)
	}
}

// canary is a secret; none of its halves may be printed either.
const canary = "c4n4ry-s3cr3t-8d1f"

func TestNoErrorShowsASecret(t *testing.T) {
	names := []string{"SLUICE_PUMP_API_KEY", "SLUICE_PUMP_TOKEN", "SLUICE_PUMP_API_KEI", "SLUICE_PUMP_TOKEN_FIEL", "SLUICE_WELL_TOKEN"}
	file := write(t, filepath.Join(t.TempDir(), "secret"), canary+" "+canary)
	rapid.Check(t, func(r *rapid.T) {
		setenv(t, nil)
		for _, name := range names {
			switch rapid.IntRange(0, 3).Draw(r, name) {
			case 0:
				os.Setenv(name, canary)
			case 1:
				os.Setenv(name, rapid.StringMatching(`[ -~]{0,9}`).Draw(r, "before")+canary+rapid.StringMatching(`[ -~]{0,9}`).Draw(r, "after"))
			case 2:
				os.Setenv(name+"_FILE", file)
			}
		}
		for _, name := range []string{"SLUICE_PUMP_INTERVAL", "SLUICE_PUMP_STROKES", "SLUICE_PUMP_MODE", "SLUICE_PUMP_LABELS", "SLUICE_PUMP_URL", "SLUICE_PUMP_PRESSURE"} {
			if value := rapid.StringMatching(`[0-9a-z:,.\- ]{0,8}`).Draw(r, name); value != "" {
				os.Setenv(name, value)
			}
		}
		defer setenv(t, nil)
		p, used, known := sections()
		err := config.Load(used, known)
		if text := fmt.Sprintf("%v %+v %#v", err, err, *p); strings.Contains(text, canary[:9]) || strings.Contains(text, canary[9:]) {
			r.Fatalf("a secret is in the text:\n%s", text)
		}
	})
}
