package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
)

// A SpecialFile is the error of opening something that is no file and no folder: to open a named pipe can hang for ever, and
// to open a device can do anything.
type SpecialFile struct {
	Path string
	Mode fs.FileMode
}

// Error says what is at the path.
func (e *SpecialFile) Error() string { return fmt.Sprintf("%s is %s, want a file", e.Path, e.Kind()) }

// Kind says in words what it is.
func (e *SpecialFile) Kind() string {
	switch e.Mode.Type() {
	case fs.ModeNamedPipe:
		return "a named pipe"
	case fs.ModeSocket:
		return "a socket"
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		return "a device"
	}
	return "a special file"
}

// OpenFile is os.OpenFile for files and folders, and links to them. It fails with a SpecialFile for anything else, without
// opening it.
func OpenFile(path string, flag int, mode os.FileMode) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &SpecialFile{path, info.Mode()}
	}
	return os.OpenFile(path, flag, mode)
}
