package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"sluice/internal/atomicfile"
)

// A Letter is a line of a file of dead letters.
type Letter struct {
	DeadLine
	Spoiled error             // that it is no dead letter, and where it is: then it has a Sum and an ID and nothing else; nil: it is one
	Sum     [sha256.Size]byte // of this line: what tells it from all others
	ID      string            // the first 8 hexadecimal digits of Sum, for people; among very many letters two may share one
}

// Raw returns the item, byte for byte as it came from the source, or that the line is spoiled.
func (l Letter) Raw() ([]byte, error) {
	if l.Spoiled != nil {
		return nil, l.Spoiled
	}
	if l.Item != nil {
		return []byte(*l.Item), nil
	}
	return base64.StdEncoding.DecodeString(l.ItemBase64)
}

// ReadDeadLetters calls each for the dead letters in the folder dir, the spoiled ones too, the oldest first, until it fails. None is there if the
// folder or the files are missing. It needs no lock: a line that is just being written is left out.
func ReadDeadLetters(dir string, each func(Letter) error) error {
	return OpenDeadLetter(dir).read(each)
}

// RemoveDeadLetters removes the dead letters for which gone is true, spoiled ones too, durably, and says how many. All others
// stay as they are. A daemon may go on setting
// records aside meanwhile: it waits.
func RemoveDeadLetters(dir string, gone func(Letter) bool) (removed int, err error) {
	return OpenDeadLetter(dir).remove(gone)
}

func (d *FileDeadLetter) read(each func(Letter) error) error {
	files, err := d.openAll()
	if err != nil {
		return err
	}
	defer closeAll(files)
	for _, f := range files {
		if err := f.lines(func(_ []byte, l Letter) error { return each(l) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *FileDeadLetter) remove(gone func(Letter) bool) (removed int, err error) {
	release, err := d.lock(context.Background(), letterLockRemove)
	if err != nil {
		return 0, err
	}
	defer release()
	files, err := d.openAll()
	if err != nil {
		return 0, err
	}
	defer closeAll(files)
	for _, f := range files {
		n, err := d.removeFrom(f, gone)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// removeFrom removes from one file. One with a number that has nothing left in it goes altogether.
func (d *FileDeadLetter) removeFrom(f letterFile, gone func(Letter) bool) (removed int, err error) {
	if err := atomicfile.Sweep(d.fs, f.path); err != nil {
		return 0, err
	}
	var kept bytes.Buffer
	err = f.lines(func(line []byte, l Letter) error {
		if gone(l) {
			removed++
			return nil
		}
		_, err := kept.Write(line)
		return err
	})
	switch {
	case err != nil || removed == 0:
		return 0, err
	case kept.Len() > 0 || f.path == DeadLetterPath(d.dir):
		err = atomicfile.Write(d.fs, f.path, kept.Bytes(), 0o600)
	default:
		err = errors.Join(d.fs.Remove(f.path), atomicfile.SyncDir(d.fs, d.dir))
	}
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// A letterFile is a file of dead letters that is open.
type letterFile struct {
	atomicfile.File
	path string
}

func closeAll(files []letterFile) {
	for _, f := range files {
		_ = f.Close()
	}
}

// openAll opens the files that there are, the oldest first.
func (d *FileDeadLetter) openAll() ([]letterFile, error) {
	for tries := 1; ; tries++ {
		before, err := d.files()
		if err != nil {
			return nil, err
		}
		files, err := d.openThese(before)
		if errors.Is(err, fs.ErrNotExist) && tries < 100 {
			continue // somebody has given it a number, or removed it
		}
		if err != nil {
			return nil, err
		}
		// We list the files; a daemon gives the newest a number and begins another; we open that one → the old one is missed.
		if after, err := d.files(); err != nil || !slices.Equal(before, after) {
			closeAll(files)
			if err != nil {
				return nil, err
			}
			continue
		}
		return files, nil
	}
}

func (d *FileDeadLetter) openThese(paths []string) (files []letterFile, err error) {
	for _, path := range paths {
		f, err := d.fs.Open(path, os.O_RDONLY, 0)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, letterFile{f, path})
	}
	return files, nil
}

// lines calls each with the whole lines of the file, ends included.
func (f letterFile) lines(each func(line []byte, l Letter) error) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 64<<10)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil // what follows the last line end was never promised to anybody
		}
		if err != nil {
			return err
		}
		l := decodeLetter(line)
		if l.Spoiled != nil {
			if _, err := in.Peek(1); err == io.EOF && bytes.IndexByte(line, 0) >= 0 {
				return nil // as tornEnd says
			}
			l.Spoiled = fmt.Errorf("line %d of %s is %w", number, f.path, l.Spoiled)
		}
		if err := each(line, l); err != nil {
			return err
		}
	}
}

var errSpoiled = errors.New("no dead letter")

// decodeLetter reads one line, its end included.
func decodeLetter(line []byte) Letter {
	var l Letter
	err := json.Unmarshal(line, &l.DeadLine)
	if err == nil {
		_, err = l.Raw()
	}
	if err != nil || l.Reason == "" {
		l = Letter{Spoiled: errSpoiled}
	}
	l.Sum = sha256.Sum256(line)
	l.ID = hex.EncodeToString(l.Sum[:4])
	return l
}

// Processes share the dead letters by a lock that none holds for long, unless it is stopped or its disk hangs.
const (
	letterLockPut    = 10 * time.Second // for a daemon, which tells of it and tries again
	letterLockRemove = time.Minute      // for a command, which would send again what it cannot remove
	letterLockPoll   = 5 * time.Millisecond
)

// lock keeps other processes from changing the files, until release. It waits for them, but not for ever: a daemon has to
// say what holds it up, and to end when it is asked to.
func (d *FileDeadLetter) lock(ctx context.Context, limit time.Duration) (release func(), err error) {
	lock, err := d.fs.Open(filepath.Join(d.dir, "deadletter.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = lockWithin(ctx, lock, limit, letterLockPoll, nil)
	if err == nil {
		return func() { _ = lock.Close() }, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another process (sluice deadletter?) has held it for %v; end it: %w", limit, err)
	}
	return nil, fmt.Errorf("lock the dead letters: %w", err)
}
