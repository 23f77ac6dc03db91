package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/exchange"
	"sluice/internal/redact"
)

// A recorder keeps what a fetch meets, and writes it as a case.
type recorder struct {
	dir       string
	made      bool // the folder was not there before
	start     ingest.Cursor
	exchanges []exchange.Exchange // of an HTTP source
	lines     [][]byte            // items of another one
	size      int                 // of both, in bytes
	bad       int                 // items of which the source could not make records
}

// maxRecorded bounds a case, which people are to read, and which is held in memory until it is written.
const maxRecorded = 64 << 20

// full reports that a case has become too large.
func (r *recorder) full() error {
	if r == nil || r.size <= maxRecorded {
		return nil
	}
	return withCode(exitUsage, fmt.Errorf("--record: this is more than %d MiB, too much for a case, and nothing is written; ask for fewer --pages", maxRecorded>>20))
}

// newRecorder refuses a folder that holds something: a case is written whole, or not at all.
func newRecorder(dir string, start ingest.Cursor) (*recorder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, withCode(exitUsage, fmt.Errorf("--record: %w", err))
	}
	if len(entries) > 0 {
		return nil, withCode(exitUsage, fmt.Errorf("--record: %s is not empty; name a folder that is not there yet", dir))
	}
	r := &recorder{dir: dir, start: start, made: err != nil}
	if err := r.writable(); err != nil {
		r.tidy()
		return nil, withCode(exitUsage, fmt.Errorf("--record: %w", err))
	}
	return r, nil
}

// writable makes the folder and sees whether files can be made in it, before anything is pulled for them.
func (r *recorder) writable() error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(r.dir, "try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// tidy removes the folder that was made if nothing has come into it.
func (r *recorder) tidy() {
	if r.made {
		_ = os.Remove(r.dir) // fails where there is a case in it
	}
}

// exchange keeps a request with its answer.
func (r *recorder) exchange(said io.Writer, x exchange.Seen) {
	if x.Err != nil {
		note(said, "", "the request above is not recorded: its answer is not whole")
		return
	}
	r.exchanges = append(r.exchanges, x.Exchange)
	r.size += len(x.Body) + len(x.Sent)
}

// items keeps the items of a batch.
func (r *recorder) items(b ingest.Batch) {
	if len(r.exchanges) > 0 {
		return // their bodies hold them
	}
	for i, item := range b.Items {
		if b.Bad[i] != nil { // a case begins behind the source, where these never come
			r.bad++
			continue
		}
		r.lines = append(r.lines, item)
		r.size += len(item)
	}
}

// write makes the folder: settings, what was recorded, and what comes of it. The expectations are those of the case as it is
// written, without its secrets, so that it passes as it stands.
func (r *recorder) write(ctx context.Context, said io.Writer, s *drivers.Settings, source drivers.Source) error {
	if r.bad > 0 {
		note(said, "", count(r.bad, "item", "items")+" of which the source could not make records: not recorded")
	}
	hide := redact.Numbering(secretsOf(s, source)())
	files := map[string][]byte{}
	var err error
	if len(r.exchanges) > 0 {
		err = r.pages(files, hide)
	} else {
		files[recordsFile] = r.records(hide)
	}
	if err != nil {
		return err
	}
	if r.start != "" {
		files[startFile] = []byte(hide.Text(string(r.start)))
	}
	if err := settingsOfCase(files, s, stream(s, source), hide); err != nil {
		return err
	}
	for name, data := range files {
		if hide.Holds(string(data)) {
			return fmt.Errorf("nothing is recorded: %s would hold a secret of the settings, in a form that this program cannot take out", name)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	c, err := loadCase(r.dir, nil)
	if err != nil {
		return fmt.Errorf("what was recorded cannot be read back: %w", err)
	}
	got, err := c.play(ctx)
	if err != nil {
		return fmt.Errorf("what was recorded cannot be played back, and %s has no %s: %w", r.dir, expectFile, err)
	}
	if err := c.expect(got); err != nil {
		return err
	}
	note(said, "recorded", fmt.Sprintf("%s; 'sluice test %s' plays it back. Read it before you share it", r.dir, r.dir))
	return nil
}

// pages writes a file for each exchange.
func (r *recorder) pages(files map[string][]byte, hide *redact.Redactor) error {
	for i, x := range r.exchanges {
		clean, err := x.Redacted(hide)
		if err != nil {
			return fmt.Errorf("record page %d: %w", i+1, err)
		}
		files[fmt.Sprintf("%03d%s", i+1, pageExt)] = clean.Marshal()
	}
	return nil
}

// encodedItem begins a line that holds an item in base64.
const encodedItem = "base64:"

// records writes a line for each item: as it is, or without the line breaks of its JSON, or else in base64.
func (r *recorder) records(hide *redact.Redactor) []byte {
	var out bytes.Buffer
	for _, item := range r.lines {
		item = hide.Body("", item)
		if bytes.ContainsAny(item, "\r\n") && json.Valid(item) {
			var one bytes.Buffer
			if json.Compact(&one, item) == nil {
				item = one.Bytes()
			}
		}
		if len(bytes.TrimSpace(item)) == 0 || bytes.ContainsAny(item, "\r\n") || !utf8.Valid(item) || bytes.HasPrefix(item, []byte(encodedItem)) {
			item = []byte(encodedItem + base64.StdEncoding.EncodeToString(item))
		}
		out.Write(item)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// shapes matches the variables that say what is made of an item, of those that are not of a source.
var shapes = regexp.MustCompile(`^SLUICE_(SOURCE|STREAM|RECORD_.*|SCHEMA.*|FILTER.*|MAP.*)$`)

// sourceVariable matches the variables of sources.
var sourceVariable = regexp.MustCompile(`^SLUICE_(HTTP|FILE|COMMAND|S3|SQL)_`)

// settingsOfCase writes case.env, and the files that it names. Files of certificates and the like stay where they are: who plays
// back connects to nobody.
func settingsOfCase(files map[string][]byte, s *drivers.Settings, stream string, hide *redact.Redactor) error {
	var out strings.Builder
	out.WriteString("# What was pulled, and what is made of it. REDACTED-1 and so on stand for secrets.\n")
	set := map[string]bool{}
	for _, v := range s.Chosen() {
		named := strings.HasSuffix(v.Name, "_FILE")
		switch {
		case !shapes.MatchString(v.Name) && !sourceVariable.MatchString(v.Name):
			continue
		case v.Secret:
			v.Value = hide.Secret(v.Value)
		case named && sourceVariable.MatchString(v.Name):
			continue
		case named:
			data, err := os.ReadFile(v.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", v.Name, err)
			}
			v.Value = filepath.Base(v.Value)
			if _, taken := files[v.Value]; taken || slices.Contains([]string{settingsFile, startFile, expectFile, recordsFile}, v.Value) || filepath.Ext(v.Value) == pageExt {
				v.Value = strings.ToLower(v.Name) + "-" + v.Value + ".txt"
			}
			files[v.Value] = data
		default:
			v.Value = hide.Text(v.Value)
		}
		set[v.Name] = true
		fmt.Fprintf(&out, "%s=%s\n", v.Name, config.Quoted(v.Value))
	}
	if !set["SLUICE_STREAM"] && files[recordsFile] != nil {
		fmt.Fprintf(&out, "SLUICE_STREAM=%s\n", config.Quoted(hide.Text(stream))) // or the IDs would be others without the source
	}
	files[settingsFile] = []byte(out.String())
	return nil
}
