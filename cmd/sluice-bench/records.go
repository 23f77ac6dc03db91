package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"sluice/bench/workload"
)

const (
	maxLine    = 10 << 20  // the longest record that is read from a file; the gateway takes no more
	maxSamples = 256 << 20 // of a whole file, which is kept in memory
)

// openPool makes the records of a workload, from the lines of the file samples unless that is empty.
func openPool(w *workload.Workload, samples string) (*workload.Pool, error) {
	var lines [][]byte
	if samples != "" {
		data, err := readSamples(samples)
		if err != nil {
			return nil, err
		}
		if lines, err = split(samples, data); err != nil {
			return nil, err
		}
	}
	return w.Pool(lines)
}

// readSamples reads the user's own records.
func readSamples(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("--records: there is no file %s", path)
	case err != nil:
		return nil, fmt.Errorf("--records: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("--records: %s is a folder; name a file with one record a line", path)
	case info.Size() > maxSamples:
		return nil, fmt.Errorf("--records: %s has %d MiB, want at most %d; take a sample of it", path, info.Size()>>20, maxSamples>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--records: %w", err)
	}
	return data, nil
}

// split returns the lines, without the empty ones.
func split(path string, data []byte) ([][]byte, error) {
	var lines [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, maxLine)
	number := 1
	for ; scanner.Scan(); number++ {
		if line := scanner.Bytes(); len(line) > 0 {
			lines = append(lines, bytes.Clone(line))
		}
	}
	if scanner.Err() != nil { // the only one that a scanner of bytes has
		return nil, fmt.Errorf("--records: line %d of %s is longer than %d MiB, which no destination takes", number, path, maxLine>>20)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("--records: %s holds no records", path)
	}
	return lines, nil
}

// fingerprint is the SHA-256 of the user's own records.
func fingerprint(path string) (string, error) {
	data, err := readSamples(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
