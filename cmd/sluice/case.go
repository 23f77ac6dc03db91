package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/config"
	"sluice/internal/exchange"
)

// The files of a case.
const (
	settingsFile = "case.env"       // settings, without secrets
	recordsFile  = "records.ndjson" // items, a line each; instead of pages
	pageExt      = ".http"          // recorded pages, in the order of their names
	startFile    = "cursor"         // where to begin; absent: at the beginning
	expectFile   = "expect.json"
)

// A testCase is a folder that says what comes in and what has to come of it.
type testCase struct {
	dir   string
	vars  map[string]string // its settings
	pages []string          // names of the recorded pages
	plays []exchange.Exchange
	items [][]byte // instead of pages; nil: there is no such file
	start ingest.Cursor
	want  []byte // expectations, as they are written; nil: there are none
}

// isCase reports whether a folder holds files of a case.
func isCase(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return !e.IsDir() && (e.Name() == settingsFile || e.Name() == recordsFile || e.Name() == expectFile || filepath.Ext(e.Name()) == pageExt)
	}), nil
}

// loadCase reads a case. Over its settings go those of over, where a name ending in _FILE is as it would be without the case.
func loadCase(dir string, over map[string]string) (*testCase, error) {
	c := &testCase{dir: dir, vars: map[string]string{}}
	vars, err := config.ParseEnvFile(filepath.Join(dir, settingsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	named := map[string]bool{}
	for name, value := range vars {
		if strings.HasSuffix(name, "_FILE") && !filepath.IsAbs(value) {
			named[value] = true
			value = filepath.Join(dir, value)
		}
		c.vars[name] = value
	}
	maps.Copy(c.vars, over)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		var err error
		switch {
		case name == settingsFile, name == "README.md", named[name], e.IsDir():
		case name == recordsFile:
			c.items, err = readItems(filepath.Join(dir, name))
		case name == startFile:
			var data []byte
			data, err = atomicfile.Read(atomicfile.OS{}, filepath.Join(dir, name))
			c.start = ingest.Cursor(bytes.TrimRight(data, "\r\n"))
		case name == expectFile:
			c.want, err = atomicfile.Read(atomicfile.OS{}, filepath.Join(dir, name))
		case filepath.Ext(name) == pageExt:
			err = c.addPage(name)
		default:
			err = fmt.Errorf("%s is no part of a case, which has %s, %s or pages named 001%s and so on, %s, and files that %s names",
				name, settingsFile, recordsFile, pageExt, expectFile, settingsFile)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case c.items == nil && len(c.pages) == 0:
		return nil, fmt.Errorf("there is nothing to play: neither %s nor a page such as 001%s", recordsFile, pageExt)
	case c.items != nil && len(c.pages) > 0:
		return nil, fmt.Errorf("there are %s and pages (%s); keep one of them", recordsFile, c.pages[0])
	case c.items != nil && c.start != "":
		return nil, fmt.Errorf("there is a %s, which only pages have", startFile)
	}
	return c, nil
}

func (c *testCase) addPage(name string) error {
	data, err := atomicfile.Read(atomicfile.OS{}, filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	x, err := exchange.Unmarshal(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.pages, c.plays = append(c.pages, name), append(c.plays, x)
	return nil
}

// readItems reads a file with an item in each line.
func readItems(path string) ([][]byte, error) {
	data, err := atomicfile.Read(atomicfile.OS{}, path)
	if err != nil {
		return nil, err
	}
	items := [][]byte{}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if text, encoded := bytes.CutPrefix(line, []byte(encodedItem)); encoded {
			if line, err = base64.StdEncoding.AppendDecode(nil, text); err != nil {
				return nil, fmt.Errorf("%s, line %d: what follows %s is not base64", filepath.Base(path), n, encodedItem)
			}
		}
		items = append(items, bytes.Clone(line))
	}
	return items, nil
}

// An expectation is what comes of a case.
type expectation struct {
	Pages    []pageSeen   `json:"pages,omitempty"`
	Next     string       `json:"next,omitempty"` // what the cursor after the last page asks for
	Records  []recordLine `json:"records"`
	SetAside []deadItem   `json:"set_aside,omitempty"`
	Filtered int          `json:"filtered,omitempty"`
	Error    *setAside    `json:"error,omitempty"` // what ended the reading; its stage is read
}

// A deadItem is an item that is set aside.
type deadItem struct {
	*setAside
	Position   string          `json:"position,omitempty"`
	Item       json.RawMessage `json:"item,omitempty"`
	ItemBase64 string          `json:"item_base64,omitempty"`
}

// A pageSeen is one read of the source.
type pageSeen struct {
	Asked    []string `json:"asked"`
	Items    int      `json:"items"`
	CaughtUp bool     `json:"caught_up,omitempty"`
}

// add notes what was made of items.
func (e *expectation) add(items []shaped) {
	for _, s := range items {
		switch {
		case s.aside != nil:
			dead := deadItem{setAside: s.aside, Position: s.position}
			dead.Item, dead.ItemBase64 = embedded(s.item)
			e.SetAside = append(e.SetAside, dead)
		case len(s.records) == 0:
			e.Filtered++
		}
		if s.aside == nil {
			for _, r := range s.records {
				e.Records = append(e.Records, newRecordLine(r))
			}
		}
	}
}

// text writes an expectation for a file that people read and compare.
func (e expectation) text() ([]byte, error) {
	if e.Records == nil {
		e.Records = []recordLine{}
	}
	data, err := compact(e)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// expect writes the expectations of the case.
func (c *testCase) expect(e expectation) error {
	text, err := e.text()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, expectFile), text, 0o600)
}

// play does with the case what the daemon would do, and connects to nobody. It changes the environment of the process while it
// runs.
func (c *testCase) play(ctx context.Context) (expectation, error) {
	var got expectation
	err := inEnvironment(c.vars, func() error {
		var err error
		if c.items != nil {
			got, err = c.playItems()
			return err
		}
		got, err = c.playPages(ctx)
		return err
	})
	return got, err
}
