package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/config"
)

func TestEnvFile(t *testing.T) {
	tests := []struct {
		name, content, want string // want: the value of T_A, or the error after the path
	}{
		{"bare", "T_A=value", "value"},
		{"bare with = and quotes in it", `T_A=a=b"c'`, `a=b"c'`},
		{"spaces around name and value", "  T_A =  v w  \t\n", "v w"},
		{"export", "export T_A=v", "v"},
		{"a variable called export", "export=1\nT_A=v", "v"},
		{"Windows line ends and a byte order mark", "\ufeffT_A=v\r\nT_B=w\r\n", "v"},
		{"comments and empty lines", "# T_A=x\n\n   # more\nT_A=v", "v"},
		{"comment behind a value", "T_A=v # not this", "v"},
		{"a # without a space is part of the value", "T_A=v#1", "v#1"},
		{"a URL with a fragment and a query", "T_A=http://x/?a=b&c=d#e", "http://x/?a=b&c=d#e"},
		{"nothing", "T_A=", ""},
		{"nothing but a comment", "T_A= # later", ""},
		{"single quotes keep everything", `T_A='a # b \n "c" $d'`, `a # b \n "c" $d`},
		{"double quotes", `T_A="a # b 'c' \"d\" \\ \$e $f"`, `a # b 'c' "d" \ $e $f`},
		{"escapes", `T_A="a\nb\rc\td"`, "a\nb\rc\td"},
		{"comment behind quotes", `T_A="v" # not this`, "v"},
		{"several lines", "T_A='one\n# two\nthree'\nT_B=x", "one\n# two\nthree"},
		{"empty quotes", `T_A=""`, ""},
		{"the later line wins", "T_A=1\nT_A=2", "2"},
		{"no expansion", "T_A=$HOME/`x`", "$HOME/`x`"},

		{"no =", "T_B=1\n\nhunter2", ":3: there is no = in it; want NAME=VALUE"},
		{"no name", "=hunter2", ":1: what stands before the = is not the name"},
		{"a name with a dash", "T-A=hunter2", ":1: what stands before the = is not the name"},
		{"a name that begins with a digit", "1A=hunter2", ":1: what stands before the = is not the name"},
		{"an open quote names the line where it opens", "T_B=1\nT_A=\"hunter2\n\n", ":2: the quote that opens the value of T_A is never closed"},
		{"an open single quote", "T_A='hunter2", ":1: the quote that opens the value of T_A is never closed"},
		{"text behind a quote", "T_A='a\nb' hunter2", ":2: there is text after the closing quote of T_A, which begins in line 1"},
		{"an unknown escape", "T_A=\"\n\\hunter2\"", ":2: in the value of T_A a backslash stands before"},
		{"a backslash at the end", `T_A="\`, ":1: in the value of T_A a backslash stands before"},
		{"not UTF-8", "T_A=\xff", ": this is not text in UTF-8"},
		{"a zero byte", "T_A=a\x00b", ": there is a zero byte in it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"T_A", "T_B", "export"} {
				t.Setenv(name, "")
				os.Unsetenv(name)
			}
			path := write(t, filepath.Join(t.TempDir(), ".env"), tt.content)
			_, err := config.LoadEnvFile(path)
			if wantErr := strings.HasPrefix(tt.want, ":"); wantErr {
				if err == nil || !strings.HasPrefix(err.Error(), path+tt.want) {
					t.Errorf("error = %v, want %s%s", err, path, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error shows a value: %v", err)
				}
				if _, set := os.LookupEnv("T_B"); set {
					t.Error("a variable was set in spite of the error")
				}
				return
			}
			if got, set := os.LookupEnv("T_A"); err != nil || !set || got != tt.want {
				t.Errorf("T_A = %q, %v (error %v), want %q", got, set, err, tt.want)
			}
		})
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	t.Setenv("T_A", "environment")
	t.Setenv("T_B", "")
	t.Setenv("T_C", "")
	os.Unsetenv("T_C")
	path := write(t, filepath.Join(t.TempDir(), ".env"), "T_A=file\nT_B=file\nT_C=file")
	e, err := config.LoadEnvFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, want string) {
		t.Helper()
		if got := os.Getenv(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	check("T_A", "environment")
	check("T_B", "")
	check("T_C", "file")

	os.Unsetenv("T_B") // as Load does with empty variables
	write(t, path, "T_A=new\nT_B=new\nT_C=new")
	if _, err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	check("T_A", "environment")
	check("T_B", "")
	check("T_C", "new")

	write(t, path, "T_C=newest\nbroken")
	if _, err := e.Reload(); err == nil {
		t.Error("Reload of a broken file succeeded")
	}
	check("T_C", "new")

	write(t, path, "T_A=x")
	if _, err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, set := os.LookupEnv("T_C"); set {
		t.Error("T_C is still set after it has gone from the file")
	}
}

func TestEnvFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	if _, err := config.LoadEnvFile(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing file: %v, want no such file", err)
	}
	if _, err := config.LoadEnvFile(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v, want is a folder", err)
	}
	path := write(t, filepath.Join(dir, "open"), "T_A=1")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadEnvFile(path); err == nil || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("a file that everybody can change: %v, want chmod o-w", err)
	}
}

func TestUndoOfAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	for _, name := range []string{"SLUICE_TEST_A", "SLUICE_TEST_B", "SLUICE_TEST_C"} {
		t.Setenv(name, "") // restores it in the end
		_ = os.Unsetenv(name)
	}
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("SLUICE_TEST_A=1\nSLUICE_TEST_B=1\n")
	e, err := config.LoadEnvFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := func(when string, values ...string) {
		t.Helper()
		for i, name := range []string{"SLUICE_TEST_A", "SLUICE_TEST_B", "SLUICE_TEST_C"} {
			if got, set := os.LookupEnv(name); got != values[i] || set != (values[i] != "") {
				t.Errorf("%s %s is %q (set: %v), want %q", when, name, got, set, values[i])
			}
		}
	}
	put("SLUICE_TEST_A=2\nSLUICE_TEST_C=2\n")
	for range 2 {
		undo, err := e.Reload()
		if err != nil {
			t.Fatal(err)
		}
		want("after Reload", "2", "", "2")
		undo()
		want("after Undo", "1", "1", "")
	}
}
