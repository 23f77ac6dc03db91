package main

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// onSend calls act once, before the nth request that delivers records is answered.
func onSend(n int64, act func()) hook {
	var seen atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if isSend(r) && seen.Add(1) == n {
			act()
		}
		serve(w, r)
	}
}

// epoch reads the epoch of the checkpoint.
func epoch(t *testing.T, vars map[string]string) uint64 {
	t.Helper()
	saved, err := ingest.ReadCheckpoint(ingest.CheckpointPath(vars["SLUICE_STATE_DIR"]))
	if err != nil {
		t.Fatal(err)
	}
	return saved.Epoch
}

// wantNothingLost counts what has arrived into the proof.
func wantNothingLost(t *testing.T, w *world, bound int) {
	t.Helper()
	a := w.wantWhole(t)
	if a.Duplicates > bound {
		t.Errorf("%d duplicates, want at most %d", a.Duplicates, bound)
	}
	proof.Count(t, proof.Obligations, a.Sent)
	proof.Count(t, proof.Lost, a.Lost)
	proof.Count(t, proof.Altered, a.Altered+a.Ghosts)
	proof.Count(t, proof.Duplicates, a.Duplicates)
	proof.Count(t, proof.DuplicateBound, bound)
}

// A second daemon on the same folder waits until the first has drained, or for as long as it was told.
func TestSecondDaemonWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 400, awslocal.Options{})
	vars := daemonSettings(t, w)
	g := newGate()
	w.beforeAWS(g.hook)
	first := start(t, vars, "run")
	receive(t, "a request of the first", g.held)
	second := start(t, vars, "run")
	if line := second.log(t, "waiting for another process to give the checkpoint free"); line["reason"] != "checkpoint_locked" {
		t.Errorf("logged %v, want the reason checkpoint_locked", line)
	}
	third := start(t, with(vars, "SLUICE_LOCK_WAIT", "50ms"), "run")
	if code := third.wait(t, soon); code != exitHeld || !strings.Contains(third.said(), "another process holds the checkpoint") {
		t.Errorf("the third, which waits less: exit code %d, want %d and who holds the checkpoint", code, exitHeld)
	}
	third.log(t, "ended")
	first.signal(t, syscall.SIGTERM)
	first.log(t, "stopping")
	close(g.open)
	if code := first.wait(t, soon); code != 0 {
		t.Errorf("the first: exit code %d, want 0", code)
	}
	second.admin(t)
	second.signal(t, syscall.SIGTERM)
	if code := second.wait(t, soon); code != 0 {
		t.Errorf("the second: exit code %d, want 0", code)
	}
	deliverRest(t, vars)
	wantNothingLost(t, w, 0)
	proof.Row{Area: "process", Fault: "a second daemon on the same state folder", Action: proof.Exit, Reason: "checkpoint_locked", Promises: "P5 P15"}.Report(t)
}

// TestStoppedDaemonLosesItsCheckpoint: the first daemon is stopped in the middle of a request, its lock is lost, a second
// one delivers everything; continued, the first must not save.
func TestStoppedDaemonLosesItsCheckpoint(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 400, awslocal.Options{})
	vars := daemonSettings(t, w)
	var first atomic.Pointer[process]
	stopped := make(chan struct{})
	w.beforeAWS(onSend(15, func() {
		eventually(t, "the first is known", func() bool { return first.Load() != nil })
		_ = first.Load().cmd.Process.Signal(syscall.SIGSTOP)
		close(stopped)
	}))
	first.Store(start(t, vars, "run"))
	receive(t, "the first is stopped", stopped)
	w.awsHook.Store(nil)
	if err := os.Remove(filepath.Join(vars["SLUICE_STATE_DIR"], "lock")); err != nil {
		t.Fatal(err)
	}
	second := start(t, vars, "run")
	admin := second.admin(t)
	eventually(t, "the second has saved the end", func() bool {
		s := currentStatus(t, admin)
		return s.Checkpoint.Saves > 0 && s.Checkpoint.Unsettled == 0 && s.Source.Reads > 12 // of which 10 have records at most
	})
	before := epoch(t, vars)
	first.Load().signal(t, syscall.SIGCONT)
	if code := first.Load().wait(t, soon); code != exitHeld {
		t.Errorf("the first: exit code %d, want %d", code, exitHeld)
	}
	if line := first.Load().log(t, "ended"); line["reason"] != "checkpoint_taken" {
		t.Errorf("the first logged %v, want the reason checkpoint_taken", line)
	}
	if after := epoch(t, vars); after != before {
		t.Errorf("the checkpoint is of epoch %d, want that of the second, %d", after, before)
	}
	second.signal(t, syscall.SIGTERM)
	if code := second.wait(t, soon); code != 0 {
		t.Errorf("the second: exit code %d, want 0", code)
	}
	deliverRest(t, vars)
	wantNothingLost(t, w, 2*allowed)
	proof.Fault(t, "SIGSTOP", 1)
	proof.Row{Area: "process", Fault: "stopped while another daemon takes the checkpoint over", Action: proof.Exit, Reason: "checkpoint_taken", Promises: "P5 P15"}.Report(t)
}

