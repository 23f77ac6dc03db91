package file

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/internal/fault"
)

// maxOpen bounds the files that are kept open between Reads, so that what is deleted or renamed can be read to its end.
const maxOpen = 64

// A Source reads files. What it keeps between Reads changes nothing of what a Read returns while the files are there.
type Source struct {
	cfg    Config
	open   map[string]*os.File // by identity
	same   map[string]look     // by identity: what was found to have nothing more to read
	told   map[string]bool     // losses that were reported
	stream *stream             // the compressed file that was read last, nil if none
}

// A look is what a file was like when it had been read to its end.
type look struct {
	size  int64
	mtime time.Time
	place place
	rest  bool // there was an unfinished line behind
}

// New returns a Source for a Config that is valid. It opens no file yet.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Source{cfg: cfg, open: map[string]*os.File{}, same: map[string]look{}, told: map[string]bool{}}, nil
}

// Close closes the files.
func (s *Source) Close() error {
	for id := range s.open {
		s.release(id)
	}
	return nil
}

// Stream is a stable name of what is read: the patterns.
func (s *Source) Stream() string { return "file:" + strings.Join(s.cfg.patterns(), ":") }

// Fingerprint changes with whatever changes the meaning of a Cursor. The patterns do not: each file has its own place.
func (s *Source) Fingerprint() string {
	sum := sha256.Sum256([]byte("file 1\n" + s.cfg.Format))
	return hex.EncodeToString(sum[:16])
}

// Check looks for the files, and says how many there are.
func (s *Source) Check(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	files, err := s.find()
	if err != nil {
		return "", err
	}
	var size int64
	for _, f := range files {
		file, err := os.Open(f.path)
		if err != nil {
			return "", unreadable(f.path, err)
		}
		_ = file.Close()
		size += f.size
	}
	return fmt.Sprintf("%d files with %d bytes", len(files), size), nil
}

// Read returns the next lines of the files after the cursor, from one file or several. It does not wait: where no file has
// more, the Batch has CaughtUp set.
func (s *Source) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	st, err := decode(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	if err := fault.Stopped(ctx, op); err != nil {
		return ingest.Batch{}, err
	}
	files, err := s.survey(&st)
	if err != nil {
		return ingest.Batch{}, err
	}
	if after == "" && s.cfg.Start == startEnd {
		return s.startAtEnd(ctx, files)
	}
	b := &format.Batch{MostItems: s.cfg.Batch, MostBytes: batchBytes}
	full, err := s.readAll(ctx, &st, files, b)
	if err != nil {
		return ingest.Batch{}, err
	}
	next, err := st.Encode()
	if err != nil {
		return ingest.Batch{}, err
	}
	if after == "" && len(st.Files) == 0 {
		next = "" // nothing has begun
	}
	return ingest.Batch{Items: b.Items, Bad: b.Bad, Next: next, CaughtUp: !full, Position: b.Position}, nil
}

// A file is one that may have something to read.
type file struct {
	found
	moved bool // it is not where its place says
	stray bool // the patterns do not match it any more
}

// survey lists the files in the order in which they are to be read. It removes places whose files are gone, and begins
// places for new files, so that none that was seen is forgotten when it is renamed before its turn.
func (s *Source) survey(st *state) ([]file, error) {
	matched, err := s.find()
	if err != nil {
		return nil, err
	}
	var files []file
	here := map[string]bool{}
	for _, f := range matched {
		here[f.id] = true
		p := st.of(f.id)
		files = append(files, file{found: f, moved: p != nil && p.Path != label(f.path)})
	}
	strays, err := s.strays(st, here)
	if err != nil {
		return nil, err
	}
	files = append(files, strays...)
	s.prune(files)
	if len(files) > s.cfg.MaxFiles {
		return nil, refuse("too_many_files", fmt.Errorf("there are %d files, and a place can be kept for %d; remove or move finished ones (SLUICE_FILE_WHEN_DONE), or raise SLUICE_FILE_MAX_FILES", len(files), s.cfg.MaxFiles))
	}
	slices.SortStableFunc(files, func(a, b file) int { // what was rotated away comes before what took its place
		switch {
		case a.moved != b.moved:
			return cmp.Compare(rank(a.moved), rank(b.moved))
		case a.moved:
			return cmp.Or(a.mtime.Compare(b.mtime), cmp.Compare(a.path, b.path))
		}
		return cmp.Or(cmp.Compare(rank(st.turn(a.found)), rank(st.turn(b.found))), cmp.Compare(a.path, b.path))
	})
	return files, nil
}

// prune lets go of what is kept about files that are not there any more.
func (s *Source) prune(files []file) {
	here := make(map[string]bool, len(files))
	for _, f := range files {
		here[f.id] = true
	}
	for id := range s.open {
		if !here[id] {
			s.release(id)
		}
	}
	maps.DeleteFunc(s.same, func(id string, _ look) bool { return !here[id] })
}

