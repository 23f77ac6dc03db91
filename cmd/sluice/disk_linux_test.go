package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// A breakage is a way in which the disk under a state folder stops taking what is written.
type breakage struct {
	name, fault string
	prepare     func(t *testing.T, dir string) // before the daemon starts
	begin, end  func(t *testing.T, dir string, p *process)
}

// breakages are those that this machine allows. Mounts need root.
func breakages() []breakage {
	nothing := func(*testing.T, string) {}
	return []breakage{
		{"full", "disk of the state folder becomes full (64 KiB)",
			func(t *testing.T, dir string) { mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700") },
			func(t *testing.T, dir string, _ *process) { fill(t, filepath.Join(dir, "filler")) },
			func(t *testing.T, dir string, _ *process) { try(t, os.Remove(filepath.Join(dir, "filler"))) }},
		{"read-only", "state folder of a daemon that runs becomes read-only", nothing,
			func(t *testing.T, dir string, _ *process) {
				mount(t, dir, dir, "", syscall.MS_BIND, "")
				try(t, unlessBusy(func() error {
					return syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
				}))
			},
			func(t *testing.T, dir string, _ *process) {
				try(t, unlessBusy(func() error { return syscall.Unmount(dir, 0) }))
			}},
		{"limited", "daemon over its limit for the size of files (RLIMIT_FSIZE)", nothing,
			func(t *testing.T, _ string, p *process) { p.limited(t, unix.RLIMIT_FSIZE, 0) },
			func(t *testing.T, _ string, p *process) { p.limited(t, unix.RLIMIT_FSIZE, unix.RLIM_INFINITY) }},
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// unlessBusy calls change again for as long as the daemon has a file open there, which is for the time of a save.
func unlessBusy(change func() error) (err error) {
	for begin := time.Now(); time.Since(begin) < 5*time.Second; runtime.Gosched() {
		if err = change(); !errors.Is(err, syscall.EBUSY) {
			return err
		}
	}
	return err
}

// mount mounts, or skips the test where that is not allowed, and takes it away at the end.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("SKIPPED: mount %s on %s: %v; this needs root", kind, target, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// TestDiskBreaks breaks the disk under a daemon that delivers: it delivers at most what is in flight and stops reading,
// the old checkpoint stands, it says what is wrong, and goes on once the disk is well.
func TestDiskBreaks(t *testing.T) {
	t.Parallel()
	for _, b := range breakages() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 400, awslocal.Options{})
			vars := daemonSettings(t, w)
			dir := vars["SLUICE_STATE_DIR"]
			try(t, os.Mkdir(dir, 0o700))
			b.prepare(t, dir)
			ranks := cursorRanks(t, vars)
			breakNow, broken := make(chan struct{}), make(chan struct{})
			w.beforeAWS(onSend(15, func() { close(breakNow); <-broken }))
			p := start(t, vars, "run")
			receive(t, "the moment to break the disk", breakNow)
			goOn := sync.OnceFunc(func() { close(broken) })
			t.Cleanup(goOn)
			b.begin(t, dir, p)
			goOn()
			admin := p.admin(t)
			if line := p.log(t, "checkpoint cannot be saved"); line["reason"] != "checkpoint_unwritable" {
				t.Errorf("logged %v, want the reason checkpoint_unwritable", line)
			}
			before, _ := os.ReadFile(ingest.CheckpointPath(dir))
			settled := 40 * (savedRank(t, dir, ranks) + 1)
			eventually(t, "what is in flight is delivered", func() bool { return accepted(t, admin) == settled+allowed })
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "checkpoint", "checkpoint_unwritable") {
				t.Errorf("/readyz: %d %+v, want 503 because of checkpoint_unwritable", status, r)
			}
			if s := currentStatus(t, admin); int(s.Source.Records) > settled+allowed+40 || int(s.Transport.Accepted) > settled+allowed {
				t.Errorf("%d read and %d delivered with %d saved, want at most %d in flight and a page that waits", s.Source.Records, s.Transport.Accepted, settled, allowed)
			}
			if after, _ := os.ReadFile(ingest.CheckpointPath(dir)); !bytes.Equal(before, after) {
				t.Errorf("the checkpoint is %q, want the old one: %q", after, before)
			}
			b.end(t, dir, p)
			p.log(t, "checkpoint saved again")
			eventually(t, "everything accepted", func() bool { return accepted(t, admin) == len(w.want) })
			if status, r := readiness(t, admin); status != http.StatusOK {
				t.Errorf("/readyz: %d %+v, want 200", status, r)
			}
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			deliverRest(t, vars)
			wantNothingLost(t, w, 0)
			proof.Fault(t, "disk: "+b.name, 1)
			proof.Row{Area: "disk", Fault: b.fault, Action: proof.Pause, Reason: "checkpoint_unwritable", Promises: "P3 P5 P10 P12"}.Report(t)
		})
	}
}

// A record that cannot be set aside holds the lane: nothing is dropped, and no cursor moves past it.
func TestDeadLettersThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 120, awslocal.Options{})
	schema := filepath.Join(t.TempDir(), "schema.json")
	// The first page has a record of this magnitude.
	try(t, os.WriteFile(schema, []byte(`{"properties": {"properties": {"properties": {"mag": {"not": {"enum": [1.35]}}}}}}`), 0o600))
	vars := with(daemonSettings(t, w), "SLUICE_SCHEMA_FILE", schema)
	path := ingest.DeadLetterPath(vars["SLUICE_STATE_DIR"])
	try(t, os.MkdirAll(path, 0o700)) // a folder in its place
	p := start(t, vars, "run")
	admin := p.admin(t)
	if line := p.log(t, "dead letters cannot be written"); line["reason"] != "deadletter_unwritable" {
		t.Errorf("logged %v, want the reason deadletter_unwritable", line)
	}
	eventually(t, "all others are delivered", func() bool { return accepted(t, admin) >= 80 })
	if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "deadletter", "deadletter_unwritable") {
		t.Errorf("/readyz: %d %+v, want 503 because of deadletter_unwritable", status, r)
	}
	try(t, os.Remove(path))
	p.log(t, "dead letters written again")
	eventually(t, "everything accepted", func() bool { return accepted(t, admin) == len(w.want)-1 })
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	aside := 0
	try(t, ingest.ReadDeadLetters(vars["SLUICE_STATE_DIR"], func(ingest.Letter) error { aside++; return nil }))
	if a, err := w.audit(""); err != nil || a.Lost != 1 || a.Duplicates > 0 || aside != 1 {
		t.Errorf("%+v, %v, %d set aside; want all but one delivered once, and that one set aside", a, err, aside)
	}
	proof.Count(t, proof.DeadLetters, aside)
	proof.Row{Area: "disk", Fault: "the file of dead letters cannot be opened", Action: proof.Pause, Reason: "deadletter_unwritable", Promises: "P1 P10 P12"}.Report(t)
}
