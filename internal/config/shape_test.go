package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
)

func TestHeadersOfRecords(t *testing.T) {
	t.Parallel()
	type h = config.Header
	for text, want := range map[string][]h{
		"":                                nil,
		" ":                               nil,
		"Type=kind":                       {{"Type", "kind"}},
		"Type=kind, Site=site.id":         {{"Type", "kind"}, {"Site", "site.id"}},
		"Type=kind\r\n  Site=site.id":     {{"Type", "kind"}, {"Site", "site.id"}},
		`A=jq:[.a, .b] | join(","),B=b`:   {{"A", `jq:[.a, .b] | join(",")`}, {"B", "b"}},
		`A=jq:.a == 1,B=list.#(x=="y").z`: {{"A", "jq:.a == 1"}, {"B", `list.#(x=="y").z`}},
		"A=jq:.a, b == 1":                 {{"A", "jq:.a, b == 1"}},
		"A_b-1=a":                         {{"A_b-1", "a"}},
	} {
		got, err := config.Core{RecordHeaders: text}.Headers()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for text, want := range map[string]string{
		"kind":                                "want Name=path",
		"=kind":                               "want Name=path",
		"Bad Name=kind":                       "want Name=path",
		"kind,Type=x":                         "want Name=path",
		"Type=":                               `"Type" has no path`,
		"Type=a..b":                           "without an empty step",
		"Type=jq:":                            "want a program of jq behind it",
		"Type=a,type=b":                       `"type" comes twice`,
		"AWS.x=a":                             "want Name=path",
		"AWSx=a":                              "keeps for itself",
		"x-amz=a":                             "keeps for itself",
		"Sluice-Id=a":                         "keeps for itself",
		"Nats-Msg-Id=a":                       "keeps for itself",
		"bcc=a":                               "keeps for itself",
		strings.Repeat("N", 65) + "=a":        "longer than 64",
		"A=a,B=a,C=a,D=a,E=a,F=a,G=a,H=a,I=a": "has 9 headers, want at most 8",
	} {
		if got, err := (config.Core{RecordHeaders: text}).Headers(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want a complaint with %q", text, got, err, want)
		}
	}
}

func TestProgramsComeFromTheSettingOrItsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	filter, shape, err := config.Core{Filter: ".a", MapFile: at("map.jq", "# a map\n.b\n")}.Programs()
	if err != nil || filter != ".a" || shape != "# a map\n.b\n" {
		t.Errorf("got %q, %q, %v; want the text and the file", filter, shape, err)
	}
	for _, c := range []config.Core{{MapFile: at("empty.jq", "\n ")}, {FilterFile: filepath.Join(dir, "none")}, {FilterFile: dir}, {MapFile: at("huge.jq", strings.Repeat(" ", 1<<20)+".")}} {
		if filter, shape, err := c.Programs(); err == nil {
			t.Errorf("%+v: got %.20q and %.20q, want an error", c, filter, shape)
		}
	}
}
