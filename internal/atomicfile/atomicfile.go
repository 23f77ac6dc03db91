// Package atomicfile replaces files so that a crash leaves the old content or the new, whole.
package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write makes data the durable content of the file at path, with the given mode: it writes a temporary file beside it,
// fsyncs, renames, and fsyncs the folder. A crash at any point leaves the old content or the new one, and once Write has
// returned nil, the new one survives a loss of power. On an error the old content stands and the temporary file is gone,
// unless the error says that the folder could not be synced: then either content may be there after a loss of power.
func Write(path string, data []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("create a temporary file: %w", err)
	}
	renamed := false
	defer func() {
		if !renamed {
			_ = os.Remove(f.Name())
		}
	}()
	if err := fill(f, data, mode); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	renamed = true
	return SyncDir(dir)
}

// fill writes data and makes it durable. Data before the name: a rename may reach the disk ahead of unsynced content.
func fill(f *os.File, data []byte, mode os.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return fmt.Errorf("set the mode: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("fsync: %w", err)
	}
	return nil
}

// SyncDir makes the names in the folder dir durable: files created, renamed or removed in it.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("fsync the folder: %w", err)
	}
	return nil
}
