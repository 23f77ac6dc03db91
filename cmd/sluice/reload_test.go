package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sluice/examples/earthquakes"
	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/config"
	"sluice/internal/proof"
)

// A keyholder is a gateway that only asks for an API key, and more than one may be valid.
type keyholder struct {
	mu    sync.Mutex
	valid map[string]bool
	last  string
	count int
}

func (k *keyholder) hook(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if !strings.HasSuffix(r.URL.Path, "/records") {
		serve(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	k.mu.Lock()
	defer k.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if key := r.Header.Get("X-Api-Key"); k.valid[key] {
		k.last, k.count = key, k.count+1
		fmt.Fprint(w, `{"id":"1"}`)
		return
	}
	w.Header().Set("X-Amzn-Errortype", "ForbiddenException")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, `{"message":"Forbidden"}`)
}

func (k *keyholder) seen() (count int, last string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count, k.last
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSighupReadsARotatedKey(t *testing.T) {
	t.Parallel()
	const first, second = "first-key-0000000000000", "second-key-000000000000"
	w := startWorld(t, 10, awslocal.Options{})
	k := &keyholder{valid: map[string]bool{first: true, second: true}}
	w.beforeAWS(k.hook)
	file := filepath.Join(t.TempDir(), "api-key")
	write(t, file, first+"\n")
	p := start(t, with(daemonSettings(t, w), "SLUICE_TRANSPORT", "apigateway", "SLUICE_APIGATEWAY_API_KEY", "",
		"SLUICE_APIGATEWAY_API_KEY_FILE", file), "run")
	admin := p.admin(t)
	feedMore := func(n int) {
		t.Helper()
		before, _ := k.seen()
		if err := w.feed.Add(earthquakes.Records()[n]); err != nil {
			t.Fatal(err)
		}
		eventually(t, "one more record", func() bool { count, _ := k.seen(); return count == before+1 })
	}
	eventually(t, "the first records", func() bool { count, _ := k.seen(); return count == 10 })
	if _, last := k.seen(); last != first {
		t.Errorf("sent with the key %q, want %q", last, first)
	}

	write(t, file, second+"\n")
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "reloaded"); fmt.Sprint(line["secrets"]) != "[SLUICE_APIGATEWAY_API_KEY]" {
		t.Errorf("reloaded %v, want the name of the API key", line["secrets"])
	}
	feedMore(10)
	if _, last := k.seen(); last != second {
		t.Errorf("after SIGHUP sent with the key %q, want %q", last, second)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGHUP)
	p.log(t, "reload failed; everything stays as it was")
	feedMore(11)
	if _, last := k.seen(); last != second {
		t.Errorf("after a failed reload sent with the key %q, want %q", last, second)
	}
	_, metrics := get(t, admin+"/metrics")
	for _, line := range []string{`sluice_config_reloads_total{result="ok"} 1`, `sluice_config_reloads_total{result="failed"} 1`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics has no line %q", line)
		}
	}
	if text := p.said() + metrics; strings.Contains(text, first) || strings.Contains(text, second) {
		t.Error("the log or /metrics shows the key")
	}
	proof.Row{Area: "credentials", Fault: "file of a secret rotated, then missing, with SIGHUP each time", Action: proof.None, Promises: "P10 P13"}.Report(t)
}

// TestSighupHasWhatIsBlockedTriedAtOnce, for which it would otherwise wait up to a minute.
func TestSighupHasWhatIsBlockedTriedAtOnce(t *testing.T) {
	t.Parallel()
	const wrong, right = "wrong-key-0000000000000", "right-key-000000000000"
	w := startWorld(t, 10, awslocal.Options{})
	k := &keyholder{valid: map[string]bool{right: true}}
	w.beforeAWS(k.hook)
	file := filepath.Join(t.TempDir(), "api-key")
	write(t, file, wrong+"\n")
	p := start(t, with(daemonSettings(t, w), "SLUICE_TRANSPORT", "apigateway", "SLUICE_APIGATEWAY_API_KEY", "",
		"SLUICE_APIGATEWAY_API_KEY_FILE", file), "run")
	admin := p.admin(t)
	eventually(t, "a blocked destination", func() bool {
		code, _ := get(t, admin+"/readyz")
		return code == http.StatusServiceUnavailable
	})
	write(t, file, right+"\n")
	p.signal(t, syscall.SIGHUP)
	within(t, soon/2, "all records before the next probe", func() bool { count, _ := k.seen(); return count == 10 })
}

