package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// maxFile is the longest results.json that is read: that of a run of 1,000 trials has some 50 MB.
const maxFile = 256 << 20

// Read reads a results.json.
func Read(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is longer than %d MiB, which no run writes", path, maxFile>>20)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s is not a results.json of sluice-bench: %w", path, err)
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("%s has the schema %q, this program reads %q", path, head.Schema, Schema)
	}
	file := new(File)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// Write writes f as results.json.
func (f *File) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(f)
}
