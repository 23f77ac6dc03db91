package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sluice/internal/atomicfile"
	"sluice/internal/fault"
)

// A FileCheckpoint keeps the cursor in a file that people can read, and the one before it in a second file. It belongs to
// one process at a time and to one source. Two things keep other processes off: a lock on a file beside it, which the
// kernel frees when a process dies, however it dies; and, where the lock fails (the file was removed, the folder is shared
// over a network that does not lock), the epoch and the count of writes in the file itself.
type FileCheckpoint struct {
	o    CheckpointOptions
	fs   atomicfile.FS
	path string
	lock atomicfile.File

	writer string // the name of this process in what it writes
	base   Saved  // what it has taken over; the zero Saved if there was nothing
	epoch  uint64 // of what it writes; 0: it has taken nothing over yet
	seq    uint64 // the highest that it has read or written
	taken  bool   // another process has taken it over
}

// CheckpointOptions say which checkpoint is opened, and how.
type CheckpointOptions struct {
	Dir         string // the state folder; it is made if need be
	Fingerprint string // of the source
	// Wait is for how long to wait for another process to give the checkpoint free, as the one does that is being
	// replaced by this one. 0: not at all.
	Wait     time.Duration
	Waiting  func()      // told once if the wait begins; may be nil
	FellBack func(error) // told if Load has to take the previous checkpoint; may be nil
}

// lockPoll is the time between two looks at a lock that another process holds.
const lockPoll = 100 * time.Millisecond

// OpenCheckpoint locks the checkpoint. It fails with ErrCheckpointLocked if another process has it for longer than Wait.
func OpenCheckpoint(ctx context.Context, o CheckpointOptions) (*FileCheckpoint, error) {
	return openCheckpoint(ctx, atomicfile.OS{}, o)
}

func openCheckpoint(ctx context.Context, fsys atomicfile.FS, o CheckpointOptions) (*FileCheckpoint, error) {
	if err := atomicfile.MkdirAll(fsys, o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the state folder: %w", err)
	}
	lock, err := fsys.Open(filepath.Join(o.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock in the state folder: %w", err)
	}
	if err := o.take(ctx, lock); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &FileCheckpoint{o: o, fs: fsys, path: CheckpointPath(o.Dir), lock: lock, writer: rand.Text()}, nil
}

// take waits for the lock.
func (o CheckpointOptions) take(ctx context.Context, lock atomicfile.File) error {
	err := lockWithin(ctx, lock, o.Wait, lockPoll, o.Waiting)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return refuse("checkpoint_locked", fmt.Errorf("%w in %s; stop it, or set SLUICE_STATE_DIR to a folder of its own", ErrCheckpointLocked, o.Dir))
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("lock the state folder: %w", err)
	}
	return err
}

// Load returns the cursor saved last, or the empty one if there is no checkpoint. The first Load takes the checkpoint over:
// what another process that believes to have it saves from then on is refused.
func (c *FileCheckpoint) Load(context.Context) (Cursor, error) {
	saved, err := c.read()
	if errors.Is(err, fs.ErrNotExist) {
		if c.epoch == 0 {
			c.epoch = 1 // the first Save makes it ours
			_ = atomicfile.Sweep(c.fs, c.path)
		}
		return "", nil
	}
	if err != nil || c.epoch > 0 {
		return saved.Cursor, err
	}
	if saved.Fallback != nil && c.o.FellBack != nil {
		c.o.FellBack(saved.Fallback)
	}
	return c.claim(saved)
}

// read returns the newest checkpoint if it is one of our source.
func (c *FileCheckpoint) read() (Saved, error) {
	saved, err := readGenerations(c.fs, c.path)
	if err == nil && saved.Fingerprint != c.o.Fingerprint {
		return Saved{}, refuse("checkpoint_foreign", fmt.Errorf("%w (%s, saved %s): its cursor means nothing to the source configured now; configure the old source, "+
			"set SLUICE_STATE_DIR to a new folder, or run 'sluice checkpoint reset' to read from the beginning",
			ErrCheckpointForeign, c.path, saved.SavedAt.Format(time.RFC3339)))
	}
	return saved, err
}

