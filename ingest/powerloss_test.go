package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"sluice/ingest"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/proof"
)

// A keeper is a daemon as its disk sees it: it saves cursors and sets items aside. The oracle beside it knows what was
// promised, and looks at what is left after each crash.
type keeper struct {
	t    rapid.TB
	disk *crashfs.FS
	rnd  *rand.Rand

	checkpoint *ingest.FileCheckpoint
	letters    *ingest.FileDeadLetter

	tried, saved int            // the last cursor that Save was called with, and the last with which it returned nil
	epoch, seq   uint64         // the highest that was durable
	aside        map[string]int // items: 1 Put was called, 2 and returned nil
	running      bool
	items        int
	obligations  int
	dead         int
	faults       map[string]int
}

const stateDir = "/var/state"

func newKeeper(t rapid.TB, seed uint64) *keeper {
	return &keeper{t: t, disk: crashfs.New(seed), rnd: rand.New(rand.NewPCG(seed, 5)), aside: map[string]int{}, faults: map[string]int{}}
}

// begin is the start of a process, unless the machine is off.
func (k *keeper) begin() {
	if k.checkpoint != nil {
		_ = k.checkpoint.Close()
	}
	k.letters = ingest.OpenDeadLetterOn(k.disk, stateDir)
	k.letters.RotateBytes = 300
	var err error
	k.checkpoint, err = ingest.OpenCheckpointOn(context.Background(), k.disk, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
	if err == nil {
		_, err = k.checkpoint.Load(context.Background())
	}
	k.running = err == nil
}

// act does what one letter says, unless no process runs.
func (k *keeper) act(what byte) {
	if !k.running {
		return
	}
	switch what {
	case 's':
		k.tried++
		if err := k.checkpoint.Save(context.Background(), cursorOf(k.tried)); err == nil {
			k.saved = k.tried
			k.obligations++
			k.note()
		}
	case 'p':
		k.items++
		item := fmt.Sprintf("%d ", k.items) + strings.Repeat("x\x00\n", k.rnd.IntN(30))
		k.aside[item] = 1
		if err := k.letters.Put(context.Background(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err == nil {
			k.aside[item] = 2
			k.obligations++
			k.dead++
		}
	case 'r': // the process ends and another one begins
		k.begin()
	}
}

// note remembers what is durable now.
func (k *keeper) note() {
	k.t.Helper()
	now, err := ingest.ReadCheckpointOn(k.disk, ingest.CheckpointPath(stateDir))
	if errors.Is(err, crashfs.ErrCrashed) {
		return
	}
	if err != nil {
		k.t.Fatalf("the checkpoint cannot be read: %v", err)
	}
	if now.Epoch < k.epoch || now.Epoch == k.epoch && now.Seq < k.seq {
		k.t.Fatalf("P3: the checkpoint went back from epoch %d, seq %d to %d, %d", k.epoch, k.seq, now.Epoch, now.Seq)
	}
	k.epoch, k.seq = now.Epoch, now.Seq
}

// recover switches the machine on again and compares what is left with what was promised.
func (k *keeper) recover() {
	k.t.Helper()
	k.disk.Fail(nil)
	k.disk.Restart()
	found, err := ingest.ReadCheckpointOn(k.disk, ingest.CheckpointPath(stateDir))
	switch {
	case err == nil:
		k.note()
	case !errors.Is(err, fs.ErrNotExist) || k.saved > 0:
		k.t.Fatalf("P3: after a crash the checkpoint is gone or not whole, and %q was saved: %v", cursorOf(k.saved), err)
	}
	at := 0
	if found.Cursor != "" {
		if _, err := fmt.Sscanf(string(found.Cursor), "cursor %d", &at); err != nil || found.Cursor != cursorOf(at) {
			k.t.Fatalf("P3: the cursor %q was never written", found.Cursor)
		}
	}
	if at < k.saved || at > k.tried {
		k.t.Fatalf("P3: after a crash the cursor is number %d, want one from %d (Save returned nil) to %d (tried)", at, k.saved, k.tried)
	}
	k.saved, k.tried = at, at
	k.recoverLetters()
	if k.begin(); !k.running {
		k.t.Fatal("the daemon does not start after a crash")
	}
	names, err := k.disk.Names(stateDir)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, ".checkpoint.tmp-") {
			k.t.Errorf("%s is left after the start", name)
		}
	}
}

func (k *keeper) recoverLetters() {
	k.t.Helper()
	there := map[string]int{}
	err := ingest.OpenDeadLetterOn(k.disk, stateDir).Read(func(l ingest.Letter) error {
		raw, err := l.Raw()
		there[string(raw)]++
		return err
	})
	if err != nil {
		k.t.Fatalf("the dead letters cannot be read after a crash: %v", err)
	}
	for item, how := range k.aside {
		if how == 2 && there[item] == 0 {
			k.t.Fatalf("P1: the dead letter %.20q is lost, and Put had returned nil", item)
		}
	}
	for item, n := range there {
		if k.aside[item] == 0 || n > 1 {
			k.t.Fatalf("P2: the dead letter %.20q is there %d times, and %d was put", item, n, k.aside[item])
		}
	}
	for item := range k.aside {
		if there[item] == 0 {
			delete(k.aside, item) // never promised, and not there: it must stay away
		}
	}
}

func cursorOf(n int) ingest.Cursor {
	if n == 0 {
		return ""
	}
	return ingest.Cursor(fmt.Sprintf("cursor %d %s", n, strings.Repeat("long ", n%7)))
}

// TestPowerLoss takes the power away at every single step of random saves, dead letters and restarts, three times in a
// row, on a disk that loses and tears whatever was not synced.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	var crashes, obligations, dead atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		actions := rapid.StringOfN(rapid.RuneFrom([]rune("sssppr")), 1, 12, -1).Draw(rt, "actions")
		seed := rapid.Uint64().Draw(rt, "seed")
		for step, over := 0, false; !over; step++ {
			k := newKeeper(rt, seed+uint64(step))
			k.disk.CrashAfter(step)
			for life := range 3 {
				before := k.disk.Steps()
				k.begin()
				for _, what := range []byte(actions) {
					k.act(what)
				}
				over = over || life == 0 && k.disk.Steps()-before < step
				k.recover()
				crashes.Add(1)
				k.disk.CrashAfter(k.rnd.IntN(40))
			}
			obligations.Add(int64(k.obligations))
			dead.Add(int64(k.dead))
		}
	})
	if dead.Load() == 0 || obligations.Load() < 1000 || crashes.Load() < 1000 {
		t.Errorf("%d crashes, %d promises, %d dead letters: too few to show anything", crashes.Load(), obligations.Load(), dead.Load())
	}
	t.Logf("%d crashes, %d promises, %d dead letters", crashes.Load(), obligations.Load(), dead.Load())
	proof.Count(t, proof.Crashes, int(crashes.Load()))
	proof.Count(t, proof.Obligations, int(obligations.Load()))
	proof.Count(t, proof.DeadLetters, int(dead.Load()))
	proof.Count(t, proof.Lost, 0)
	proof.Fault(t, "power_loss", int(crashes.Load()))
	proof.Row{Area: "disk", Fault: "power lost at any step of a save or of setting aside", Action: proof.None, Promises: "P1 P2 P3"}.Report(t)
}