func TestSighupReadsTheSchemaAndTheEnvFile(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 10, awslocal.Options{})
	folder := t.TempDir()
	schema, env := filepath.Join(folder, "schema.json"), filepath.Join(folder, "more.env")
	write(t, schema, `{}`)
	write(t, env, "SLUICE_LOG_LEVEL=info\n")
	vars := with(daemonSettings(t, w), "SLUICE_SCHEMA_FILE", schema)
	p := start(t, vars, "--env-file", env, "run")
	admin := p.admin(t)
	want := func(what string, accepted, setAside int64) {
		t.Helper()
		eventually(t, what, func() bool {
			s := currentStatus(t, admin).Transport
			return s.Accepted == accepted && s.SetAside == setAside
		})
	}
	add := func(n int) {
		t.Helper()
		if err := w.feed.Add(earthquakes.Records()[n]); err != nil {
			t.Fatal(err)
		}
	}
	want("the first records", 10, 0)

	write(t, schema, `{"required": ["no-record-has-this"]}`)
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "reloaded"); fmt.Sprint(line["secrets"], line["changed"]) != "[] [schema]" {
		t.Errorf("reloaded %v and %v, want no secret and the schema", line["secrets"], line["changed"])
	}
	add(10)
	want("a record that the new schema refuses", 10, 1)

	write(t, schema, `{"type": `)
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "reload failed; everything stays as it was"); !strings.Contains(fmt.Sprint(line["error"]), "SLUICE_SCHEMA_FILE") {
		t.Errorf("logged %v, want the name of the variable", line)
	}
	add(11)
	want("the last good schema stays", 10, 2)

	write(t, schema, `{}`)
	write(t, env, "SLUICE_LOG_LEVEL=nonsense\n")
	p.signal(t, syscall.SIGHUP)
	p.log(t, "reload failed; everything stays as it was")
	add(12)
	want("a mistake elsewhere keeps the schema too", 10, 3)

	write(t, env, "SLUICE_LOG_LEVEL=warn\nSLUICE_HTTP_TIMEOUT=31s\n")
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "these settings have changed too and need a restart"); line["variables"] != "SLUICE_HTTP_TIMEOUT" {
		t.Errorf("logged %v, want the setting that a running daemon does not take over", line)
	}
	eventually(t, "the second reload that worked", func() bool {
		_, metrics := get(t, admin+"/metrics")
		return strings.Contains(metrics, `sluice_config_reloads_total{result="ok"} 2`)
	})
	add(13)
	want("a record that the last schema takes", 11, 3)
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if strings.Contains(p.said(), `"msg":"stopping"`) {
		t.Error("the log has a line of the level info after it was set to warn")
	}
	letters, err := os.ReadFile(ingest.DeadLetterPath(vars["SLUICE_STATE_DIR"]))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(letters), "\n"); n != 3 {
		t.Errorf("%d dead letters, want 3", n)
	}
}

// A named pipe in place of a file is not opened, which would hang: it is told, and keeps nothing up.
func TestANamedPipeHoldsNoReloadUp(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 10, awslocal.Options{})
	env := filepath.Join(t.TempDir(), "more.env")
	write(t, env, "SLUICE_LOG_LEVEL=info\n")
	p := start(t, daemonSettings(t, w), "--env-file", env, "run")
	admin := p.admin(t)
	accepted := func(n int64) func() bool {
		return func() bool { return currentStatus(t, admin).Transport.Accepted == n }
	}
	eventually(t, "the first records", accepted(10))
	if err := errors.Join(os.Remove(env), syscall.Mkfifo(env, 0o600)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGHUP)
	eventually(t, "a word on the pipe", func() bool { return strings.Contains(p.said(), "named pipe") })
	if err := w.feed.Add(earthquakes.Records()[10]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one more record", accepted(11))
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// A reload that fails leaves the variables of the AWS SDK as they were too, those of all files.
func TestAFailedReloadLeavesTheEnvironment(t *testing.T) {
	const name = "AWS_TEST_OF_A_FAILED_RELOAD"
	t.Setenv(name, "") // restores it in the end
	t.Setenv("SLUICE_INFLIGHT", "")
	var files []*config.EnvFile
	folder := t.TempDir()
	for i, text := range []string{name + "=old\n", "SLUICE_INFLIGHT=2\n"} {
		_, _ = os.Unsetenv(name), os.Unsetenv("SLUICE_INFLIGHT")
		path := filepath.Join(folder, fmt.Sprint(i))
		write(t, path, text)
		file, err := config.LoadEnvFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	t.Setenv(name, "old")
	write(t, filepath.Join(folder, "0"), name+"=new\n")
	for _, broken := range []string{"SLUICE_INFLIGHT=nonsense\n", "broken"} {
		write(t, filepath.Join(folder, "1"), broken)
		if _, err := new(daemon).reload(new(slog.LevelVar), files); err == nil {
			t.Fatalf("a reload of %q succeeded", broken)
		}
		if got := os.Getenv(name); got != "old" {
			t.Errorf("after a failed reload of %q the variable is %q, want old", broken, got)
		}
	}
}
