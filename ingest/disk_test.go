package ingest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/memory"
)

// A diskTrial is a daemon on a disk that fails for an hour.
type diskTrial struct {
	disk    *crashfs.FS
	p       *ingest.Pipeline
	src     *sliceSource
	sink    *memory.Transport
	ended   chan error
	stop    context.CancelFunc
	letters *ingest.FileDeadLetter
	tries   atomic.Int64 // operations that failed

	mu       sync.Mutex
	troubles map[ingest.Part]string // the reason; "": well again
}

const (
	trialItems    = 400
	trialPage     = 10
	trialInFlight = 3
)

// startTrial runs a Pipeline on a disk that is broken from the beginning.
func startTrial(t *testing.T, broken func(op crashfs.Op, path string) error, change func(*diskTrial)) *diskTrial {
	t.Helper()
	d := &diskTrial{disk: put(t, older, nil), src: &sliceSource{items: numbered(trialItems), page: trialPage}, sink: &memory.Transport{},
		ended: make(chan error, 1), troubles: map[ingest.Part]string{}}
	ck, err := ingest.OpenCheckpointOn(t.Context(), d.disk, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
	if err != nil {
		t.Fatal(err)
	}
	// As any daemon before: it has claimed the checkpoint and saved a place.
	if _, err := ck.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ck.Save(t.Context(), "10"); err != nil {
		t.Fatal(err)
	}
	d.disk.Fail(func(op crashfs.Op, path string) error {
		err := broken(op, path)
		if err != nil {
			d.tries.Add(1)
		}
		return err
	})
	d.p, _, _ = pipeline(d.src, d.sink)
	d.p.InFlight = trialInFlight
	d.letters = ingest.OpenDeadLetterOn(d.disk, stateDir)
	d.p.Checkpoint, d.p.DeadLetter = ck, d.letters
	d.p.Observe.Trouble = func(part ingest.Part, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.troubles[part] = ""
		if err != nil {
			d.troubles[part] = fault.From(err).Code()
		}
	}
	change(d)
	ctx, stop := context.WithCancel(t.Context())
	d.stop = stop
	go func() { d.ended <- d.p.Run(ctx) }()
	return d
}

func (d *diskTrial) trouble(part ingest.Part) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.troubles[part]
}

// wantHealed waits until all is delivered and saved, and looks for what is lost.
func (d *diskTrial) wantHealed(t *testing.T, setAside int) {
	t.Helper()
	d.disk.Fail(nil)
	time.Sleep(10 * time.Minute) // in the bubble: longer than any wait between two tries
	d.stop()
	if err := <-d.ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	got := map[string]int{}
	for _, r := range d.sink.Records() {
		got[string(r.Body)]++
	}
	for _, item := range itemsOn(t, d.disk) {
		got[item]++
	}
	lost := 0
	for _, item := range d.src.items[10:] {
		if got[string(item)] == 0 {
			lost++
		}
	}
	if lost > 0 || len(got) != trialItems-10 {
		t.Errorf("%d lost, %d arrived or were set aside, want %d", lost, len(got), trialItems-10)
	}
	if aside := len(itemsOn(t, d.disk)); aside != setAside {
		t.Errorf("%d were set aside, want %d", aside, setAside)
	}
	if saved, err := ingest.ReadCheckpointOn(d.disk, ingest.CheckpointPath(stateDir)); err != nil || saved.Cursor != "400" {
		t.Errorf("the checkpoint is %+v, %v, want the end", saved, err)
	}
	proof.Count(t, proof.Obligations, trialItems-10)
	proof.Count(t, proof.Lost, lost)
}

func failing(errno syscall.Errno, name string, ops ...crashfs.Op) func(crashfs.Op, string) error {
	return func(op crashfs.Op, path string) error {
		if !strings.Contains(path, name) {
			return nil
		}
		for _, o := range ops {
			if o == op {
				return errno
			}
		}
		return nil
	}
}

func TestCheckpointOnABrokenDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fault string
		broken      func(crashfs.Op, string) error
	}{
		{"full", "checkpoint cannot be written: no space (ENOSPC)", failing(syscall.ENOSPC, "checkpoint", crashfs.Write)},
		{"limited", "checkpoint cannot be written: file size limit (EFBIG)", failing(syscall.EFBIG, "checkpoint", crashfs.Write)},
		{"faulty", "checkpoint cannot be written: I/O error (EIO)", failing(syscall.EIO, "checkpoint", crashfs.Write, crashfs.Rename)},
		{"read-only", "checkpoint cannot be written: file system read-only (EROFS)", failing(syscall.EROFS, "checkpoint", crashfs.Create, crashfs.Rename)},
		{"fsync of the file", "fsync of the checkpoint fails", failing(syscall.EIO, "checkpoint", crashfs.Sync)},
		{"fsync of the folder", "fsync of the state folder fails", failing(syscall.EIO, "", crashfs.SyncDir)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := startTrial(t, c.broken, func(*diskTrial) {})
				time.Sleep(time.Hour)
				if got := d.trouble(ingest.PartCheckpoint); got != "checkpoint_unwritable" {
					t.Errorf("trouble with the checkpoint: %q, want checkpoint_unwritable", got)
				}
				if got := len(d.sink.Records()); got > trialInFlight*trialPage {
					t.Errorf("%d delivered in an hour without a checkpoint, want at most the %d that may be in flight", got, trialInFlight*trialPage)
				}
				d.src.mu.Lock()
				if reads := len(d.src.reads); reads > trialInFlight+1 {
					t.Errorf("%d reads in an hour without a checkpoint, want reading to stop after %d", reads, trialInFlight+1)
				}
				d.src.mu.Unlock()
				if tries := d.tries.Load(); tries < 60 || tries > 3*3600/15+60 {
					t.Errorf("%d failed operations in an hour, want a wait of 15 s on average between two tries", tries)
				}
				saved, err := ingest.ReadCheckpointOn(d.disk, ingest.CheckpointPath(stateDir))
				if err != nil || c.name != "fsync of the folder" && saved.Cursor != "10" {
					t.Errorf("the checkpoint is %+v, %v, want the old one, whole", saved, err)
				}
				d.wantHealed(t, 0)
				if got := d.trouble(ingest.PartCheckpoint); got != "" {
					t.Errorf("trouble after the disk is well: %q", got)
				}
				proof.Fault(t, "disk: "+c.name, int(d.tries.Load()))
			})
			proof.Row{Area: "disk", Fault: c.fault, Action: proof.Pause, Reason: "checkpoint_unwritable", Promises: "P3 P5 P10"}.Report(t)
		})
	}
}

func TestDeadLettersOnABrokenDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fault, reason string
		broken              func(crashfs.Op, string) error
		most                int64
	}{
		{"full", "dead letters cannot be written: no space", "deadletter_unwritable", failing(syscall.ENOSPC, "deadletter", crashfs.Write), 0},
		{"faulty", "dead letters cannot be written: I/O error", "deadletter_unwritable", failing(syscall.EIO, "deadletter", crashfs.Write, crashfs.Truncate), 0},
		{"read-only", "dead letters cannot be written: file system read-only", "deadletter_unwritable", failing(syscall.EROFS, "deadletter", crashfs.Create, crashfs.Write), 0},
		{"fsync", "fsync of the dead letters fails", "deadletter_unwritable", failing(syscall.EIO, "deadletter", crashfs.Sync), 0},
		{"at the limit", "dead letters have reached their limit", "deadletter_full", failing(0, "nothing"), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := startTrial(t, c.broken, func(d *diskTrial) {
					d.letters.MaxBytes = c.most
					parse := d.p.Parse
					d.p.Parse = func(item []byte) ([]transport.Record, error) {
						if strings.HasSuffix(string(item), "7}") {
							return nil, errors.New("a seven at the end")
						}
						return parse(item)
					}
				})
				time.Sleep(time.Hour)
				if got := d.trouble(ingest.PartDeadLetter); got != c.reason {
					t.Errorf("trouble with the dead letters: %q, want %s", got, c.reason)
				}
				before := itemsOn(t, d.disk)
				if most := (trialInFlight + len(before)) * trialPage; len(d.sink.Records()) > most {
					t.Errorf("%d delivered in an hour, want at most the %d of the batches that are in flight", len(d.sink.Records()), most)
				}
				if c.most == 0 && len(before) > 0 {
					t.Errorf("%q were set aside on a broken disk", before)
				}
				synctest.Wait()
				d.letters.MaxBytes = 0
				d.wantHealed(t, 39) // of the items from 10 to 399, those that end with a seven
				if got := itemsOn(t, d.disk); !slices.Equal(got[:len(before)], before) {
					t.Errorf("the oldest dead letters are %q, want those that were there: %q", got[:len(before)], before)
				}
				proof.Count(t, proof.DeadLetters, 39)
				proof.Fault(t, "disk of dead letters: "+c.name, int(max(1, d.tries.Load())))
			})
			proof.Row{Area: "disk", Fault: c.fault, Action: proof.Pause, Reason: c.reason, Promises: "P1 P10 P12"}.Report(t)
		})
	}
}
