package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
	"sluice/internal/secret"
)

type secretValue = secret.Value

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name, content, want string
		mode                os.FileMode
		problem             string // part of the error
	}{
		{name: "one newline is cut off", content: "canary\n", want: "canary"},
		{name: "one Windows newline is cut off", content: "canary\r\n", want: "canary"},
		{name: "only one newline is cut off", content: "canary\n\n", want: "canary\n"},
		{name: "spaces belong to the secret", content: " canary ", want: " canary "},
		{name: "empty", content: "", problem: " is empty"},
		{name: "nothing but a newline", content: "\n", problem: " is empty"},
		{name: "far too long", content: strings.Repeat("x", 70_000), problem: " has more than 65536 bytes"},
		{name: "open to everybody's hand", content: "canary", mode: 0o606, problem: "chmod o-w it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "-")), tt.content)
			if tt.mode != 0 {
				if err := os.Chmod(path, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			setenv(t, map[string]string{"SLUICE_WELL_TOKEN_FILE": path})
			w := new(well)
			err := config.Load([]config.Section{{Prefix: "SLUICE_WELL", Into: w}}, nil)
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("Load = %v, want nil", err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("Load = %v, want an error that names %s and says %q", err, path, tt.problem)
			case w.Token.Reveal() != tt.want:
				t.Errorf("secret = %q, want %q", w.Token.Reveal(), tt.want)
			}
		})
	}
}

func TestReloadReplacesAllSecretsOrNone(t *testing.T) {
	dir := t.TempDir()
	key, lid := write(t, filepath.Join(dir, "key"), "key-1\n"), write(t, filepath.Join(dir, "lid"), "lid-1\n")
	setenv(t, map[string]string{"SLUICE_PUMP_URL": "http://x", "SLUICE_PUMP_API_KEY_FILE": key, "SLUICE_WELL_TOKEN_FILE": lid})
	p, used, known := sections()
	w := known[1].Into.(*well)
	used = append(used, known[1])
	if err := config.Load(used, known); err != nil {
		t.Fatal(err)
	}
	inUse := *p // a driver has its own copy of the struct
	reload := func(want []string, problem string) {
		t.Helper()
		changed, err := config.ReloadSecrets(used)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("ReloadSecrets = %v, want an error with %q", err, problem)
		}
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}
	}
	reveals := func(wantKey, wantLid string) {
		t.Helper()
		if got := inUse.APIKey.Reveal(); got != wantKey {
			t.Errorf("the copy in use reveals %q, want %q", got, wantKey)
		}
		if got := w.Token.Reveal(); got != wantLid {
			t.Errorf("the other secret is %q, want %q", got, wantLid)
		}
	}

	reload(nil, "")
	reveals("key-1", "lid-1")

	write(t, key, "key-2")
	reload([]string{"SLUICE_PUMP_API_KEY"}, "")
	reveals("key-2", "lid-1")

	write(t, key, "key-3")
	write(t, lid, "")
	reload(nil, lid+" is empty")
	reveals("key-2", "lid-1")

	write(t, key, "key 3") // readable, but the struct would not be valid
	write(t, lid, "lid-3")
	reload(nil, "SLUICE_PUMP_API_KEY: *** has a space in it")
	reveals("key-2", "lid-1")

	write(t, key, "key-3")
	reload([]string{"SLUICE_PUMP_API_KEY", "SLUICE_WELL_TOKEN"}, "")
	reveals("key-3", "lid-3")
}

func TestReloadFillsASecretThatWasUnset(t *testing.T) {
	setenv(t, nil)
	w := new(well)
	used := []config.Section{{Prefix: "SLUICE_WELL", Into: w}}
	if err := config.Load(used, nil); err != nil {
		t.Fatal(err)
	}
	inUse := *w
	t.Setenv("SLUICE_WELL_TOKEN_FILE", write(t, filepath.Join(t.TempDir(), "lid"), "late"))
	if _, err := config.ReloadSecrets(used); err != nil {
		t.Fatal(err)
	}
	if got := inUse.Token.Reveal(); got != "late" {
		t.Errorf("the copy in use reveals %q, want late", got)
	}
}

func TestASecretCanBeReadAgainFromItsFile(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "token"), "old\n")
	setenv(t, map[string]string{"SLUICE_WELL_TOKEN_FILE": path})
	w := new(well)
	if err := config.Load([]config.Section{{Prefix: "SLUICE_WELL", Into: w}}, nil); err != nil {
		t.Fatal(err)
	}
	write(t, path, "new\n")
	if changed := w.Token.Refresh(func(string) bool { return true }); !changed || w.Token.Reveal() != "new" {
		t.Errorf("Refresh = %v and the secret %q, want the new one", changed, w.Token.Reveal())
	}
}

func TestASecretIsKeptInItsFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "token"), "first\n")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("token", link); err != nil {
		t.Fatal(err)
	}
	setenv(t, map[string]string{"SLUICE_WELL_TOKEN_FILE": link})
	w := new(well)
	used := []config.Section{{Prefix: "SLUICE_WELL", Into: w}}
	if err := config.Load(used, nil); err != nil {
		t.Fatal(err)
	}
	held := w.Token
	if err := held.Store("second"); err != nil || w.Token.Reveal() != "second" {
		t.Fatalf("Store = %v, secret %q; want nil and the second", err, w.Token.Reveal())
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "second\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %q, %v, mode %v; want the second secret, for its owner alone", data, err, info.Mode().Perm())
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v; want it to be one still", info, err)
	}
	if changed, err := config.ReloadSecrets(used); err != nil || len(changed) > 0 || w.Token.Reveal() != "second" {
		t.Errorf("ReloadSecrets = %v, %v, secret %q; want no change", changed, err, w.Token.Reveal())
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := held.Store("third"); err == nil || w.Token.Reveal() != "second" || strings.Contains(err.Error(), "third") {
		t.Errorf("Store without a folder = %v, secret %q; want an error without the secret, and no change", err, w.Token.Reveal())
	}
}

func TestASecretOfAVariableCannotBeKept(t *testing.T) {
	setenv(t, map[string]string{"SLUICE_WELL_TOKEN": "first"})
	w := new(well)
	if err := config.Load([]config.Section{{Prefix: "SLUICE_WELL", Into: w}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Token.Store("second"); err == nil || w.Token.Storable() || w.Token.Reveal() != "first" {
		t.Errorf("Store = %v, Storable %v, secret %q; want a refusal and no change", err, w.Token.Storable(), w.Token.Reveal())
	}
}
