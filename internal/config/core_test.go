package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
)

func loadCore(t *testing.T, env map[string]string) (*config.Core, []string) {
	t.Helper()
	setenv(t, nil)
	for key, value := range env {
		t.Setenv(key, value)
	}
	c := new(config.Core)
	err := config.Load([]config.Section{{Prefix: "SLUICE", Into: c}}, nil)
	if err == nil {
		return c, nil
	}
	return c, strings.Split(err.Error(), "\n")
}

func TestCoreValidation(t *testing.T) {
	dir := t.TempDir()
	plainFile := write(t, filepath.Join(dir, "file"), "{}")
	const pathLine = "want a gjson path"
	tests := []struct {
		variable, value string
		want            string // part of the line; empty: all is well
	}{
		{"SLUICE_SOURCE", "htp", `SLUICE_SOURCE: "htp", want http`},
		{"SLUICE_TRANSPORT", "sns", `SLUICE_TRANSPORT: "sns", want sqs, apigateway, jetstream, rabbitmq or memory`},
		{"SLUICE_TRANSPORT", "apigateway", ""},
		{"SLUICE_STREAM", "a\nb", "without control characters"},
		{"SLUICE_RECORD_ID", "properties.id", ""},
		{"SLUICE_RECORD_ID", `fav\.movie`, ""},
		{"SLUICE_RECORD_ID", `a.#(b=="x)").c`, ""},
		{"SLUICE_RECORD_ID", "@this", ""},
		{"SLUICE_RECORD_ID", "$.id", "no $ at its beginning"},
		{"SLUICE_RECORD_ID", "a..b", "without an empty step"},
		{"SLUICE_RECORD_ID", ".a", "without an empty step"},
		{"SLUICE_RECORD_ID", "a.", "without an empty step"},
		{"SLUICE_RECORD_ID", " id", "without spaces around it"},
		{"SLUICE_RECORD_KEY", `a.#(b=="x"`, pathLine},
		{"SLUICE_RECORD_KEY", `a.#(b=="x)`, pathLine},
		{"SLUICE_RECORD_KEY", `[a)`, pathLine},
		{"SLUICE_RECORD_KEY", `a)`, pathLine},
		{"SLUICE_RECORD_KEY", `a\`, pathLine},
		{"SLUICE_RECORD_KEY", "@type", `no modifier @type; write \@`},
		{"SLUICE_RECORD_KEY", `\@type`, ""},
		{"SLUICE_ORDER", "none", ""},
		{"SLUICE_ORDER", "keys", `SLUICE_ORDER: "keys", want none or key`},
		{"SLUICE_ORDER", "key", "but SLUICE_RECORD_KEY is not set"},
		{"SLUICE_SCHEMA_FILE", plainFile, ""},
		{"SLUICE_SCHEMA_FILE", dir, "which is a folder"},
		{"SLUICE_SCHEMA_FILE", dir + "/none", "no such file"},
		{"SLUICE_STATE_DIR", dir, ""},
		{"SLUICE_STATE_DIR", dir + "/later", ""},
		{"SLUICE_STATE_DIR", plainFile, "which is a file"},
		{"SLUICE_STATE_DIR", plainFile + "/x", "not a directory"},
		{"SLUICE_ADMIN_ADDR", "off", ""},
		{"SLUICE_ADMIN_ADDR", "[::1]:0", ""},
		{"SLUICE_ADMIN_ADDR", ":9090", "which other machines can reach; set SLUICE_ADMIN_TOKEN"},
		{"SLUICE_ADMIN_ADDR", "10.1.2.3:9090", "which other machines can reach"},
		{"SLUICE_ADMIN_TOKEN", "c4n4ry-of-16-chars", ""},
		{"SLUICE_ADMIN_TOKEN", "c4n4ry", "has 6 characters, want at least 16"},
		{"SLUICE_ADMIN_TOKEN", "c4n4ry with spaces in it", "has a character"},
		{"SLUICE_ADMIN_ADDR", "9090", "want host:port"},
		{"SLUICE_ADMIN_ADDR", "127.0.0.1:70000", "want host:port"},
		{"SLUICE_ADMIN_ADDR", "127.0.0.1:http", "want host:port"},
		{"SLUICE_INFLIGHT", "0", "SLUICE_INFLIGHT: 0, want 1 to 1000"},
		{"SLUICE_CONCURRENCY", "10001", "SLUICE_CONCURRENCY: 10001, want 1 to 10000"},
		{"SLUICE_RATE_LIMIT", "0.5", ""},
		{"SLUICE_RATE_LIMIT", "-1", "SLUICE_RATE_LIMIT: -1, want"},
		{"SLUICE_RATE_LIMIT", "NaN", "SLUICE_RATE_LIMIT: NaN, want"},
		{"SLUICE_RATE_LIMIT", "Inf", "SLUICE_RATE_LIMIT: +Inf, want"},
		{"SLUICE_SHUTDOWN_TIMEOUT", "0s", ""},
		{"SLUICE_SHUTDOWN_TIMEOUT", "2h", "SLUICE_SHUTDOWN_TIMEOUT: 2h0m0s, want 0s to 1h"},
		{"SLUICE_DEADLETTER_MAX_PERCENT", "100", ""},
		{"SLUICE_DEADLETTER_MAX_PERCENT", "0", "SLUICE_DEADLETTER_MAX_PERCENT: 0, want more than 0"},
		{"SLUICE_DEADLETTER_MAX_PERCENT", "NaN", "SLUICE_DEADLETTER_MAX_PERCENT: NaN, want more than 0"},
		{"SLUICE_REQUIRE_HEALTHY", "true", ""},
		{"SLUICE_LOG_LEVEL", "trace", "want debug, info, warn or error"},
		{"SLUICE_LOG_FORMAT", "xml", "want auto, json or text"},
	}
	for _, tt := range tests {
		t.Run(tt.variable+"="+strings.ReplaceAll(tt.value, dir, "DIR"), func(t *testing.T) {
			_, lines := loadCore(t, map[string]string{tt.variable: tt.value})
			switch {
			case tt.want == "" && len(lines) > 0:
				t.Errorf("lines = %q, want none", lines)
			case tt.want != "" && (len(lines) != 1 || !strings.HasPrefix(lines[0], tt.variable+": ") || !strings.Contains(lines[0], tt.want)):
				t.Errorf("lines = %q, want one that begins with %s and says %q", lines, tt.variable, tt.want)
			}
		})
	}
}

func TestAnOrderByKeyNeedsNothingButAKey(t *testing.T) {
	c, lines := loadCore(t, map[string]string{"SLUICE_ORDER": "key", "SLUICE_RECORD_KEY": "account"})
	if c.Order != config.OrderKey || len(lines) > 0 {
		t.Errorf("Order = %q (%q), want key", c.Order, lines)
	}
}

func TestStateDirOfSystemdUnit(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"neither", nil, "sluice-state"},
		{"systemd only", map[string]string{"STATE_DIRECTORY": "/var/lib/sluice"}, "/var/lib/sluice"},
		{"the first of many", map[string]string{"STATE_DIRECTORY": "/var/lib/sluice:/var/lib/other"}, "/var/lib/sluice"},
		{"our own variable wins", map[string]string{"STATE_DIRECTORY": "/var/lib/sluice", "SLUICE_STATE_DIR": "/data"}, "/data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, lines := loadCore(t, tt.env)
			if c.StateDir != tt.want || len(lines) > 0 {
				t.Errorf("StateDir = %q (%q), want %q", c.StateDir, lines, tt.want)
			}
		})
	}
}

func TestAdminPortOpenToOtherMachinesIsWarnedOf(t *testing.T) {
	for addr, want := range map[string]int{"127.0.0.1:9090": 0, "[::1]:9090": 0, "localhost:1": 0, "off": 0, ":9090": 1, "0.0.0.0:9090": 1, "10.1.2.3:9090": 1, "[::]:1": 1} {
		got := config.Core{AdminAddr: addr}.Warnings()
		if len(got) != want {
			t.Errorf("%s: warnings %q, want %d", addr, got, want)
		}
	}
}

func TestCoreDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	c, lines := loadCore(t, nil)
	if len(lines) > 0 {
		t.Fatalf("the defaults are not valid: %q", lines)
	}
	want := &config.Core{Source: "http", Transport: "sqs", StateDir: "sluice-state", AdminAddr: "127.0.0.1:9090", Order: "none", Inflight: 4, Concurrency: 16,
		MapTimeout: 1e9, ShutdownTimeout: 25e9, LockWait: 60e9, DeadletterMaxBytes: 1 << 30, DeadletterMaxPercent: 5, LogLevel: "info", LogFormat: "auto"}
	if diff := cmp.Diff(want, c, cmp.Comparer(func(a, b secretValue) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestAFolderThatEverybodyCanWriteToIsRefused(t *testing.T) {
	dir := t.TempDir()
	for mode, refused := range map[os.FileMode]bool{0o700: false, 0o770: false, 0o777: true, 0o702: true, 0o777 | os.ModeSticky: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, lines := loadCore(t, map[string]string{"SLUICE_STATE_DIR": dir})
		if got := len(lines) > 0 && strings.Contains(strings.Join(lines, " "), "chmod o-w it"); got != refused {
			t.Errorf("mode %v: %q, want refused %v", mode, lines, refused)
		}
	}
}
