// Package atomicfile replaces files so that a crash leaves the old content or the new, whole. It goes through a small
// file system interface, behind which tests put one that loses what was not synced.
package atomicfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write makes data the durable content of the file at path, with the given mode: it writes a temporary file beside it,
// fsyncs, renames, and fsyncs the folder. A crash at any point leaves the old content or the new one, and once Write has
// returned nil, the new one survives a loss of power. On an error the old content stands and the temporary file is gone,
// unless the error says that the folder could not be synced: then either content may be there after a loss of power.
func Write(fsys FS, path string, data []byte, mode os.FileMode) error {
	temp, err := Prepare(fsys, path, data, mode)
	if err != nil {
		return err
	}
	if err := fsys.Rename(temp, path); err != nil {
		_ = fsys.Remove(temp)
		return fmt.Errorf("rename: %w", err)
	}
	if err := SyncDir(fsys, filepath.Dir(path)); err != nil {
		return fmt.Errorf("fsync the folder: %w", err)
	}
	return nil
}

// Prepare is the first half of Write: it makes data durable in a temporary file beside path and returns its name. The
// caller renames it, or removes it.
func Prepare(fsys FS, path string, data []byte, mode os.FileMode) (temp string, err error) {
	temp = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", temporary(path), rand.Uint64()))
	f, err := fsys.Open(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return "", fmt.Errorf("create a temporary file: %w", err)
	}
	err = fill(f, data)
	if closed := f.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close: %w", closed)
	}
	if err != nil {
		_ = fsys.Remove(temp)
		return "", err
	}
	return temp, nil
}

// fill writes data and makes it durable. Data before the name: a rename may reach the disk ahead of unsynced content.
func fill(f File, data []byte) error {
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("fsync: %w", err)
	}
	return nil
}
