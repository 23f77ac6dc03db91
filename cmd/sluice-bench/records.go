package main

import (
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

// openPool makes the records of a workload, from the lines of the file samples unless that is empty, and returns the SHA-256
// of that file.
func openPool(w *workload.Workload, samples string) (pool *workload.Pool, sum string, err error) {
	var lines [][]byte
	if samples != "" {
		data, err := readSamples(samples)
		if err != nil {
			return nil, "", err
		}
		digest := sha256.Sum256(data)
		sum = hex.EncodeToString(digest[:])
		if lines, err = split(samples, data); err != nil {
			return nil, "", err
		}
	}
	pool, err = w.Pool(lines)
	return pool, sum, err
}

// readSamples reads the user's own records. Every sender reads the file too, so that it must be one that can be read again.
func readSamples(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("--records: there is no file %s", path)
	case err != nil:
		return nil, fmt.Errorf("--records: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("--records: %s is a folder; name a file with one record a line", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("--records: %s can be read once, and every sender reads it; name a file", path)
	case info.Size() > maxSamples:
		return nil, fmt.Errorf("--records: %s has %d MiB, want at most %d; take a sample of it", path, info.Size()>>20, maxSamples>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--records: %w", err)
	}
	return data, nil
}

// split returns the lines, which end with \n, byte for byte and without the empty ones.
func split(path string, data []byte) ([][]byte, error) {
	var lines [][]byte
	number := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if number++; len(line) > maxLine {
			return nil, fmt.Errorf("--records: line %d of %s is longer than %d MiB, which no destination takes", number, path, maxLine>>20)
		}
		if len(line) > 0 && string(line) != "\r" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("--records: %s holds no records", path)
	}
	return lines, nil
}