// TestDiskThatFailsAndLosesPower adds errors of all kinds to TestPowerLoss.
func TestDiskThatFailsAndLosesPower(t *testing.T) {
	t.Parallel()
	var crashes, obligations atomic.Int64
	kinds := map[syscall.Errno]*atomic.Int64{syscall.ENOSPC: {}, syscall.EIO: {}, syscall.EROFS: {}, syscall.EFBIG: {}}
	var fsyncs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		actions := rapid.StringOfN(rapid.RuneFrom([]rune("sssppp")), 4, 30, -1).Draw(rt, "actions")
		seed := rapid.Uint64().Draw(rt, "seed")
		odds := rapid.IntRange(2, 20).Draw(rt, "one step fails in")
		for round := range uint64(10) {
			k := newKeeper(rt, seed+round)
			for range 5 {
				k.disk.CrashAfter(k.rnd.IntN(200))
				k.begin()
				k.disk.Fail(func(op crashfs.Op, _ string) error {
					if op == crashfs.Open || k.rnd.IntN(odds) > 0 {
						return nil
					}
					errno := []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EFBIG}[k.rnd.IntN(4)]
					kinds[errno].Add(1)
					if op == crashfs.Sync || op == crashfs.SyncDir {
						fsyncs.Add(1)
					}
					return errno
				})
				for _, what := range []byte(actions) {
					k.act(what)
				}
				k.recover()
				crashes.Add(1)
			}
			obligations.Add(int64(k.obligations))
		}
	})
	for errno, n := range kinds {
		if n.Load() == 0 {
			t.Errorf("%v never happened", errno)
		}
		proof.Fault(t, "disk:_"+errno.Error(), int(n.Load()))
	}
	proof.Count(t, proof.Crashes, int(crashes.Load()))
	proof.Count(t, proof.Obligations, int(obligations.Load()))
	proof.Count(t, proof.Lost, 0)
	proof.Fault(t, "fsync error", int(fsyncs.Load()))
	if fsyncs.Load() == 0 || obligations.Load() < 1000 {
		t.Errorf("%d failed fsyncs, %d promises: too few to show anything", fsyncs.Load(), obligations.Load())
	}
	t.Logf("%d crashes, %d promises, %d failed fsyncs", crashes.Load(), obligations.Load(), fsyncs.Load())
	proof.Row{Area: "disk", Fault: "fsync fails, and then the power", Action: proof.Retry, Reason: "checkpoint_unwritable", Promises: "P1 P2 P3"}.Report(t)
}
