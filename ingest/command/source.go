package command

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
)

// A Source runs a program again and again. What it keeps between Reads is a run that the next Read may go on with, and
// nothing that changes what a Read returns, but for the wait that a failure asks for.
type Source struct {
	cfg    Config
	run    *run          // nil: none
	at     ingest.Cursor // the place that run stands at
	failed error         // how the run has ended that stood at at; told by the next Read
	ending *run          // was stopped, and may not be gone yet; nil: none
	begun  time.Time     // when the last run did
	ends   failures
}

// New returns a Source for a Config that is valid; it starts nothing yet.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	return &Source{cfg: cfg}, nil
}

// Close ends the program and all of its group, and waits until it is gone.
func (s *Source) Close() error {
	s.drop()
	if s.ending == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*grace) // what SIGKILL does not end, nothing does
	defer cancel()
	if wait(ctx, s.ending.done) != nil {
		return fmt.Errorf("%s does not end", s.cfg.name())
	}
	return nil
}

// Stream is a stable name of what is read: the name of the program, without its arguments.
func (s *Source) Stream() string { return "command:" + s.cfg.name() }

// Fingerprint changes with whatever may change the meaning of a Cursor: the program's name, its arguments without those that
// sound like secrets, its folder, the format, and the stream that is wanted.
func (s *Source) Fingerprint() string {
	_, words := s.cfg.Argv.secrets()
	words[0] = filepath.Base(words[0])
	parts := append([]string{"command 1", s.cfg.Dir, s.cfg.Format, s.cfg.Stream, strings.Join(s.cfg.Columns, "\x00")}, words...)
	if s.cfg.Format == formatCSV {
		parts = append(parts, s.cfg.Delimiter)
	}
	return ingest.Fingerprint(parts...)
}

// checkFor bounds how long Check waits for a first record.
const checkFor = 10 * time.Second

// Check runs the program from the beginning until it has printed a record, and says in words what came. It is for people
// who try a configuration.
func (s *Source) Check(ctx context.Context) (string, error) {
	cfg := s.cfg
	cfg.Batch = 1
	once := &Source{cfg: cfg}
	defer once.Close()
	limited, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	b, err := once.Read(limited, "")
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		return fmt.Sprintf("%s runs, and has printed no record within %v", cfg.name(), checkFor), nil
	case err != nil:
		return "", err
	case len(b.Items) == 0:
		return cfg.name() + " has ended well, and has printed no record", nil
	}
	return fmt.Sprintf("%s runs, and has printed a record of %d bytes", cfg.name(), len(b.Items[0])), nil
}

// Read returns what the program prints next, at most Batch items. It waits for output; where a run ends well, the Batch has
// CaughtUp set. When ctx ends the program is stopped.
func (s *Source) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	if ctx.Err() != nil {
		return ingest.Batch{}, context.Cause(ctx)
	}
	b, err := s.read(ctx, after)
	switch {
	case err == nil:
		s.ends.read(b)
	case ctx.Err() == nil:
		err = s.ends.failed(s.cfg, s.begun, err)
	}
	return b, err
}

// read is Read, without an account of failures.
func (s *Source) read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	at, err := s.decode(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	if failed := s.failed; failed != nil {
		s.failed = nil
		if s.at == after {
			return ingest.Batch{}, failed
		}
	}
	if s.run != nil && s.at != after {
		s.drop()
	}
	if s.run == nil {
		if err := s.resume(ctx, at); err != nil {
			s.drop()
			return ingest.Batch{}, err
		}
	}
	var b ingest.Batch
	err = s.run.limited(func(limit <-chan time.Time) error {
		b, err = s.fill(ctx, limit, after, at)
		return err
	})
	if err != nil {
		s.drop()
		return ingest.Batch{}, err
	}
	s.at = b.Next
	if b.CaughtUp || s.failed != nil {
		s.drop()
	}
	return b, nil
}

// drop stops the run.
func (s *Source) drop() {
	if s.run != nil {
		s.run.stop()
		s.ending, s.run = s.run, nil
	}
}

