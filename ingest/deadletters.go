package ingest

import (
	"bufio"
	"bytes"
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
	"syscall"

	"sluice/internal/atomicfile"
)

// A Letter is a dead letter as it lies in its file.
type Letter struct {
	DeadLine
	ID string // of this line: the first 8 hexadecimal digits of its SHA-256
}

// Raw returns the item, byte for byte as it came from the source.
func (l Letter) Raw() ([]byte, error) {
	if l.Item != nil {
		return []byte(*l.Item), nil
	}
	return base64.StdEncoding.DecodeString(l.ItemBase64)
}

// ReadDeadLetters calls each for the dead letters in the folder dir, the oldest first, until it fails. None is there if the
// folder or the file is missing. It needs no lock: a line that is just being written is left out.
func ReadDeadLetters(dir string, each func(Letter) error) error {
	return eachLine(dir, func(_ []byte, l Letter) error { return each(l) })
}

// RemoveDeadLetters removes the dead letters for which gone is true, durably, and says how many. A daemon may go on setting
// records aside meanwhile: it waits.
func RemoveDeadLetters(dir string, gone func(Letter) bool) (removed int, err error) {
	release, err := lockDeadLetters(dir)
	if err != nil {
		return 0, err
	}
	defer release()
	var kept bytes.Buffer
	err = eachLine(dir, func(line []byte, l Letter) error {
		if gone(l) {
			removed++
			return nil
		}
		_, err := kept.Write(line)
		return err
	})
	if err != nil || removed == 0 {
		return 0, err
	}
	return removed, atomicfile.Write(DeadLetterPath(dir), kept.Bytes(), 0o600)
}

// eachLine calls each with the whole lines of the file, ends included.
func eachLine(dir string, each func(line []byte, l Letter) error) error {
	path := DeadLetterPath(dir)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil // what follows the last line end was never promised to anybody
		}
		if err != nil {
			return err
		}
		var l Letter
		if err := json.Unmarshal(line, &l.DeadLine); err != nil || l.Reason == "" {
			return fmt.Errorf("line %d of %s is no dead letter; take it out of the file", number, path)
		}
		sum := sha256.Sum256(line)
		l.ID = hex.EncodeToString(sum[:4])
		if err := each(line, l); err != nil {
			return err
		}
	}
}

// lockDeadLetters keeps other processes from changing the file, until release. It waits for them; none holds it for long.
func lockDeadLetters(dir string) (release func(), err error) {
	lock, err := os.OpenFile(filepath.Join(dir, "deadletter.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock the dead letters: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}
