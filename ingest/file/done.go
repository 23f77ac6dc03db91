package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"sluice/ingest"
)

// mostNames bounds the numbers that are tried for a file whose name is taken in DoneDir.
const mostNames = 10_000

// Commit moves or deletes the files that are finished before c. One that has changed since is left alone: it will be read
// on. It tries all of them, may be called again with the same cursor, and runs beside Read.
func (s *Source) Commit(ctx context.Context, c ingest.Cursor) error {
	if s.cfg.WhenDone == doneLeave {
		return nil
	}
	st, err := decode(c)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range st.Files {
		if !p.Done || ctx.Err() != nil {
			continue
		}
		if err := s.finish(p); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return refuse("file_not_done", fmt.Errorf("%d files could not be finished, the first: %w", len(errs), errs[0]))
}

// finish moves or deletes one file.
func (s *Source) finish(p place) error {
	ok, err := s.stillDone(p)
	if err != nil || !ok {
		return err
	}
	if s.cfg.WhenDone == doneDelete {
		if err := os.Remove(p.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete %s: %w", show(p.Path), bare(err))
		}
		return nil
	}
	to, err := freeName(filepath.Join(s.cfg.DoneDir, filepath.Base(p.Path)))
	if err != nil {
		return err
	}
	err = os.Rename(p.Path, to)
	switch {
	case errors.Is(err, fs.ErrNotExist) && missing(p.Path):
		return nil
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("move %s: SLUICE_FILE_DONE_DIR is on another file system; name a folder on the same one", show(p.Path))
	case err != nil:
		return fmt.Errorf("move %s to SLUICE_FILE_DONE_DIR: %w", show(p.Path), bare(err))
	}
	return nil
}

// stillDone reports whether the file is what it was when it was found to be finished.
func (s *Source) stillDone(p place) (bool, error) {
	h, err := os.Open(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", show(p.Path), bare(err))
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", show(p.Path), bare(err))
	}
	size := p.Offset
	if p.Packed > 0 {
		size = p.Packed
	}
	f := foundOf(p.Path, info)
	if f.id != p.ID || f.size != size || !s.quiet(f) {
		return false, nil
	}
	same, err := p.is(h)
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", show(p.Path), bare(err))
	}
	return same, nil
}

// freeName is path, or path with a number if there is such a file already: nothing is ever overwritten.
func freeName(path string) (string, error) {
	for i := range mostNames {
		name := path
		if i > 0 {
			name += "." + strconv.Itoa(i)
		}
		if missing(name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("there are %d files named %s in SLUICE_FILE_DONE_DIR", mostNames, show(filepath.Base(path)))
}

// missing reports whether there is nothing at path.
func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// bare is err without the paths in it, which the caller has named already.
func bare(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		return at.Err
	}
	return err
}
