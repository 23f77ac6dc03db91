package ingest

import (
	"context"

	"sluice/internal/atomicfile"
)

// OpenCheckpointOn is OpenCheckpoint on another file system.
func OpenCheckpointOn(ctx context.Context, fsys atomicfile.FS, o CheckpointOptions) (*FileCheckpoint, error) {
	return openCheckpoint(ctx, fsys, o)
}

// ReadCheckpointOn is ReadCheckpoint on another file system.
func ReadCheckpointOn(fsys atomicfile.FS, path string) (Saved, error) {
	return readGenerations(fsys, path)
}

// OpenDeadLetterOn is OpenDeadLetter on another file system.
func OpenDeadLetterOn(fsys atomicfile.FS, dir string) *FileDeadLetter {
	return &FileDeadLetter{fs: fsys, dir: dir}
}

// Read is ReadDeadLetters.
func (d *FileDeadLetter) Read(each func(Letter) error) error { return d.read(each) }

// Remove is RemoveDeadLetters.
func (d *FileDeadLetter) Remove(gone func(Letter) bool) (int, error) { return d.remove(gone) }
