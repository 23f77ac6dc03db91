package ingest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// A FileDeadLetter appends what cannot be delivered to a file, a line of JSON each, readable by its owner only.
type FileDeadLetter struct {
	mu   sync.Mutex
	path string
	file *os.File // nil: to be opened by the next Put
	size int64    // where the next line begins
}

// A DeadLine is one line of a dead-letter file. Item and ItemBase64 exclude each other: the one that fits is used, so
// that the raw item is kept byte for byte.
type DeadLine struct {
	Time       time.Time `json:"time"`
	Reason     string    `json:"reason"` // stable code
	Message    string    `json:"message"`
	Item       *string   `json:"item,omitempty"`        // valid UTF-8
	ItemBase64 string    `json:"item_base64,omitempty"` // anything else
}

// DeadLetterPath returns where the dead letters in the state folder dir lie.
func DeadLetterPath(dir string) string { return filepath.Join(dir, "deadletter.ndjson") }

// OpenDeadLetter returns the dead letters in the folder dir. The file is made by the first Put.
func OpenDeadLetter(dir string) *FileDeadLetter { return &FileDeadLetter{path: DeadLetterPath(dir)} }

// Put appends item and its reason and returns once both are durable (I1). A Put that fails leaves nothing half-written
// before the next line.
func (d *FileDeadLetter) Put(_ context.Context, item []byte, reason error) error {
	line := DeadLine{Time: time.Now().UTC().Truncate(time.Millisecond), Reason: fault.From(reason).Code(), Message: reason.Error()}
	if text := string(item); utf8.Valid(item) {
		line.Item = &text
	} else {
		line.ItemBase64 = base64.StdEncoding.EncodeToString(item)
	}
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.append(append(data, '\n')); err != nil {
		return &fault.Error{Reason: "deadletter_unwritable", Op: "write " + d.path, Err: err}
	}
	return nil
}

// append writes data at the end of the file and makes it durable; the caller holds mu. After a failure the file is opened
// anew, because what a failed write or fsync has left behind is unknown.
func (d *FileDeadLetter) append(data []byte) error {
	// Without the lock: open finds the file untouched; somebody replaces it; the line is written into the old one → lost.
	release, err := lockDeadLetters(filepath.Dir(d.path))
	if err != nil {
		return err
	}
	defer release()
	if err := d.open(); err != nil {
		return err
	}
	_, err = d.file.WriteAt(data, d.size)
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		_ = d.file.Truncate(d.size)
		_ = d.file.Close()
		d.file = nil
		return err
	}
	d.size += int64(len(data))
	return nil
}

// open opens the file if it is not open, and finds the end of its last whole line: a line that a crash has torn was
// never promised to anybody. A file that somebody has moved, removed or emptied is left, and another one begun.
func (d *FileDeadLetter) open() error {
	if d.file != nil {
		if d.untouched() {
			return nil
		}
		_ = d.file.Close()
		d.file = nil
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	size, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		err = atomicfile.SyncDir(filepath.Dir(d.path))
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	d.file, d.size = f, size
	return nil
}

// untouched reports whether the open file is still the one at path, and as long as we left it.
func (d *FileDeadLetter) untouched() bool {
	there, err := os.Stat(d.path)
	if err != nil {
		return false
	}
	ours, err := d.file.Stat()
	return err == nil && os.SameFile(there, ours) && there.Size() == d.size
}

// wholeLines returns the size of f up to and including its last newline.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		start := max(0, end-int64(len(buf)))
		if _, err := f.ReadAt(buf[:end-start], start); err != nil {
			return 0, err
		}
		for i := end - start - 1; i >= 0; i-- {
			if buf[i] == '\n' {
				return start + i + 1, nil
			}
		}
		end = start
	}
	return 0, nil
}

// Close closes the file. Puts may follow; they open it anew.
func (d *FileDeadLetter) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == nil {
		return nil
	}
	f := d.file
	d.file = nil
	return f.Close()
}
