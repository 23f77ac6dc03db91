package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// numbered matches the names of files that are full. They are older than the one without a number.
var numbered = regexp.MustCompile(`^deadletter-([0-9]{6,18})\.ndjson$`)

// files returns the paths of all files, the oldest first.
func (d *FileDeadLetter) files() ([]string, error) {
	names, err := d.fs.Names(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	newest := DeadLetterPath(d.dir)
	last := ""
	for _, name := range names { // in the order of the alphabet, which is that of numbers as long as they are
		switch {
		case numbered.MatchString(name):
			paths = append(paths, filepath.Join(d.dir, name))
		case name == filepath.Base(newest):
			last = newest
		}
	}
	if last != "" {
		paths = append(paths, last)
	}
	return paths, nil
}

// number gives the newest file the next number.
func (d *FileDeadLetter) number(path string) error {
	names, err := d.fs.Names(d.dir)
	if err != nil {
		return err
	}
	next := 1
	for _, name := range names {
		if m := numbered.FindStringSubmatch(name); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return err
			}
			next = max(next, n+1)
		}
	}
	return d.fs.Rename(path, filepath.Join(d.dir, fmt.Sprintf("deadletter-%06d.ndjson", next)))
}

// room fails if one more line would make the files larger than they may be.
func (d *FileDeadLetter) room(line int64) error {
	if d.MaxBytes <= 0 {
		return nil
	}
	files, err := d.files()
	if err != nil {
		return err
	}
	total := line
	for _, path := range files {
		data, err := d.fs.Open(path, os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		size, err := data.Size()
		_ = data.Close()
		if err != nil {
			return err
		}
		total += size
	}
	if total <= d.MaxBytes {
		return nil
	}
	return &fault.Error{Class: fault.Blocked, Reason: "deadletter_full", Op: "set aside", Err: fmt.Errorf(
		"the dead letters in %s have reached SLUICE_DEADLETTER_MAX_BYTES (%d); send them again or drop them ('sluice deadletter'), or raise it", d.dir, d.MaxBytes)}
}

// rotate gives the file a number if one more line would make it too large, or if its end is not that of a whole line: were
// a line written over what a failed one has left, a loss of power could leave a mixture of both.
func (d *FileDeadLetter) rotate(path string, line int64) error {
	f, err := d.fs.Open(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		d.fresh = false
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	most := d.RotateBytes
	if most <= 0 {
		most = defaultRotate
	}
	torn := d.fresh
	if !torn && size > 0 {
		if torn, err = tornEnd(f, size); err != nil {
			return err
		}
	}
	switch {
	case size == 0 && d.fresh: // cut off, and yet the disk may have what was written into it
		err = d.fs.Remove(path)
	case size > 0 && (torn || size+line > most):
		err = d.number(path)
	}
	if err != nil {
		return err
	}
	d.fresh = false
	return nil
}

// tornEnd reports whether the end of f was not written whole: a crash leaves a beginning, or blocks of zeros where the
// disk was not reached, and no line that was promised to anybody has a zero in it.
func tornEnd(f atomicfile.File, size int64) (bool, error) {
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		chunk := buf[:end-start]
		if _, err := f.ReadAt(chunk, start); err != nil && err != io.EOF { //nolint:errorlint // of ReadAt
			return false, err
		}
		if end == size && chunk[len(chunk)-1] != '\n' || bytes.IndexByte(lastLine(chunk, end == size), 0) >= 0 {
			return true, nil
		}
		if len(lastLine(chunk, end == size)) < len(chunk) {
			return false, nil
		}
		end = start
	}
	return false, nil
}

// lastLine is what follows the last line end in chunk, which, at the end of a file, is not the one that it ends with.
func lastLine(chunk []byte, atEnd bool) []byte {
	search := chunk
	if atEnd {
		search = chunk[:len(chunk)-1]
	}
	return chunk[bytes.LastIndexByte(search, '\n')+1:]
}
