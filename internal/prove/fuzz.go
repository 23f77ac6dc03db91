package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fuzz runs every fuzz target of the module for so many inputs: bounded by count, so that a slow machine changes nothing.
func fuzz(inputs int) func(context.Context, string, *tally, io.Writer) error {
	return func(ctx context.Context, root string, total *tally, out io.Writer) error {
		packages, err := fuzzTargets(root)
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "sluice-fuzz-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		for _, p := range packages {
			if err := p.fuzz(ctx, root, dir, inputs, total, out); err != nil {
				return err
			}
		}
		return nil
	}
}

// A fuzzPackage is a folder with fuzz targets.
type fuzzPackage struct {
	folder  string // relative to the root
	targets []string
}

// fuzz builds the test of the package once, and runs its targets one after the other.
func (p fuzzPackage) fuzz(ctx context.Context, root, dir string, inputs int, total *tally, out io.Writer) error {
	program := filepath.Join(dir, strings.ReplaceAll(p.folder, "/", "_")+".test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz=.", "-o", program, "./"+p.folder)
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the fuzz targets of %s: %w\n%s", p.folder, err, said)
	}
	defer os.Remove(program)
	for _, target := range p.targets {
		var said bytes.Buffer
		run := exec.CommandContext(ctx, program, "-test.run=^$", "-test.fuzz=^"+target+"$", fmt.Sprintf("-test.fuzztime=%dx", inputs),
			"-test.fuzzcachedir="+filepath.Join(dir, target), "-test.parallel=2", "-test.timeout=5m")
		run.Dir = filepath.Join(root, p.folder) // where the inputs that are kept are, and where a failing one is written
		run.Stdout, run.Stderr = &said, &said
		if err := run.Run(); err != nil {
			fmt.Fprint(out, said.String())
			return fmt.Errorf("%s in %s: %w", target, p.folder, err)
		}
		fmt.Fprintf(out, "ok    %-28s %s\n", target, p.folder)
		total.fuzzed++
		total.inputs += inputs
	}
	return nil
}