// rank sorts what is true first.
func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// strays finds the files that have a place and that the patterns do not match: by the handle on them, or under another
// name in the folder where they were.
func (s *Source) strays(st *state, here map[string]bool) ([]file, error) {
	lost := map[string]bool{}
	var folders []string
	var out []file
	for _, p := range st.Files {
		if here[p.ID] {
			continue
		}
		if h := s.open[p.ID]; h != nil {
			if info, err := h.Stat(); err == nil {
				out = append(out, file{found: foundOf(p.Path, info), moved: true, stray: true})
				continue
			}
		}
		lost[p.ID] = true
		folders = append(folders, filepath.Dir(p.Path))
	}
	again := among(folders, lost)
	for id := range lost {
		if f, ok := again[id]; ok {
			out = append(out, file{found: f, moved: true, stray: true})
			continue
		}
		if p := st.of(id); p.More {
			if err := s.tell(*p, "is gone: it was deleted or moved to another folder"); err != nil {
				return nil, err
			}
		}
		st.forget(id)
		s.release(id)
	}
	return out, nil
}

// tell reports a loss once: the first time it is an error that lets the next Read go on.
func (s *Source) tell(p place, what string) error {
	key := p.ID + p.Sum
	if s.told[key] {
		return nil
	}
	s.told[key] = true
	return &fault.Error{Class: fault.Transient, Reason: "file_gone", Op: op, Err: fmt.Errorf(
		"%s %s before all of it was read; what stood behind byte %d is lost unless a copy of it is read; reading goes on with the others", show(filepath.Base(p.Path)), what, p.Offset)}
}

// readAll fills the batch from the files, one after the other. full says that there may be more.
func (s *Source) readAll(ctx context.Context, st *state, files []file, b *format.Batch) (full bool, err error) {
	turn, until := st.Turn, st.Until
	st.Turn, st.Until = "", 0
	var waiting error // of a file that may still become whole
	for i, f := range files {
		if full {
			s.notBegun(st, f)
			continue
		}
		if err := fault.Stopped(ctx, op); err != nil {
			return false, err
		}
		at := len(b.Items)
		v, err := s.visit(ctx, f, st.of(f.id), b)
		if err != nil && v.passing {
			waiting, err = err, nil
		}
		if err != nil {
			b.Back(at)
			s.release(f.id) // or it would be there for us when it was taken away
			if len(b.Items) == 0 || ctx.Err() != nil {
				return false, err
			}
			full = true // what was read comes first; then this file is the next
			if i > 0 && !files[i-1].moved {
				st.Turn = label(files[i-1].path)
			}
			s.notBegun(st, f)
			continue
		}
		if v.gone {
			continue
		}
		s.settle(st, f, v)
		if v.more {
			full = true
			if !f.moved {
				st.Turn, st.Until = label(f.path), f.size
				switch {
				case v.place.Packed > 0:
					st.Until = math.MaxInt64 // all of it: it is not the size of the file that counts
				case st.Turn == turn && v.place.Offset < until:
					st.Until = until
				case st.Turn == turn && until > 0:
					st.Until = 0 // its turn is over
				}
			}
		}
	}
	if len(b.Items) == 0 && !full {
		return false, waiting
	}
	return full, nil
}

// notBegun keeps a place for a file that has not had its turn.
func (s *Source) notBegun(st *state, f file) {
	if st.of(f.id) == nil && f.size > 0 {
		p := fresh(f.found)
		p.More = true
		st.put(p)
	}
}

// settle takes over what a visit has found.
func (s *Source) settle(st *state, f file, v visit) {
	p := v.place
	p.More = v.more || v.rest
	finished := !v.more && !v.rest && s.quiet(f.found)
	if !p.More && !f.stray {
		p.Path = label(f.path)
	}
	p.Done = finished && !f.stray && s.cfg.WhenDone != doneLeave && f.size > 0
	switch {
	case finished && f.stray:
		st.forget(f.id)
	case p.Offset > 0 || p.Packed > 0 || p.More || p.Done:
		st.put(p)
	}
	if finished {
		s.release(f.id)
	}
	if v.more {
		delete(s.same, f.id)
		return
	}
	s.same[f.id] = look{size: f.size, mtime: f.mtime, place: p, rest: v.rest}
}

// release closes the handle on a file.
func (s *Source) release(id string) {
	if h := s.open[id]; h != nil {
		if s.stream != nil && s.stream.id == id {
			s.closeStream()
		}
		_ = h.Close()
		delete(s.open, id)
	}
	delete(s.same, id)
}

// fresh is the place at the beginning of a file.
func fresh(f found) place {
	return place{Path: label(f.path), ID: f.id, Sum: emptySum}
}

// label is a path as a cursor can hold it.
func label(path string) string { return strings.ToValidUTF8(path, "\uFFFD") }
