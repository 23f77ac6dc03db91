package ingest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// A FileDeadLetter appends what cannot be delivered to a file, a line of JSON each, readable by its owner only. A file that
// has grown to RotateBytes gets a number, and another one is begun.
type FileDeadLetter struct {
	RotateBytes int64 // of one file; 0: 64 MiB. A single longer line has a file of its own
	MaxBytes    int64 // of all files together; 0: no limit. Beyond it nothing is dropped: Put fails until there is room

	mu    sync.Mutex
	fs    atomicfile.FS
	dir   string
	fresh bool // the newest file must not be written to: a write that failed has left something unknown at its end
}

const defaultRotate = 64 << 20

// A DeadLine is one line of a dead-letter file. Item and ItemBase64 exclude each other: the one that fits is used, so
// that the raw item is kept byte for byte.
type DeadLine struct {
	Time       time.Time `json:"time"`
	Stage      Stage     `json:"stage,omitempty"` // where it was refused; empty: written by a version that did not say
	Reason     string    `json:"reason"`          // stable code
	Message    string    `json:"message"`
	Position   string    `json:"position,omitempty"`    // where it came from; empty: nobody could tell
	Item       *string   `json:"item,omitempty"`        // valid UTF-8
	ItemBase64 string    `json:"item_base64,omitempty"` // anything else
}

// DeadLetterPath returns where the newest dead letters in the state folder dir lie.
func DeadLetterPath(dir string) string { return filepath.Join(dir, "deadletter.ndjson") }

// OpenDeadLetter returns the dead letters in the folder dir. The file is made by the first Put.
func OpenDeadLetter(dir string) *FileDeadLetter {
	return &FileDeadLetter{fs: atomicfile.OS{}, dir: dir}
}

// Put appends an item and the reason and returns once both are durable (I1). A Put that fails leaves nothing half-written
// before the next line.
func (d *FileDeadLetter) Put(ctx context.Context, r Refused) error {
	line := DeadLine{Time: time.Now().UTC().Truncate(time.Millisecond), Stage: r.Stage, Reason: fault.From(r.Reason).Code(), Message: r.Reason.Error(),
		Position: r.Position}
	if text := string(r.Item); utf8.Valid(r.Item) {
		line.Item = &text
	} else {
		line.ItemBase64 = base64.StdEncoding.EncodeToString(r.Item)
	}
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	path := DeadLetterPath(d.dir)
	err = d.append(ctx, path, append(data, '\n'))
	if err != nil && fault.From(err).Reason == "" {
		return &fault.Error{Reason: "deadletter_unwritable", Op: "write " + path, Err: err}
	}
	return err
}

// append writes line at the end of the file and makes it durable; the caller holds mu. The file is opened anew each time:
// people move it, remove it and empty it.
func (d *FileDeadLetter) append(ctx context.Context, path string, line []byte) error {
	// Without the lock: we find the file untouched; somebody replaces it; the line is written into the old one → lost.
	release, err := d.lock(ctx, letterLockPut)
	if err != nil {
		return err
	}
	defer release()
	if err := d.room(int64(len(line))); err != nil {
		return err
	}
	if err := d.rotate(path, int64(len(line))); err != nil {
		return fmt.Errorf("begin another file: %w", err)
	}
	f, err := d.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(line, size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		d.fresh = true
		_ = f.Truncate(size)
		return err
	}
	return atomicfile.SyncDir(d.fs, d.dir)
}

// open opens the newest file, or makes it.
func (d *FileDeadLetter) open(path string) (atomicfile.File, error) {
	f, err := d.fs.Open(path, os.O_RDWR, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	// We give the old file a number and make the new one; the power fails, and of the two names the disk has the second
	// alone → all that was in the old one is lost.
	if err := atomicfile.SyncDir(d.fs, d.dir); err != nil {
		return nil, err
	}
	return d.fs.Open(path, os.O_CREATE|os.O_RDWR, 0o600)
}
