package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// An FS is what durable state needs of a file system, so that a test can stand in for one that loses what was not synced.
// Paths are those of package os, and so are the errors.
type FS interface {
	// Open is os.OpenFile. A folder can be opened too, for Sync alone: that makes the names in it durable. Anything else is
	// a SpecialFile.
	Open(path string, flag int, mode os.FileMode) (File, error)
	// Mkdir makes one folder.
	Mkdir(path string, mode os.FileMode) error
	// Rename gives a file another name in the same folder, and takes that name away from whatever had it.
	Rename(from, to string) error
	// Remove takes away the name of a file.
	Remove(path string) error
	// Names lists the folder dir in the order of the alphabet.
	Names(dir string) ([]string, error)
}

// A File is an open file. Its methods are those of os.File where these have the same name.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the length in bytes.
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the content durable. After an error nobody knows what of it is; to call it once more proves nothing,
	// because the kernel reports a failed write once and then forgets it.
	Sync() error
	// Lock takes the lock on the file, or fails with syscall.EWOULDBLOCK while another process has it. It is free again when
	// the file is closed, or its process has died.
	Lock() error
}

// OS is the file system of this machine.
type OS struct{}

// Open opens a file or a folder.
func (OS) Open(path string, flag int, mode os.FileMode) (File, error) {
	f, err := OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Mkdir makes one folder.
func (OS) Mkdir(path string, mode os.FileMode) error { return os.Mkdir(path, mode) }

// Rename gives a file another name.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove takes a name away.
func (OS) Remove(path string) error { return os.Remove(path) }

// Names lists a folder.
func (OS) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Lock() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// Read returns the content of the file at path.
func Read(fsys FS, path string) ([]byte, error) {
	f, err := fsys.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}

// SyncDir makes the names in the folder dir durable: files created, renamed or removed in it.
func SyncDir(fsys FS, dir string) error {
	d, err := fsys.Open(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MkdirAll makes the folder dir and those above it as far as they are missing, durably: a folder that a loss of power
// takes away takes all that was saved in it along.
func MkdirAll(fsys FS, dir string, mode os.FileMode) error {
	if err := mkdirAll(fsys, dir, mode); err != nil {
		return err
	}
	// Those that were there too: one process makes them and is killed; the next finds them and saves; the power fails → lost.
	for above := filepath.Dir(dir); above != dir; dir, above = above, filepath.Dir(above) {
		if err := SyncDir(fsys, above); err != nil && !unsyncable(err) {
			return err
		}
	}
	return nil
}

func mkdirAll(fsys FS, dir string, mode os.FileMode) error {
	err := fsys.Mkdir(dir, mode)
	if above := filepath.Dir(dir); errors.Is(err, os.ErrNotExist) && above != dir {
		if err := mkdirAll(fsys, above, mode); err != nil {
			return err
		}
		err = fsys.Mkdir(dir, mode)
	}
	if errors.Is(err, os.ErrExist) {
		return nil // a file that is in the way is found by the first that looks into the folder
	}
	return err
}

// unsyncable reports that a folder cannot be synced and never could: one may go through a folder where one may not look, and
// some file systems (fsync(2) of Linux: EINVAL, EROFS) have nothing to sync.
func unsyncable(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EROFS)
}

// Sweep removes what writes to path that a crash has cut off have left beside it. Only who keeps others from writing to
// path may call it.
func Sweep(fsys FS, path string) error {
	dir := filepath.Dir(path)
	names, err := fsys.Names(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if strings.HasPrefix(name, temporary(path)) {
			errs = append(errs, fsys.Remove(filepath.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// temporary is what the names of temporary files for path begin with.
func temporary(path string) string { return "." + filepath.Base(path) + ".tmp-" }
