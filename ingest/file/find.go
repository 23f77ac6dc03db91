package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sluice/internal/fault"
)

// A found is a file as it was when it was looked at.
type found struct {
	path  string
	id    string // device and inode
	size  int64
	mtime time.Time

	looked time.Time // then it was so
}

// foundOf describes the file behind info, which must be a regular one.
func foundOf(path string, info fs.FileInfo) found {
	f := found{path: path, size: info.Size(), mtime: info.ModTime(), looked: time.Now()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.id = fmt.Sprintf("%x:%x", uint64(st.Dev), st.Ino) //nolint:unconvert // signed on some systems
	}
	return f
}

// find lists the files that the patterns match, in the order of their names, each once however many names it has. What
// cannot be looked at is an error: skipping it would be a loss.
func (s *Source) find() ([]found, error) {
	var paths []string
	for _, pattern := range s.cfg.patterns() {
		matches, err := expand(pattern)
		if err != nil {
			return nil, err
		}
		paths = append(paths, matches...)
	}
	slices.Sort(paths)
	seen := map[string]bool{}
	var out []found
	for _, path := range slices.Compact(paths) {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // renamed or removed since
			continue
		case err != nil:
			return nil, unreadable(path, err)
		case info.IsDir():
			continue
		case !info.Mode().IsRegular():
			return nil, refuse("file_unreadable", fmt.Errorf("%s is a pipe, a socket or a device, which cannot be read twice; keep it out of SLUICE_FILE_PATHS", show(path)))
		}
		if f := foundOf(path, info); !seen[f.id] {
			seen[f.id] = true
			out = append(out, f)
		}
	}
	return out, nil
}

// expand lists the paths that a pattern matches. Unlike filepath.Glob it reports folders that cannot be read.
func expand(pattern string) ([]string, error) {
	folder, name := filepath.Split(pattern)
	folder = filepath.Clean(folder) // "" becomes "."
	if !strings.ContainsAny(name, `*?[\`) {
		folders, err := folders(folder)
		if err != nil {
			return nil, err
		}
		for i, f := range folders {
			folders[i] = filepath.Join(f, name)
		}
		return folders, nil
	}
	folders, err := folders(folder)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range folders {
		entries, err := os.ReadDir(f)
		if err != nil {
			return nil, unreadable(f, err)
		}
		for _, entry := range entries {
			if match, _ := filepath.Match(name, entry.Name()); match {
				out = append(out, filepath.Join(f, entry.Name()))
			}
		}
	}
	return out, nil
}

// folders lists the folders that a pattern matches.
func folders(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		info, err := os.Stat(pattern)
		switch {
		case err != nil:
			return nil, unreadable(pattern, err)
		case !info.IsDir():
			return nil, unreadable(pattern, errors.New("it is not a folder"))
		}
		return []string{pattern}, nil
	}
	all, err := expand(pattern)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.IsDir()
	}), nil
}

// among looks for files by their identity in the folders of the given paths: those that were renamed out of the patterns.
func among(folders []string, ids map[string]bool) map[string]found {
	out := map[string]found{}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		entries, _ := os.ReadDir(folder) // gone: so are the files
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if f := foundOf(filepath.Join(folder, entry.Name()), info); ids[f.id] {
				out[f.id] = f
			}
		}
	}
	return out
}

// quiet reports whether the file had not changed for as long as makes it finished when it was looked at. Reading may take
// longer than that, and the answer must not change meanwhile.
func (s *Source) quiet(f found) bool { return f.looked.Sub(f.mtime) >= s.cfg.DoneAfter }

// op is the name of what fails, in every error of this package.
const op = "file.Read"

func refuse(reason string, err error) error {
	return &fault.Error{Class: fault.Blocked, Reason: reason, Op: op, Err: err}
}

// passing is a verdict that may vanish by itself.
func passing(err error) error {
	f := *fault.From(err)
	f.Class = fault.Transient
	return &f
}

// unreadable is the verdict on what the system will not let us read. It pauses all files: going on with the others would
// hide that records are missing.
func unreadable(path string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ESTALE) {
		return &fault.Error{Class: fault.Transient, Reason: "file_unreadable", Op: op, Err: fmt.Errorf("%s: %w", show(path), err)}
	}
	return refuse("file_unreadable", fmt.Errorf("%s cannot be read: %w; make it readable for this user, or change SLUICE_FILE_PATHS", show(path), err))
}

// show is a path as it can stand in a line of log.
func show(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return fmt.Sprintf("%q", path)
	}
	return path
}
