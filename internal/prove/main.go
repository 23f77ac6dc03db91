// Command prove shows on this machine that Sluice keeps its promises: it runs simulations, kills, crashes of a file system,
// every row of the fault matrix and the fuzz targets, adds up what the tests report through internal/proof, plants known
// bugs and sees them caught, and ends with a table. It is what 'make prove' and 'make test' run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

// run parses the command line, which is for people of this repository, and does what it says.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	short := flags.Bool("short", false, "all tests but whole benchmarks, with their usual numbers, and the first twelve planted bugs: what 'make test' runs")
	planted := flags.Bool("plants", false, "the planted bugs alone")
	one := flags.String("plant", "", "plant the bug of this name and show how its test fails")
	list := flags.Bool("list", false, "list the bugs that can be planted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	switch {
	case *list:
		return listPlants(out)
	case *one != "":
		return replay(ctx, root, *one, out)
	}
	form := full()
	switch {
	case *short:
		form = brief()
	case *planted:
		form.stages, form.write = nil, false
	}
	return prove(ctx, root, form, out)
}

// A form is how much is run.
type form struct {
	stages []stage
	plants []plant
	write  bool // write the pages anew
}

// prove runs all stages, then the planted bugs, and prints the table. It fails if a test fails, a planted bug gets through,
// or the numbers show that too little has happened for them to mean anything.
func prove(ctx context.Context, root string, f form, out io.Writer) error {
	start := time.Now()
	total := newTally()
	if f.write {
		if err := rewrite(root, "bugs", bugTable()); err != nil {
			return err
		}
	}
	var failed []string
	for _, s := range f.stages {
		began := time.Now()
		fmt.Fprintf(out, "== %s\n", s.name)
		if err := s.run(ctx, root, total, out); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			failed = append(failed, s.name+": "+err.Error())
		}
		total.took(s.name, time.Since(began))
	}
	fmt.Fprintln(out, "== planted bugs")
	began := time.Now()
	missed, err := plantAll(ctx, root, f.plants, total, out)
	if err != nil {
		return err
	}
	total.took("planted bugs", time.Since(began))
	failed = append(failed, missed...)
	if len(f.stages) > 0 {
		failed = append(failed, total.doubts()...)
	}
	r := report{At: start.UTC(), Took: time.Since(start), Machine: machine(), Commit: commit(ctx, root), Tally: total}
	fmt.Fprint(out, "\n", r.table())
	if len(failed) > 0 {
		return fmt.Errorf("not proved:\n  %s", strings.Join(failed, "\n  "))
	}
	if f.write {
		return r.writePages(root)
	}
	return nil
}

// findRoot finds the folder of the module, upwards from here.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module sluice\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run it inside the repository")
		}
		dir = parent
	}
}
