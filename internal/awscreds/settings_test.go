package awscreds

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"bundle missing":   {map[string]string{"AWS_CA_BUNDLE": "/nope"}, []string{`AWS_CA_BUNDLE is "/nope"`, "no such file", "unset it"}},
		"bundle is no PEM": {map[string]string{"AWS_CA_BUNDLE": file("ca.pem", "hello")}, []string{"AWS_CA_BUNDLE is", "no PEM certificate", "unset it"}},
		"profile missing":  {map[string]string{"AWS_PROFILE": "nope"}, []string{`AWS_PROFILE is "nope"`, "AWS_CONFIG_FILE", "unset it"}},
		"profile of a profile": {map[string]string{"AWS_PROFILE": "a", "AWS_CONFIG_FILE": file("config", "[profile a]\nrole_arn = "+testRole+"\nsource_profile = b\n")},
			[]string{"AWS_PROFILE"}},
		"anything else": {map[string]string{"AWS_MAX_ATTEMPTS": "many"}, []string{"AWS_MAX_ATTEMPTS", "correct the AWS_* variables"}},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			a, err := Load(t.Context(), Config{})
			if err == nil {
				a.Close()
			}
			wantText(t, err, tc.want...)
		})
	}
}
