package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/ingest"
)

const (
	cursorVersion = 1
	unknownLine   = -1
)

// A state is what a Cursor holds: a place in every file that was begun.
type state struct {
	Version int     `json:"v"`
	Turn    string  `json:"t,omitempty"` // path of the file that was read last, if the batch was full
	Until   int64   `json:"u,omitempty"` // where its turn ends: its size when that began, so that one that grows does not keep the others waiting
	Files   []place `json:"f,omitempty"` // sorted by path, then identity

	index map[string]int // of Files by identity; nil: to be made
}

// A place says how far a file was read.
type place struct {
	Path   string `json:"p"`           // where it was when it had been read to its end last
	ID     string `json:"i"`           // device and inode
	Sum    string `json:"s"`           // what it looked like up to Offset, or Packed
	Offset int64  `json:"o"`           // bytes read of what is in it, unpacked
	Line   int64  `json:"l,omitempty"` // lines read; unknownLine if reading began in the middle
	Packed int64  `json:"z,omitempty"` // size of a compressed file when it was looked at
	More   bool   `json:"m,omitempty"` // there was more to read
	Done   bool   `json:"d,omitempty"` // it is finished, and all of it is before this cursor
}

// encode returns the Cursor of st. Equal states have equal cursors.
func (st state) Encode() (ingest.Cursor, error) {
	st.Version, st.index = cursorVersion, nil
	slices.SortFunc(st.Files, func(a, b place) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(st); err != nil {
		return "", err
	}
	return ingest.Cursor(strings.TrimSuffix(b.String(), "\n")), nil
}

// decode reads a Cursor.
func decode(c ingest.Cursor) (state, error) { return ingest.DecodeCursor(c, op, state.check) }

// check reports what cannot come from encode.
func (st state) check() error {
	if st.Version != cursorVersion {
		return fmt.Errorf("its version is %d, this program reads %d", st.Version, cursorVersion)
	}
	seen := map[string]bool{}
	if st.Until < 0 {
		return errors.New("it holds a place that is out of range")
	}
	for _, p := range st.Files {
		switch {
		case p.Offset < 0 || p.Line < unknownLine || p.Packed < 0:
			return errors.New("it holds a place that is out of range")
		case p.Path == "" || p.ID == "" || p.Sum == "":
			return errors.New("it holds a file without path, identity or sum")
		case seen[p.ID]:
			return errors.New("it holds a file twice")
		}
		seen[p.ID] = true
	}
	return nil
}

// of returns the place of a file, nil if it was not begun.
func (st *state) of(id string) *place {
	if st.index == nil {
		st.index = make(map[string]int, len(st.Files))
		for i, p := range st.Files {
			st.index[p.ID] = i
		}
	}
	if i, ok := st.index[id]; ok {
		return &st.Files[i]
	}
	return nil
}

// forget removes the place of a file.
func (st *state) forget(id string) {
	st.Files = slices.DeleteFunc(st.Files, func(p place) bool { return p.ID == id })
	st.index = nil
}

// turn reports whether a file comes before those that had their turn already.
func (st *state) turn(f found) bool {
	if label(f.path) != st.Turn {
		return label(f.path) > st.Turn
	}
	p := st.of(f.id)
	return p != nil && p.Offset < st.Until
}

// put sets the place of a file.
func (st *state) put(p place) {
	if old := st.of(p.ID); old != nil {
		*old = p
		return
	}
	st.index[p.ID] = len(st.Files)
	st.Files = append(st.Files, p)
}
