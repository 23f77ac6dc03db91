package httpapi

import (
	zipfile "archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sluice/ingest"
)

// maxFiles bounds the files in a page that is a zip file.
const maxFiles = 1000

// A damaged page came whole and cannot be read.
type damaged struct{ err error }

func (d damaged) Error() string { return d.err.Error() }
func (d damaged) Unwrap() error { return d.err }

// A content is what a page holds, without its coding and packing.
type content struct {
	r     io.Reader // nil: it is a zip file
	zip   []byte
	meter *meter
	err   func(error) error // says whose fault an error of reading is
}

// unpack opens a page that is a gzip file (RFC 1952), a zip file, or neither. What comes out of it is at most maxRatio times
// what came, and at most limit bytes if it is to be held whole, as a zip file always is.
func unpack(resp *http.Response, body io.Reader, limit int, held bool) (*content, error) {
	from, err := decoded(resp, body, limit, held)
	if err != nil {
		return nil, err
	}
	came := &counter{r: from}
	if held {
		came.r = io.LimitReader(from, int64(limit)+1)
	}
	buffered := bufio.NewReader(came)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF { //nolint:errorlint // the contract of Reader
		return nil, err
	}
	c := &content{meter: &meter{limit: int64(limit), held: held, came: came}, err: func(err error) error { return err }}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b\x08")):
		below := &ending{r: buffered}
		c.err = func(err error) error {
			if held && err != nil && came.n > int64(limit) {
				return errTooLarge
			}
			return blame(err, below.err, "gzip")
		}
		z, err := gzip.NewReader(below)
		if err != nil {
			return nil, c.err(err)
		}
		c.r = c.meter.through(z)
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")), bytes.HasPrefix(magic, []byte("PK\x05\x06")):
		var whole bytes.Buffer
		if err := take(&whole, buffered, limit); err != nil {
			return nil, err
		}
		c.zip, c.meter.held = whole.Bytes(), true
		c.err = func(err error) error { return blame(err, nil, "zip") }
	default:
		c.meter.came = nil // nothing grows
		c.r = c.meter.through(buffered)
	}
	return c, nil
}

// each gives what is in c to read: of a zip file every file in order, counted from 1.
func (c *content) each(read func(r io.Reader, file int) error) error {
	if c.r != nil {
		return c.err(read(c.r, 0))
	}
	return c.err(unzip(c.zip, c.meter, read))
}

// decoded is the content of an answer without its Content-Encoding.
func decoded(resp *http.Response, body io.Reader, limit int, held bool) (io.Reader, error) {
	switch coding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		if held && resp.ContentLength > int64(limit) {
			return nil, errTooLarge
		}
		return body, nil
	case "gzip", "x-gzip":
		counted := &counter{r: body}
		z, err := gzip.NewReader(counted)
		if errors.Is(err, io.EOF) && counted.n == 0 {
			return strings.NewReader(""), nil // no content at all has no coding either
		}
		if err != nil {
			return nil, whole(err)
		}
		return &inflated{z: z, from: counted}, nil
	default:
		return nil, fmt.Errorf("it comes with the Content-Encoding %s, which was not asked for", ingest.OneLine(coding, 40))
	}
}

// unzip reads every file of a zip file.
func unzip(data []byte, m *meter, read func(io.Reader, int) error) error {
	z, err := zipfile.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	if len(z.File) > maxFiles {
		return fmt.Errorf("it holds %d files, more than %d", len(z.File), maxFiles)
	}
	n := 0
	for _, f := range z.File {
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") { // where macOS keeps what it knows of the files
			continue
		}
		n++
		if f.Flags&1 != 0 {
			return fmt.Errorf("file %d in it is encrypted", n)
		}
		r, err := f.Open()
		if err == nil {
			err = errors.Join(read(m.through(r), n), r.Close())
		}
		if err != nil {
			return fmt.Errorf("file %d: %w", n, err)
		}
	}
	if n == 0 {
		return errors.New("it holds no file")
	}
	return nil
}

// blame says whose fault err is: that of what lies below the packing, of a bound, or of the page.
func blame(err, below error, packing string) error {
	_, known := errors.AsType[damaged](err)
	switch {
	case err == nil:
		return nil
	case below != nil:
		return below
	case errors.Is(err, errTooLarge), errors.Is(err, errBomb), known:
		return err
	case errors.Is(whole(err), io.ErrUnexpectedEOF):
		return damaged{fmt.Errorf("the %s file is cut off", packing)}
	}
	return damaged{fmt.Errorf("the %s file: %w", packing, err)}
}

// A meter bounds what comes out of a page.
type meter struct {
	limit, n int64
	held     bool     // limit counts
	came     *counter // nil: nothing was packed
}

// through is r under the bounds.
func (m *meter) through(r io.Reader) io.Reader { return &metered{r, m} }

type metered struct {
	r io.Reader
	m *meter
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	switch r.m.n += int64(n); {
	case r.m.held && r.m.n > r.m.limit:
		return n, errTooLarge
	case r.m.came != nil && r.m.n > ratioFloor && r.m.n > maxRatio*r.m.came.n:
		return n, errBomb
	}
	return n, err
}
