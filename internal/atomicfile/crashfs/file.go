package crashfs

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// A file is one that is open.
type file struct {
	fs   *FS
	node *node
	path string
	life int
}

// enter begins an operation. The caller calls leave.
func (h *file) enter(op Op) (leave func(), err error) {
	h.fs.mu.Lock()
	if h.life != h.fs.life {
		err = ErrCrashed
	} else {
		err = h.fs.step(op, h.path)
	}
	return h.fs.mu.Unlock, err
}

func (h *file) ReadAt(p []byte, at int64) (int, error) {
	leave, err := h.enter(Open)
	defer leave()
	if err != nil {
		return 0, err
	}
	if at >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) WriteAt(p []byte, at int64) (int, error) {
	leave, err := h.enter(Write)
	defer leave()
	if errors.Is(err, ErrCrashed) {
		return 0, err
	}
	if err != nil && len(p) > 0 { // as on a disk that is full: a beginning may be there
		p = p[:h.fs.rnd.IntN(len(p))]
	}
	h.node.store(p, int(at))
	return len(p), err
}

func (h *file) Truncate(size int64) error {
	leave, err := h.enter(Truncate)
	defer leave()
	if err != nil {
		return err
	}
	if size > int64(len(h.node.data)) {
		return &os.PathError{Op: "truncate", Path: h.path, Err: syscall.EINVAL}
	}
	h.node.cut(int(size))
	return nil
}

func (h *file) Sync() error {
	op := Sync
	if h.node.folder {
		op = SyncDir
	}
	leave, err := h.enter(op)
	defer leave()
	switch {
	case err != nil:
		if op == Sync && !errors.Is(err, ErrCrashed) {
			h.node.forget(h.fs.rnd)
		}
		return err
	case op == Sync:
		h.node.sync()
		return nil
	}
	var rest []change
	for _, c := range h.fs.pending {
		if c.folder() != h.path {
			rest = append(rest, c)
			continue
		}
		c.apply(h.fs.durable)
	}
	h.fs.pending = rest
	return nil
}

func (h *file) Size() (int64, error) {
	leave, err := h.enter(Open)
	defer leave()
	return int64(len(h.node.data)), err
}

func (h *file) Lock() error {
	leave, err := h.enter(Open)
	defer leave()
	if err != nil {
		return err
	}
	if h.node.holder != nil && h.node.holder != h {
		return syscall.EWOULDBLOCK
	}
	h.node.holder = h
	return nil
}

func (h *file) Close() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.node.holder == h {
		h.node.holder = nil
	}
	return nil
}
