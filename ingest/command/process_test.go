package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

// patience bounds what has to happen soon; only a hang takes as long.
const patience = 30 * time.Second

// gone waits until there is no such process.
func gone(t *testing.T, pid int) {
	t.Helper()
	for start := time.Now(); syscall.Kill(pid, 0) == nil; runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// child reads the number that the program family has written.
func child(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestAnOrphanThatHoldsThePipeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	got, _ := read(t, open(t, config(self("family", file, "3600"))), "")
	want(t, "before the orphan", got, `{"id":0}`)
	gone(t, child(t, file))
	proof.Row{Area: "source", Fault: "a program leaves a child behind that holds its output open", Action: proof.None, Reason: "", Promises: "P9 P10"}.Report(t)
}

func TestCloseEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	cfg := config(self("family", file, "3600"))
	cfg.Batch = 1
	s := open(t, cfg)
	if _, err := s.Read(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, child(t, file))
}

func TestAProgramThatIsDeafToSIGTERMIsKilled(t *testing.T) {
	t.Parallel()
	cfg := config(self("deaf"))
	cfg.Batch = 1
	s := open(t, cfg)
	if _, err := s.Read(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	pid := s.run.proc.cmd.Process.Pid
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func TestACancelledReadStopsTheProgram(t *testing.T) {
	t.Parallel()
	s := open(t, config(self("say", object(0)+"\n", "hang")))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if b, err := s.Read(ctx, ""); err == nil || fault.Is(err, fault.Blocked) {
		t.Fatalf("%d items, %v; want the error of the context", len(b.Items), err)
	}
	select {
	case <-s.ending.done:
	case <-time.After(patience):
		t.Fatal("the program is still there")
	}
}

func TestRunsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		text   string
	}{
		{"silence", func(c *Config) { c.IdleTimeout = 300 * time.Millisecond }, "SLUICE_COMMAND_IDLE_TIMEOUT"},
		{"the run", func(c *Config) { c.Timeout = 300 * time.Millisecond }, "SLUICE_COMMAND_TIMEOUT"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(self("say", object(0)+"\n", "hang"))
			tc.change(&cfg)
			s := open(t, cfg)
			failure(t, s, "", fault.Transient, "timeout", tc.text)
			if s.run != nil {
				t.Error("the run goes on")
			}
			proof.Row{Area: "source", Fault: "a program hangs: " + tc.name + " takes too long", Action: proof.Retry, Reason: "timeout", Promises: "P10"}.Report(t)
		})
	}
}

func TestOutputOfAProgramThatDoesNotEndIsReturnedSoon(t *testing.T) {
	t.Parallel()
	cfg := config(self("say", object(0)+"\n"+object(1)+"\n", "hang"))
	cfg.Linger = 300 * time.Millisecond
	s := open(t, cfg)
	var got []string
	var c ingest.Cursor
	for len(got) < 2 { // one Read, or two on a machine that is very slow
		b, err := s.Read(t.Context(), c)
		if err != nil || b.CaughtUp || len(b.Items) == 0 {
			t.Fatalf("%d items, caught up %v, %v", len(b.Items), b.CaughtUp, err)
		}
		for _, item := range b.Items {
			got = append(got, string(item))
		}
		c = b.Next
	}
	want(t, "without an end", got, object(0), object(1))
}

func TestWhatCannotBeStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, mode os.FileMode, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	vanished := config(self("cat", "x"))
	vanished.Dir = folder
	inFolder := open(t, vanished)
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		s    *Source
		text string
	}{
		{"no such name", open(t, config(NewArgv("no-such-program-at-all"))), "install it"},
		{"no such file", open(t, config(NewArgv(filepath.Join(dir, "none")))), "there is no such program"},
		{"not executable", open(t, config(NewArgv(file("plain", 0o600, "#!/bin/sh\n")))), "may not be executed"},
		{"no program", open(t, config(NewArgv(file("text", 0o700, "hello\n")))), "no program for this machine"},
		{"no folder", inFolder, "SLUICE_COMMAND_DIR"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			failure(t, tc.s, "", fault.Blocked, "command_missing", tc.text)
		})
	}
}

// TestWhatAProgramGets looks from inside: a clean environment, no standard input, no descriptors, a group of its own.
func TestWhatAProgramGets(t *testing.T) {
	t.Setenv("TAP_TOKEN", "s3cret-value")
	t.Setenv("SLUICE_HTTP_TOKEN", "another")
	t.Setenv("LANG", "C.UTF-8")
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("SKIPPED: no /proc on this machine")
	}
	dir := t.TempDir()
	cfg := config(self("look"))
	cfg.Env, cfg.Dir = []string{"TAP_TOKEN"}, dir
	items, _ := read(t, open(t, cfg), "")
	var got struct {
		Dir, In string
		Env     []string
		Leader  bool
	}
	if err := json.Unmarshal([]byte(strings.Join(items, "")), &got); err != nil {
		t.Fatal(err)
	}
	if real, err := filepath.EvalSymlinks(dir); err != nil || got.Dir != real {
		t.Errorf("it runs in %s, want %s (%v)", got.Dir, real, err)
	}
	if got.In != "/dev/null" || !got.Leader {
		t.Errorf("standard input is %s, leader of a group: %v; want /dev/null and true", got.In, got.Leader)
	}
	for _, pair := range got.Env {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains([]string{"PATH", "HOME", "LANG", "TZ", "TAP_TOKEN", "PWD"}, name) { // PWD is set by exec to what Dir is
			t.Errorf("it has the variable %s", name)
		}
	}
	if !slices.Contains(got.Env, "TAP_TOKEN=s3cret-value") || !slices.Contains(got.Env, "LANG=C.UTF-8") {
		t.Errorf("its environment is %q, want TAP_TOKEN and LANG in it", got.Env)
	}
	cfg.Argv, cfg.Format = NewArgv("ls", "/proc/self/fd"), "lines"
	open, _ := read(t, open(t, cfg), "")
	want(t, "descriptors: the three, and that of ls", open, `{"line":"0"}`, `{"line":"1"}`, `{"line":"2"}`, `{"line":"3"}`)
}

