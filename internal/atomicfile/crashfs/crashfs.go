// Package crashfs is a file system in memory that loses what was not synced. Between two crashes it behaves as any other.
// At a crash, of what was written to a file since its last Sync any part may be there or not, block by block, and of the
// names that were made, changed or taken away since the last Sync of their folder, any may be so or not. Imported by tests
// only.
package crashfs

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"sluice/internal/atomicfile"
)

// An Op is what is asked of the file system. All but Open, Size and Names change what is stored, and are the steps at
// which CrashAfter counts.
type Op string

// The operations.
const (
	Open     Op = "open" // without making anything
	Create   Op = "create"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	SyncDir  Op = "syncdir"
	Mkdir    Op = "mkdir"
	Rename   Op = "rename"
	Remove   Op = "remove"
)

// ErrCrashed is what everything fails with between a crash and the next Restart.
var ErrCrashed = errors.New("the machine is off")

// An FS is a file system. Safe for concurrent use; make it with New.
type FS struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	names   map[string]*node // as programs see it
	durable map[string]*node // what a crash leaves for certain
	pending []change         // of names, since they were durable
	left    int              // steps until the crash; below 0: none is planned
	off     bool
	life    int // number of restarts: files of an earlier life are dead
	steps   int
	fail    func(op Op, path string) error
}

// A change of names: node gets the name to, and the name from is gone. Either may be empty.
type change struct {
	from, to string
	node     *node
}

func (c change) folder() string {
	if c.to != "" {
		return filepath.Dir(c.to)
	}
	return filepath.Dir(c.from)
}

func (c change) apply(names map[string]*node) {
	delete(names, c.from)
	if c.to != "" {
		names[c.to] = c.node
	}
}

// New returns a file system with the folder "/" and nothing else in it.
func New(seed uint64) *FS {
	root := map[string]*node{"/": {folder: true}}
	return &FS{rnd: rand.New(rand.NewPCG(seed, 3)), names: root, durable: map[string]*node{"/": root["/"]}, left: -1}
}

// Fail makes every operation ask first whether it fails, and with which error. A Write that fails may have stored a
// beginning. What a Sync that fails has stored is left to chance, and a later Sync says that all is well and stores
// nothing of it. nil: nothing fails.
func (f *FS) Fail(ask func(op Op, path string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = ask
}

// CrashAfter lets n more steps happen; then the machine is off.
func (f *FS) CrashAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = n
}

// Steps is the number of operations so far that changed something.
func (f *FS) Steps() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// Restart crashes the machine, if it is not off already, and switches it on again.
func (f *FS) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.pending {
		if f.rnd.IntN(2) == 0 {
			c.apply(f.durable)
		}
	}
	f.pending = nil
	f.names = map[string]*node{}
	for _, path := range slices.Sorted(maps.Keys(f.durable)) {
		n := f.durable[path]
		if !f.reachable(path) {
			delete(f.durable, path)
			continue
		}
		n.data = n.torn(f.rnd)
		n.durable, n.dirty, n.holder = slices.Clone(n.data), map[int]bool{}, nil
		f.names[path] = n
	}
	f.off, f.left = false, -1
	f.life++
}

// reachable says whether the folder of path has outlived a crash.
func (f *FS) reachable(path string) bool {
	for path != "/" {
		path = filepath.Dir(path)
		if above := f.durable[path]; above == nil || !above.folder {
			return false
		}
	}
	return true
}

// step asks whether an operation may happen. The caller holds mu.
func (f *FS) step(op Op, path string) error {
	if f.off {
		return ErrCrashed
	}
	if f.fail != nil {
		if err := f.fail(op, path); err != nil {
			return &os.PathError{Op: string(op), Path: path, Err: err}
		}
	}
	if op == Open {
		return nil
	}
	if f.left == 0 {
		f.off = true
		return ErrCrashed
	}
	f.left--
	f.steps++
	return nil
}

func (f *FS) change(c change) {
	c.apply(f.names)
	f.pending = append(f.pending, c)
}

// missing is nil if the folder of path is there.
func (f *FS) missing(op Op, path string) error {
	if above := f.names[filepath.Dir(path)]; above == nil || !above.folder {
		return &os.PathError{Op: string(op), Path: path, Err: syscall.ENOENT}
	}
	return nil
}

// Open opens a file or a folder.
func (f *FS) Open(path string, flag int, _ os.FileMode) (atomicfile.File, error) {
	path = filepath.Clean(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[path]
	op := Open
	if n == nil && flag&os.O_CREATE != 0 {
		op = Create
	}
	if err := f.step(op, path); err != nil {
		return nil, err
	}
	switch {
	case n == nil && op == Open:
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	case n != nil && flag&os.O_EXCL != 0:
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EEXIST}
	case n == nil:
		if err := f.missing(op, path); err != nil {
			return nil, err
		}
		n = &node{dirty: map[int]bool{}}
		f.change(change{to: path, node: n})
	}
	return &file{fs: f, node: n, path: path, life: f.life}, nil
}

// Mkdir makes a folder.
func (f *FS) Mkdir(path string, _ os.FileMode) error {
	path = filepath.Clean(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[path] != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: syscall.EEXIST}
	}
	if err := errors.Join(f.step(Mkdir, path), f.missing(Mkdir, path)); err != nil {
		return err
	}
	f.change(change{to: path, node: &node{folder: true}})
	return nil
}

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(Rename, from); err != nil {
		return err
	}
	n := f.names[from]
	if n == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.ENOENT}
	}
	f.change(change{from: from, to: to, node: n})
	return nil
}

// Remove takes a name away.
func (f *FS) Remove(path string) error {
	path = filepath.Clean(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(Remove, path); err != nil {
		return err
	}
	if f.names[path] == nil {
		return &os.PathError{Op: "remove", Path: path, Err: syscall.ENOENT}
	}
	f.change(change{from: path})
	return nil
}

// Names lists a folder.
func (f *FS) Names(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(Open, dir); err != nil {
		return nil, err
	}
	if n := f.names[dir]; n == nil || !n.folder {
		return nil, &os.PathError{Op: "open", Path: dir, Err: syscall.ENOENT}
	}
	var names []string
	for path := range f.names {
		if path != "/" && filepath.Dir(path) == dir {
			names = append(names, strings.TrimPrefix(path[len(dir):], "/"))
		}
	}
	slices.Sort(names)
	return names, nil
}
