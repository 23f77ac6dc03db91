package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// A FileCheckpoint keeps the cursor in a file that people can read: a line of JSON and a line with its checksum. It
// belongs to one process at a time and to one source.
type FileCheckpoint struct {
	path        string
	fingerprint string
	lock        *os.File
}

// Saved is the content of a checkpoint file.
type Saved struct {
	Format      string    `json:"format"` // always "sluice checkpoint"
	Version     int       `json:"version"`
	Fingerprint string    `json:"source"` // of the source that made the cursor
	SavedAt     time.Time `json:"saved_at"`
	Cursor      Cursor    `json:"cursor"`
}

const (
	checkpointFormat  = "sluice checkpoint"
	checkpointVersion = 1
	checkpointName    = "checkpoint"
)

// What can be wrong with a checkpoint. None of it is mended by starting from the beginning; a person decides.
var (
	ErrCheckpointDamaged = errors.New("the checkpoint is damaged")
	ErrCheckpointForeign = errors.New("the checkpoint belongs to another source")
	ErrCheckpointLocked  = errors.New("another process holds the checkpoint")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CheckpointPath returns where the checkpoint in the state folder dir lies.
func CheckpointPath(dir string) string { return filepath.Join(dir, checkpointName) }

// OpenCheckpoint takes the checkpoint in the folder dir, which it creates if need be, for a source with the given
// fingerprint. It fails with ErrCheckpointLocked while another process has it; the kernel frees the lock when a process
// dies, however it dies.
func OpenCheckpoint(dir, fingerprint string) (*FileCheckpoint, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock in the state folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w in %s; stop it, or set SLUICE_STATE_DIR to a folder of its own", ErrCheckpointLocked, dir)
		}
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	return &FileCheckpoint{path: CheckpointPath(dir), fingerprint: fingerprint, lock: lock}, nil
}

// Load returns the cursor saved last, or the empty one if there is no checkpoint file.
func (c *FileCheckpoint) Load(context.Context) (Cursor, error) {
	saved, err := ReadCheckpoint(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if saved.Fingerprint != c.fingerprint {
		return "", fmt.Errorf("%w (%s, saved %s): its cursor means nothing to the source configured now; configure the old source, "+
			"set SLUICE_STATE_DIR to a new folder, or run 'sluice checkpoint reset' to read from the beginning",
			ErrCheckpointForeign, c.path, saved.SavedAt.Format(time.RFC3339))
	}
	return saved.Cursor, nil
}

// Save makes cursor durable: after a crash the file holds the old cursor or the new one (I2).
func (c *FileCheckpoint) Save(_ context.Context, cursor Cursor) error {
	line, err := json.Marshal(Saved{Format: checkpointFormat, Version: checkpointVersion, Fingerprint: c.fingerprint,
		SavedAt: time.Now().UTC().Truncate(time.Millisecond), Cursor: cursor})
	if err != nil {
		return fmt.Errorf("encode the checkpoint: %w", err)
	}
	line = append(line, '\n')
	data := fmt.Appendf(line, "crc32c %08x\n", crc32.Checksum(line, castagnoli))
	if err := atomicfile.Write(c.path, data, 0o600); err != nil {
		return &fault.Error{Reason: "checkpoint_unwritable", Op: "save checkpoint " + c.path, Err: err}
	}
	return nil
}

// Close gives the checkpoint free for another process.
func (c *FileCheckpoint) Close() error { return c.lock.Close() }

// ReadCheckpoint reads the file at path, whatever source made it. It returns fs.ErrNotExist if there is none, and
// ErrCheckpointDamaged if a byte of it is wrong or its version is unknown.
func ReadCheckpoint(path string) (Saved, error) {
	var saved Saved
	data, err := os.ReadFile(path)
	if err != nil {
		return saved, fmt.Errorf("read the checkpoint: %w", err)
	}
	damaged := func(what string) (Saved, error) {
		return Saved{}, fmt.Errorf("%w (%s: %s); restore the file, or run 'sluice checkpoint reset' to read from the beginning",
			ErrCheckpointDamaged, path, what)
	}
	line, sum, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return damaged("it ends in the middle of a line")
	}
	line = data[:len(line)+1]
	if want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(line, castagnoli)); string(sum) != want {
		return damaged("the checksum does not match")
	}
	if err := json.Unmarshal(line, &saved); err != nil {
		return damaged("its first line is not the JSON of a checkpoint")
	}
	if saved.Format != checkpointFormat || saved.Version != checkpointVersion {
		return damaged(fmt.Sprintf("it is a %q of version %d, this program reads %q of version %d",
			saved.Format, saved.Version, checkpointFormat, checkpointVersion))
	}
	return saved, nil
}
