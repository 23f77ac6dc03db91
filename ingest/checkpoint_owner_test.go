package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
)

// usurp takes the lock away from whoever holds it, as somebody does who removes the file.
func usurp(t testing.TB, disk *crashfs.FS) {
	t.Helper()
	if err := disk.Remove(stateDir + "/lock"); err != nil {
		t.Fatal(err)
	}
}

func TestWhoLosesTheLockCannotSave(t *testing.T) {
	t.Parallel()
	for name, current := range map[string][]byte{"a checkpoint is there": newer, "none is there": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := put(t, current, nil)
			first, _, _, err := load(t, disk)
			if err != nil {
				t.Fatal(err)
			}
			usurp(t, disk)
			second, _, _, err := load(t, disk)
			if err != nil {
				t.Fatal(err)
			}
			if current == nil { // nothing there to claim: who saves first has it
				if err := second.Save(t.Context(), "of the second"); err != nil {
					t.Fatal(err)
				}
			}
			before := files(t, disk)["checkpoint"]
			for range 2 {
				err := first.Save(t.Context(), "of the first")
				if !errors.Is(err, ingest.ErrCheckpointTaken) || fault.From(err).Code() != "checkpoint_taken" {
					t.Errorf("Save of the first = %v, want it refused: the second has the checkpoint", err)
				}
			}
			if after := files(t, disk); after["checkpoint"] != before || len(after) > 2 {
				t.Errorf("the folder is %q, want nothing of the first in it", after)
			}
			if err := second.Save(t.Context(), "of the second again"); err != nil {
				t.Errorf("Save of the second = %v", err)
			}
		})
	}
}

// An epoch that cannot be written because the disk is full is claimed by the first Save, unless another process did so.
func TestClaimOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{false, true} {
		disk := put(t, newer, nil)
		full := func(op crashfs.Op, _ string) error {
			if op == crashfs.Write {
				return syscall.ENOSPC
			}
			return nil
		}
		disk.Fail(full)
		first, cursor, _, err := load(t, disk)
		if err != nil || cursor != "new" {
			t.Fatalf("Load = %q, %v, want the cursor", cursor, err)
		}
		if err := first.Save(t.Context(), "x"); fault.From(err).Code() != "checkpoint_unwritable" {
			t.Errorf("Save on a full disk = %v, want checkpoint_unwritable", err)
		}
		disk.Fail(nil)
		if taken {
			usurp(t, disk)
			if _, _, _, err := load(t, disk); err != nil {
				t.Fatal(err)
			}
		}
		if err := first.Save(t.Context(), "y"); errors.Is(err, ingest.ErrCheckpointTaken) != taken || !taken && err != nil {
			t.Errorf("Save with room (taken over meanwhile: %v) = %v", taken, err)
		}
	}
}

// A turnstile is a file system as one of two processes sees it: before each operation it waits for its turn.
type turnstile struct {
	*crashfs.FS
	at, pass chan struct{}
}

func (s turnstile) wait() { s.at <- struct{}{}; <-s.pass }

func (s turnstile) Open(path string, flag int, mode os.FileMode) (atomicfile.File, error) {
	s.wait()
	return s.FS.Open(path, flag, mode)
}

func (s turnstile) Rename(from, to string) error { s.wait(); return s.FS.Rename(from, to) }
func (s turnstile) Remove(path string) error     { s.wait(); return s.FS.Remove(path) }

// A writer is a process that loads and then saves, without a lock that would keep the other one off.
type writer struct {
	turnstile
	loaded  bool
	refused bool
	done    chan struct{}
}

