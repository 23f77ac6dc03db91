package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/secret"
)

func TestLogIsJSONWhereNobodyWatches(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, format := range []string{"auto", "json", ""} {
		NewLogger(file, slog.LevelInfo, format).Info("hello", "n", 1)
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3:\n%s", len(lines), data)
	}
	for _, line := range lines {
		var got struct {
			Msg string
			N   int
		}
		if err := json.Unmarshal(line, &got); err != nil || got.Msg != "hello" || got.N != 1 {
			t.Errorf("line %s: %v, want JSON with msg and n", line, err)
		}
	}
}

func TestTextCannotTakeOverATerminal(t *testing.T) {
	const evil = "a\x1b]0;owned\x07b\r\nc\u009b31m\u202ed\xffe"
	log := func(l *slog.Logger) {
		l.Info(evil, "s", evil, "err", errors.New(evil), "v", []string{evil}, "token", secret.New("canary"))
	}
	var plain bytes.Buffer
	log(NewLogger(&plain, slog.LevelInfo, "text"))
	var coloured bytes.Buffer
	log(slog.New(textHandler(&coloured, slog.LevelInfo, true)))
	if strings.Contains(plain.String(), "\x1b") {
		t.Errorf("text for no terminal has colours: %q", plain.String())
	}
	if !strings.Contains(coloured.String(), "\x1b[") {
		t.Errorf("text for a terminal has no colours: %q", coloured.String())
	}
	for _, out := range []string{plain.String(), coloured.String()} {
		for _, bad := range []string{"\x1b]", "\x07", "\r", "\u009b", "\u202e", "\xff", "canary"} {
			if strings.Contains(out, bad) {
				t.Errorf("%q is in %q", bad, out)
			}
		}
		if n := strings.Count(out, "\n"); n != 1 {
			t.Errorf("%d lines, want 1: %q", n, out)
		}
		if n := strings.Count(out, "owned"); n != 4 {
			t.Errorf("the harmless part of the text is there %d times, want 4: %q", n, out)
		}
	}
}

func TestLevelCanBeChangedWhileRunning(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		var level slog.LevelVar
		log := NewLogger(&out, &level, format)
		log.Debug("one")
		level.Set(slog.LevelDebug)
		log.Debug("two")
		level.Set(slog.LevelError)
		log.Warn("three")
		if got := out.String(); strings.Contains(got, "one") || !strings.Contains(got, "two") || strings.Contains(got, "three") {
			t.Errorf("%s: logged %q, want two only", format, got)
		}
	}
}

func TestSanitize(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		most     int
		want     string
	}{
		{"harmless", "queue \"x\" not found; ünïcode ✓", 100, "queue \"x\" not found; ünïcode ✓"},
		{"line breaks become one space", "a\r\n\tb", 100, "a b"},
		{"at both ends they go", "\n a\n", 100, " a"},
		{"escape sequences", "a\x1b[31mb\u009b0m", 100, "a [31mb 0m"},
		{"direction changes", "a\u202eb\u2066c", 100, "a b c"},
		{"not UTF-8", "a\xffb", 100, "a\ufffdb"},
		{"as long as allowed", "abcde", 5, "abcde"},
		{"one too long", "abcdef", 5, "ab..."},
		{"never through a character", "aééé", 6, "aé..."},
		{"no room for dots", "abcdef", 2, ".."},
		{"empty", "", 5, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Sanitize(tt.in, tt.most); got != tt.want {
				t.Errorf("Sanitize(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
			}
		})
	}
}