// start begins a run behind the mark of at, when the one before is gone: two at once could stand in each other's way.
func (s *Source) start(ctx context.Context, at position) (err error) {
	s.drop()
	if s.ending != nil {
		if err := wait(ctx, s.ending.done); err != nil {
			return err
		}
		s.ending = nil
	}
	s.begun = time.Now()
	s.run, err = begin(s.cfg, at)
	return err
}

// resume starts a run and passes over the items that lie before at. If the program does not print them again, exactly, then
// what it prints is news from the start: it is run once more, and nothing is passed over.
func (s *Source) resume(ctx context.Context, at position) error {
	if err := s.start(ctx, at); err != nil {
		return err
	}
	same := true
	err := s.run.limited(func(limit <-chan time.Time) error {
		for same && s.run.whole.n < at.Items {
			e, err := s.run.receive(ctx, nil, limit)
			switch {
			case err != nil:
				return err
			case e.ended && e.err != nil:
				return e.err
			case e.ended:
				same = false
				continue
			}
			s.run.follow(e)
			same = e.mark != "" || s.run.whole.agrees(at)
		}
		return nil
	})
	if err != nil || same {
		return err
	}
	s.cfg.Note(fmt.Sprintf("%s has not printed the same again: all that it prints is delivered, also what it has printed before", s.cfg.name()))
	return s.start(ctx, at)
}

// A stand is what a Batch holds up to a mark.
type stand struct {
	items int
	at    position
}

// fill reads one Batch from the run, which stands at after.
func (s *Source) fill(ctx context.Context, limit <-chan time.Time, after ingest.Cursor, at position) (ingest.Batch, error) {
	var b ingest.Batch
	var lines []int64
	var marked *stand // up to the last mark
	var linger <-chan time.Time
	for size := 0; len(b.Items) < s.cfg.Batch && size < maxBatchBytes; {
		e, err := s.run.receive(ctx, linger, limit)
		if err == errLingered { //nolint:errorlint // a mark of our own
			break
		}
		if err == nil && e.ended && e.err == nil {
			b.CaughtUp = true
			break
		}
		if e.ended {
			err = e.err
		}
		if err != nil {
			return s.upTo(ctx, marked, b, lines, after, at, err)
		}
		s.run.follow(e)
		if e.mark != "" {
			marked = &stand{len(b.Items), s.run.position()}
		} else {
			size += len(e.item)
			b.Items, lines = append(b.Items, e.item), append(lines, e.line)
		}
		if e.bad != nil {
			if b.Bad == nil {
				b.Bad = map[int]error{}
			}
			b.Bad[len(b.Items)-1] = e.bad
		}
		if linger == nil {
			timer := time.NewTimer(s.cfg.Linger)
			defer timer.Stop()
			linger = timer.C
		}
	}
	return s.finished(b, lines, after, at, s.run.position())
}

// upTo ends a Batch of a run that has failed: what lies before the last mark stands, because the program itself has said so,
// and the failure is told by the next Read. All else counts for nothing.
func (s *Source) upTo(ctx context.Context, marked *stand, b ingest.Batch, lines []int64, after ingest.Cursor, at position, failed error) (ingest.Batch, error) {
	if marked == nil || ctx.Err() != nil {
		return ingest.Batch{}, failed
	}
	for i := range b.Bad {
		if i >= marked.items {
			delete(b.Bad, i)
		}
	}
	b.Items = slices.Delete(b.Items, marked.items, len(b.Items))
	b, err := s.finished(b, lines[:marked.items], after, at, marked.at)
	if err == nil && b.Next == after {
		return ingest.Batch{}, failed
	}
	s.failed = failed
	return b, err
}

// finished completes a Batch that ends at next.
func (s *Source) finished(b ingest.Batch, lines []int64, after ingest.Cursor, at, next position) (ingest.Batch, error) {
	if len(b.Items) == 0 && next.Mark == at.Mark {
		b.Next = after
		return b, nil
	}
	var err error
	if b.Next, err = next.Encode(); err == nil && b.Next == after && len(b.Items) > 0 {
		s.run.again = at.Again + 1 // the program has come back to where it was, with records in between
		next.Again = s.run.again
		b.Next, err = next.Encode()
	}
	name := s.cfg.name()
	b.Position = func(i int) string { return fmt.Sprintf("%s, line %d of its output", name, lines[i]) }
	return b, err
}
