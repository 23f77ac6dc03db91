package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"sluice/internal/fault"
)

// Saved is the content of a checkpoint file.
type Saved struct {
	Format      string    `json:"format"` // always "sluice checkpoint"
	Version     int       `json:"version"`
	Fingerprint string    `json:"source"`   // of the source that made the cursor
	Epoch       uint64    `json:"epoch"`    // which process wrote it: each that takes the checkpoint over counts one further
	Seq         uint64    `json:"seq"`      // which write it is, over all epochs; it never goes back, whatever the clock does
	Writer      string    `json:"writer"`   // a random name of that process
	SavedAt     time.Time `json:"saved_at"` // when the cursor was saved; for people
	Cursor      Cursor    `json:"cursor"`

	Fallback error `json:"-"` // why this is not the newest that was written, or could not be; nil: it is
}

const (
	checkpointFormat  = "sluice checkpoint"
	checkpointVersion = 2 // 1 had no epoch, seq and writer
)

// What can be wrong with a checkpoint. None of it is mended by starting from the beginning; a person decides.
var (
	ErrCheckpointDamaged = errors.New("the checkpoint is damaged")
	ErrCheckpointNewer   = errors.New("the checkpoint was written by a newer program")
	ErrCheckpointForeign = errors.New("the checkpoint belongs to another source")
	ErrCheckpointLocked  = errors.New("another process holds the checkpoint")
	ErrCheckpointTaken   = errors.New("another process has taken the checkpoint over")
)

// A damage says where and why a checkpoint is damaged: of one file, or of both generations.
type damage []string

func damagedAt(path, what string) error {
	return refuse("checkpoint_damaged", damage{path + ": " + what})
}

// Error says what to do too.
func (d damage) Error() string {
	files := "the file"
	if len(d) > 1 {
		files = "one of the files"
	}
	return fmt.Sprintf("%v (%s); restore %s, or run 'sluice checkpoint reset' to read from the beginning", ErrCheckpointDamaged, strings.Join(d, "; "), files)
}

// Unwrap says what kind of error it is.
func (d damage) Unwrap() error { return ErrCheckpointDamaged }

// refuse makes a fault that no retry mends.
func refuse(reason string, err error) error {
	return &fault.Error{Class: fault.Blocked, Reason: reason, Err: err}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode makes the two lines of a checkpoint file: JSON for people, and its checksum.
func (s Saved) encode() ([]byte, error) {
	s.Format, s.Version = checkpointFormat, checkpointVersion
	line, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the checkpoint: %w", err)
	}
	line = append(line, '\n')
	return fmt.Appendf(line, "crc32c %08x\n", crc32.Checksum(line, castagnoli)), nil
}

// DecodeCheckpoint reads the content of the file at path, which is named in errors only. It fails with
// ErrCheckpointDamaged if a byte of it is wrong, and with ErrCheckpointNewer if it is whole and of a later version.
func DecodeCheckpoint(path string, data []byte) (Saved, error) {
	var saved Saved
	damaged := func(what string) (Saved, error) { return Saved{}, damagedAt(path, what) }
	if len(data) == 0 {
		return damaged("it is empty")
	}
	line, sum, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return damaged("it ends in the middle of a line")
	}
	line = data[:len(line)+1]
	if want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(line, castagnoli)); string(sum) != want {
		return damaged("the checksum does not match")
	}
	if err := json.Unmarshal(line, &saved); err != nil {
		return damaged("its first line is not the JSON of a checkpoint")
	}
	switch {
	case saved.Format != checkpointFormat:
		return damaged(fmt.Sprintf("its format is %.40q, want %q", saved.Format, checkpointFormat))
	case saved.Version > checkpointVersion:
		return Saved{}, refuse("checkpoint_newer", fmt.Errorf("%w (%s: version %d, this program reads up to %d); run the program that wrote it, or 'sluice checkpoint reset' to read from the beginning",
			ErrCheckpointNewer, path, saved.Version, checkpointVersion))
	case saved.Version < 1:
		return damaged(fmt.Sprintf("there is no version %d", saved.Version))
	}
	return saved, nil
}

// newer reports whether s was written after other.
func (s Saved) newer(other Saved) bool {
	if s.Epoch != other.Epoch {
		return s.Epoch > other.Epoch
	}
	return s.Seq > other.Seq
}