func TestTheCursorFileIsPrivateAndGoesWithTheRun(t *testing.T) {
	t.Parallel()
	p, err := launch(config(self("say", "hang")), "a mark")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(p.folder, "cursor.json")
	text, err := os.ReadFile(name)
	info, err2 := os.Stat(name)
	if err != nil || err2 != nil || string(text) != "a mark" || info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds %q with mode %v (%v, %v), want the mark and 0600", text, info.Mode(), err, err2)
	}
	p.stop()
	p.finish()
	if _, err := os.Stat(p.folder); !os.IsNotExist(err) {
		t.Errorf("the folder of the file is still there: %v", err)
	}
}

// A heard keeps what was told of standard error.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) tell(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

func TestStandardErrorIsLoggedWithoutSecrets(t *testing.T) {
	t.Setenv("GITHUB_AUTH", "ghp_0123456789")
	var h heard
	cfg := config(self("say", "--api-key", "k3y-of-mine", "2>using ghp_0123456789 and k3y-of-mine\n\x1b[31mred\x1b[0m\n\n", "2>last words ghp_0123456789", "exit 4"))
	cfg.Argv.words[2], cfg.Env, cfg.Stderr = "say", []string{"GITHUB_AUTH"}, h.tell
	s := open(t, cfg)
	failure(t, s, "", fault.Transient, "command_failed", `exit code 4, saying "last words ***"`)
	want(t, "logged", h.lines, "using *** and ***", "[31mred[0m", "last words ***")
	if strings.Contains(fmt.Sprint(s.Fingerprint(), s.Stream()), "k3y") {
		t.Error("a secret stands in the fingerprint or the stream")
	}
}

func TestAFloodOfStandardErrorIsCounted(t *testing.T) {
	t.Parallel()
	const flood = 200_000
	var h heard
	cfg := config(self("flood", strconv.Itoa(flood)))
	cfg.MaxStderr, cfg.Stderr = 10, h.tell
	s := open(t, cfg)
	start := time.Now()
	got, _ := read(t, s, "")
	seconds := int(time.Since(start)/time.Second) + 2
	want(t, "behind the flood", got, `{"id":0}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, line := range h.lines {
		var more int
		if n, _ := fmt.Sscanf(line, "… and %d lines more", &more); n == 1 {
			told += more
			continue
		}
		told++
	}
	if told != flood || len(h.lines) > 11*seconds {
		t.Errorf("told of %d lines in %d, want all %d in at most %d", told, len(h.lines), flood, 11*seconds)
	}
}

func TestALineWithoutAnEndTakesNoMemory(t *testing.T) { // not parallel: it counts what is allocated
	const size = 1 << 30
	cfg := config(self("long", strconv.Itoa(size)))
	cfg.MaxRecordBytes = 1000
	s := open(t, cfg)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b, err := s.Read(t.Context(), "")
	runtime.ReadMemStats(&after)
	if err != nil || len(b.Items) != 3 || len(b.Items[1]) != 1000 || b.Bad[1] == nil {
		t.Fatalf("%d items, bad %v, %v; want three, the second one cut off at 1000 bytes and bad", len(b.Items), b.Bad, err)
	}
	want(t, "around it", []string{string(b.Items[0]), string(b.Items[2])}, `{"id":0}`, `{"id":1}`)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes were allocated to read a line of %d", took, size)
	}
	proof.Row{Area: "source", Fault: "a program prints a line of 1 GiB", Action: proof.Dead, Reason: "bad_item", Promises: "P8 P9"}.Report(t)
}

func TestALongSingerLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", minLine)
	for kind, wantBad := range map[string]bool{"RECORD": true, "SCHEMA": false, "STATE": false} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "out")
			text := fmt.Sprintf("{\"type\":%q,\"stream\":\"a\",\"value\":%q}\n", kind, long+long)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := config(self("cat", file))
			cfg.Format = "singer"
			s := open(t, cfg)
			if kind == "STATE" {
				failure(t, s, "", fault.Blocked, "bad_output", "SLUICE_COMMAND_MAX_RECORD_BYTES")
				return
			}
			b, err := s.Read(t.Context(), "")
			if err != nil || (len(b.Items) == 1 && b.Bad[0] != nil) != wantBad {
				t.Errorf("%d items, bad %v, %v; want a bad one: %v", len(b.Items), b.Bad, err, wantBad)
			}
		})
	}
}

func TestABatchHasAtMostSoManyBytes(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, 24, func(i int) string { return fmt.Sprintf(`{"id":%d,"x":%q}`, i, strings.Repeat("x", 1<<20-100)) })
	cfg := config(self("cat", o.file))
	cfg.Batch = 100
	b, err := open(t, cfg).Read(t.Context(), "")
	if err != nil || len(b.Items) < 8 || len(b.Items) > 10 {
		t.Errorf("%d items of a MiB, %v; want 8 MiB of them and one record", len(b.Items), err)
	}
}
