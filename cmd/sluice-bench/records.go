package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"sluice/bench/workload"
)

// maxLine is the longest record that is read from a file; the gateway takes no more.
const maxLine = 10 << 20

// openPool makes the records of a workload, from the lines of the file samples unless that is empty.
func openPool(w *workload.Workload, samples string) (*workload.Pool, error) {
	if samples == "" {
		return w.Pool(nil)
	}
	lines, err := readLines(samples)
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	return w.Pool(lines)
}

// readLines returns the lines of a file, without the empty ones.
func readLines(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines [][]byte
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		if line := scanner.Bytes(); len(line) > 0 {
			lines = append(lines, append([]byte(nil), line...))
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s, line %d: %w", path, len(lines)+1, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s holds no records", path)
	}
	return lines, nil
}

// fingerprint is the SHA-256 of a file.
func fingerprint(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