func startWriter(t *testing.T, disk *crashfs.FS, name string) *writer {
	w := &writer{turnstile: turnstile{disk, make(chan struct{}), make(chan struct{})}, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		c, err := ingest.OpenCheckpointOn(t.Context(), w, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
		if err == nil {
			_, err = c.Load(t.Context())
			w.loaded = err == nil
		}
		for i := 0; err == nil && i < 4; i++ {
			err = c.Save(t.Context(), ingest.Cursor(fmt.Sprint(name, " ", i)))
		}
		w.refused = errors.Is(err, ingest.ErrCheckpointTaken)
	}()
	return w
}

// step lets w do one operation, and reports whether it goes on.
func (w *writer) step() bool {
	w.pass <- struct{}{}
	return w.arrive()
}

func (w *writer) arrive() bool {
	select {
	case <-w.at:
		return true
	case <-w.done:
		return false
	}
}

// Two processes without a lock, stopped and continued before any operation: once the second has loaded, nothing of the
// first is ever in place of the checkpoint again, and the checkpoint never goes back.
func TestTwoWritersWithoutALock(t *testing.T) {
	t.Parallel()
	refused := 0
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		disk := put(t, newer, older)
		first := startWriter(t, disk, "first")
		going := first.arrive()
		for left := 1 + rnd.IntN(24); going && left > 0; { // it has loaded, and is somewhere in its saves
			if going = first.step(); first.loaded {
				left--
			}
		}
		usurp(t, disk)
		second := startWriter(t, disk, "second")
		both := []*writer{first, second}
		if !going {
			both = both[1:]
		}
		second.arrive()
		epoch, seq := uint64(0), uint64(0)
		for len(both) > 0 {
			i := rnd.IntN(len(both))
			for range 1 + rnd.IntN(12) {
				if !both[i].step() {
					both = slices.Delete(both, i, i+1)
					break
				}
				now, err := ingest.ReadCheckpointOn(disk, ingest.CheckpointPath(stateDir))
				switch {
				case err != nil:
					t.Errorf("seed %d: %v", seed, err)
				case second.loaded && (now.Epoch < epoch || now.Epoch == epoch && now.Seq < seq):
					t.Errorf("seed %d: the checkpoint went back from epoch %d, seq %d to %d, %d", seed, epoch, seq, now.Epoch, now.Seq)
				}
				if second.loaded && err == nil {
					epoch, seq = now.Epoch, now.Seq
				}
			}
		}
		if second.refused {
			t.Errorf("seed %d: the second was refused, and it came last", seed)
		}
		if first.refused {
			refused++
		}
	}
	t.Logf("%d of 2000 were refused", refused)
	if refused < 100 {
		t.Errorf("only %d of 2000 were refused", refused)
	}
}

// A hanging Transport never answers where a certain record is among those that it is to send.
type hanging struct {
	transport.Transport
	at string
}

func (h hanging) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	for _, r := range recs {
		if string(r.Body) == h.at {
			<-ctx.Done()
			results := make([]transport.Result, len(recs))
			for i := range results {
				results[i].Err = context.Cause(ctx)
			}
			return results
		}
	}
	return h.Transport.Send(ctx, recs)
}

// The daemon whose disk another one writes to ends, at once, whatever is in flight.
func TestRunEndsWhenTheCheckpointIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := put(t, nil, nil)
		first, _, _, _ := load(t, disk)
		usurp(t, disk)
		second, _, _, _ := load(t, disk)
		p, _, _ := pipeline(&sliceSource{items: numbered(100), page: 10}, hanging{&memory.Transport{}, `{"n":55}`})
		p.Checkpoint = first
		if err := second.Save(t.Context(), "30"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := p.Run(t.Context()); !errors.Is(err, ingest.ErrCheckpointTaken) {
			t.Errorf("Run = %v, want it to end because the checkpoint is taken", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Run went on for %v after its checkpoint was taken", took)
		}
	})
}

func TestNewDaemonWaitsForTheOldOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		wait, holds time.Duration
		want        error
	}{
		{"the old one ends in time", time.Minute, 20 * time.Second, nil},
		{"it does not", 10 * time.Second, time.Hour, ingest.ErrCheckpointLocked},
		{"no wait", 0, time.Hour, ingest.ErrCheckpointLocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				disk := put(t, nil, nil)
				old, _, _, _ := load(t, disk)
				timer := time.AfterFunc(c.holds, func() { _ = old.Close() })
				defer timer.Stop()
				waits, start := 0, time.Now()
				fresh, err := ingest.OpenCheckpointOn(t.Context(), disk, ingest.CheckpointOptions{Dir: stateDir, Wait: c.wait, Waiting: func() { waits++ }})
				took := time.Since(start)
				if !errors.Is(err, c.want) || err != nil && fault.From(err).Code() != "checkpoint_locked" {
					t.Fatalf("OpenCheckpoint = %v, want %v", err, c.want)
				}
				if least := min(c.wait, c.holds); took < least || took > least+time.Second {
					t.Errorf("it took %v, want %v", took, least)
				}
				if want := min(1, int(c.wait)); waits != want {
					t.Errorf("told %d times that it waits, want %d", waits, want)
				}
				if fresh != nil {
					_ = fresh.Close()
				}
			})
		})
	}
}

// A folder that could not be kept after a loss of power is of no use to what is saved in it.
func TestNewStateFolderIsDurable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		disk := crashfs.New(seed)
		c, err := ingest.OpenCheckpointOn(t.Context(), disk, ingest.CheckpointOptions{Dir: "/a/b/c", Fingerprint: "fp"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Save(t.Context(), "kept"); err != nil {
			t.Fatal(err)
		}
		disk.Restart()
		if got, err := ingest.ReadCheckpointOn(disk, ingest.CheckpointPath("/a/b/c")); err != nil || got.Cursor != "kept" {
			t.Errorf("seed %d: after a crash the checkpoint is %+v, %v", seed, got, err)
		}
	}
}

func TestStateFolderIsItsOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "state")
	c := openCheckpoint(t, dir, "fp")
	if err := c.Save(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Dir(dir): 0o700, filepath.Join(dir, "lock"): 0o600, ingest.CheckpointPath(dir): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", path, info, err, want)
		}
	}
}
