package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// CheckpointPath returns where the checkpoint in the state folder dir lies.
func CheckpointPath(dir string) string { return filepath.Join(dir, "checkpoint") }

// PreviousPath returns where the one before the checkpoint at path lies.
func PreviousPath(path string) string { return path + ".previous" }

// DamagedPath returns where a checkpoint is put that was at path and is not to be used.
func DamagedPath(path string) string { return path + ".damaged" }

// ReadCheckpoint returns the newest whole checkpoint of the one at path and the previous one, whatever source made it. If
// that is the previous one, its Fallback says why. It returns fs.ErrNotExist if there is none, ErrCheckpointDamaged if none is
// whole, and ErrCheckpointNewer if a newer program wrote the last: that is not to be thrown away for something older.
func ReadCheckpoint(path string) (Saved, error) { return readGenerations(atomicfile.OS{}, path) }

func readGenerations(fsys atomicfile.FS, path string) (Saved, error) {
	current, err := readGeneration(fsys, path)
	before, errBefore := readGeneration(fsys, PreviousPath(path))
	switch {
	case err == nil && (errBefore != nil || !before.newer(current)):
		return current, nil
	case err == nil:
		err = fmt.Errorf("%s is older than %s", path, PreviousPath(path))
	case errors.Is(err, fs.ErrNotExist) && errors.Is(errBefore, fs.ErrNotExist), unreadable(err):
		return Saved{}, err
	case unreadable(errBefore):
		return Saved{}, errBefore
	case errors.Is(err, fs.ErrNotExist) && errBefore != nil:
		return Saved{}, errBefore
	case errBefore != nil:
		return Saved{}, bothDamaged(err, errBefore)
	}
	before.Fallback = &fault.Error{Reason: "checkpoint_fallback", Err: err}
	return before, nil
}

// bothDamaged is the error of two generations of which neither is whole; the second may be missing.
func bothDamaged(err, errBefore error) error {
	newer, _ := errors.AsType[damage](err)
	older, _ := errors.AsType[damage](errBefore)
	return refuse("checkpoint_damaged", slices.Concat(newer, older))
}

// unreadable reports an error after which the content may still be whole: for the program that wrote it, or after a while.
func unreadable(err error) bool {
	return err != nil && !errors.Is(err, ErrCheckpointDamaged) && !errors.Is(err, fs.ErrNotExist)
}

// readGeneration reads one file.
func readGeneration(fsys atomicfile.FS, path string) (Saved, error) {
	data, err := atomicfile.Read(fsys, path)
	special, is := errors.AsType[*atomicfile.SpecialFile](err)
	switch {
	case is:
		return Saved{}, damagedAt(path, special.Kind()+" is in its place")
	case errors.Is(err, syscall.EISDIR):
		return Saved{}, damagedAt(path, "a folder is in its place")
	case err != nil:
		return Saved{}, &fault.Error{Reason: "checkpoint_unreadable", Err: fmt.Errorf("read the checkpoint: %w", err)}
	}
	return DecodeCheckpoint(path, data)
}