// allowed is how many records are in flight at most with the settings of a daemon in these tests.
const allowed = 4 * 40

func TestStoppedAndContinuedDaemonGoesOn(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 400, awslocal.Options{})
	vars := daemonSettings(t, w)
	var p atomic.Pointer[process]
	stopped := make(chan struct{})
	w.beforeAWS(onSend(15, func() {
		eventually(t, "the daemon is known", func() bool { return p.Load() != nil })
		_ = p.Load().cmd.Process.Signal(syscall.SIGSTOP)
		close(stopped)
	}))
	p.Store(start(t, vars, "run"))
	receive(t, "the daemon is stopped", stopped)
	before := 0
	if saved, err := ingest.ReadCheckpoint(ingest.CheckpointPath(vars["SLUICE_STATE_DIR"])); err == nil {
		before = int(saved.Seq)
	}
	p.Load().signal(t, syscall.SIGCONT)
	admin := p.Load().admin(t)
	eventually(t, "everything accepted", func() bool { return accepted(t, admin) == len(w.want) })
	p.Load().signal(t, syscall.SIGTERM)
	if code := p.Load().wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if saved, err := ingest.ReadCheckpoint(ingest.CheckpointPath(vars["SLUICE_STATE_DIR"])); err != nil || int(saved.Seq) <= before || saved.Epoch != 1 {
		t.Errorf("the checkpoint is %+v, %v, want it further than seq %d, and of the same epoch", saved, err, before)
	}
	deliverRest(t, vars)
	wantNothingLost(t, w, 0)
	proof.Fault(t, "SIGSTOP", 1)
	proof.Row{Area: "process", Fault: "stopped and continued (SIGSTOP, SIGCONT)", Action: proof.None, Promises: "P5 P10 P15"}.Report(t)
}

// newerVersion is the checkpoint as a later program may write it.
func newerVersion(good []byte) []byte {
	line, _, _ := bytes.Cut(bytes.Replace(good, []byte(`"version":2`), []byte(`"version":9`), 1), []byte("\n"))
	line = append(line, '\n')
	return fmt.Appendf(line, "crc32c %08x\n", crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli)))
}

// A checkpoint that cannot be used ends the daemon with a code and a reason; it is never ready, nothing is sent, and the
// files stay as they were.
func TestUnusableCheckpointEndsTheDaemon(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fault, reason string
		spoil               func(good []byte) []byte
		vars                []string
		code                int
	}{
		{"damaged", "both generations of the checkpoint damaged", "checkpoint_damaged", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, nil, exitDamaged},
		{"empty", "checkpoint empty, and no other there", "checkpoint_damaged", func([]byte) []byte { return nil }, nil, exitDamaged},
		{"cut", "checkpoint cut, and no other there", "checkpoint_damaged", func(b []byte) []byte { return b[:len(b)/2] }, nil, exitDamaged},
		{"zeros", "checkpoint full of zeros after a loss of power", "checkpoint_damaged", func(b []byte) []byte { return make([]byte, len(b)) }, nil, exitDamaged},
		{"foreign", "a file that is no checkpoint in its place", "checkpoint_damaged", func([]byte) []byte { return []byte("{\"cursor\":\"x\"}\n") }, nil, exitDamaged},
		{"newer", "checkpoint of a newer version", "checkpoint_newer", newerVersion, nil, exitDamaged},
		{"of another source", "checkpoint of another source", "checkpoint_foreign", func(b []byte) []byte { return b }, []string{"SLUICE_HTTP_OFFSET_START", "2"}, exitConfig},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 40, awslocal.Options{})
			vars := daemonSettings(t, w)
			deliverRest(t, vars)
			path := ingest.CheckpointPath(vars["SLUICE_STATE_DIR"])
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			spoiled := c.spoil(good)
			for _, name := range []string{path, ingest.PreviousPath(path)} {
				if err := os.WriteFile(name, spoiled, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var sent atomic.Int64
			w.beforeAWS(func(rw http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				if isSend(r) {
					sent.Add(1)
				}
				serve(rw, r)
			})
			p := start(t, with(vars, c.vars...), "run")
			if code := p.wait(t, soon); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if line := p.log(t, "ended"); line["reason"] != c.reason {
				t.Errorf("logged %v, want the reason %s", line, c.reason)
			}
			if strings.Contains(p.said(), "the source answers") || sent.Load() > 0 {
				t.Errorf("it has read, or sent (%d requests), and was ready; want neither:\n%s", sent.Load(), p.said())
			}
			for _, name := range []string{path, ingest.PreviousPath(path)} {
				if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, spoiled) {
					t.Errorf("%s is %q, %v, want it as it was", name, now, err)
				}
			}
			proof.Row{Area: "disk", Fault: c.fault, Action: proof.Exit, Reason: c.reason, Promises: "P3 P12"}.Report(t)
		})
	}
}