// claim writes saved once more under an epoch of our own, and returns the cursor to go on from.
func (c *FileCheckpoint) claim(saved Saved) (Cursor, error) {
	for tries := 1; ; tries++ {
		c.base, c.epoch, c.seq = saved, saved.Epoch+1, max(c.seq, saved.Seq)
		err := c.write(saved.Cursor, saved.SavedAt)
		if err == nil {
			// Another process without the lock may be in the middle of a Save: it has looked and not yet seen our claim;
			// we claim; it renames its file over ours. Without its file it cannot, and the next it makes before it looks.
			_ = atomicfile.Sweep(c.fs, c.path)
			if on, err := readGeneration(c.fs, c.path); err == nil && on.Writer == c.writer {
				return saved.Cursor, nil
			}
		}
		now, again := c.read()
		switch {
		case again != nil:
			return "", again
		case tries == 100: // somebody writes without end
			return "", c.usurped()
		case err == nil, errors.Is(err, fs.ErrNotExist): // it was in between, as said
		case errors.Is(err, ErrCheckpointTaken) && now.Epoch < c.epoch: // it has saved before it could see us
		case errors.Is(err, ErrCheckpointTaken):
			return "", err
		default:
			return saved.Cursor, nil // a full disk, say: the first Save claims, and whoever calls it waits for the disk
		}
		c.taken, saved = false, now
	}
}

// Save makes cursor durable: after a crash the files hold the old cursor or the new one (I2). It fails with
// ErrCheckpointTaken, for good, once another process has taken the checkpoint over; the caller has to end.
func (c *FileCheckpoint) Save(_ context.Context, cursor Cursor) error {
	return c.write(cursor, time.Now().UTC().Truncate(time.Millisecond))
}

func (c *FileCheckpoint) write(cursor Cursor, at time.Time) error {
	next := Saved{Fingerprint: c.o.Fingerprint, Epoch: max(c.epoch, 1), Seq: c.seq + 1, Writer: c.writer, SavedAt: at, Cursor: cursor}
	data, err := next.encode()
	if err != nil {
		return err
	}
	err = c.replace(data)
	if err != nil && !errors.Is(err, ErrCheckpointTaken) {
		return &fault.Error{Reason: "checkpoint_unwritable", Op: "save checkpoint " + c.path, Err: err}
	}
	return err
}

// replace makes data the checkpoint, and the checkpoint the previous one. The order matters: first the new file, then the
// look for another process, as claim says; first the old name, then the new one, so that one of them is always there.
func (c *FileCheckpoint) replace(data []byte) error {
	if c.taken {
		return c.usurped()
	}
	temp, err := atomicfile.Prepare(c.fs, c.path, data, 0o600)
	if err != nil {
		return err
	}
	aside, err := c.makeWay()
	if err == nil && aside != "" {
		err = c.fs.Rename(c.path, aside)
	}
	if err == nil {
		err = c.fs.Rename(temp, c.path)
	}
	if err != nil {
		_ = c.fs.Remove(temp)
		return err
	}
	c.seq++ // also if what follows fails: a file with this count may be there
	return atomicfile.SyncDir(c.fs, c.o.Dir)
}

// makeWay says where to put what is in place of the checkpoint, "" if nothing is. Only what is whole and ours may take the
// place of the previous one, which is the last that can be fallen back to.
func (c *FileCheckpoint) makeWay() (aside string, err error) {
	on, err := readGeneration(c.fs, c.path)
	gone := errors.Is(err, fs.ErrNotExist)
	if gone {
		on, err = readGeneration(c.fs, PreviousPath(c.path))
	}
	switch {
	case errors.Is(err, ErrCheckpointNewer), err == nil && !c.ours(on) && on.newer(c.base):
		c.taken = true
		return "", c.usurped()
	case unreadable(err):
		return "", err
	case gone:
		return "", nil
	case err == nil && c.ours(on):
		return PreviousPath(c.path), nil
	}
	return DamagedPath(c.path), nil
}

// ours reports whether this process has written s, or has taken it over.
func (c *FileCheckpoint) ours(s Saved) bool {
	return s.Writer == c.writer || s.Writer == c.base.Writer && s.Epoch == c.base.Epoch && s.Seq == c.base.Seq && s.Cursor == c.base.Cursor
}

func (c *FileCheckpoint) usurped() error {
	return refuse("checkpoint_taken", fmt.Errorf("%w (%s); this one must not go on beside it; keep one daemon for each SLUICE_STATE_DIR", ErrCheckpointTaken, c.path))
}

// Close gives the checkpoint free for another process.
func (c *FileCheckpoint) Close() error { return c.lock.Close() }
