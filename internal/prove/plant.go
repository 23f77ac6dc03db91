package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// A plant is a bug and the test that catches it. It is put into a copy of one file, which the compiler takes in place of the
// file (go build -overlay): nothing of it is in what is shipped, and no file in the repository changes.
type plant struct {
	name   string
	bug    string // what it does wrong, in a sentence
	found  string // commit that mended it, if it was a real bug; empty: invented
	breaks string // promises of docs/guarantees.md, such as "P1 P4"
	file   string
	old    string // stands in file exactly once
	new    string
	tail   string // goes to the end of file
	pkg    string // folder of the test
	test   string // that fails
	arg    string // for it; empty: none
}

// A plantResult is what became of one.
type plantResult struct {
	plant
	caught  bool
	by      string // the first test that failed
	skipped bool   // the test needs what this machine does not have
	took    time.Duration
}

// apply returns the content of the file with the bug in it.
func (p plant) apply(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, p.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(source, []byte(p.old)); n != 1 {
		return nil, fmt.Errorf("plant %s: its place stands %d times in %s, want once", p.name, n, p.file)
	}
	return append(bytes.Replace(source, []byte(p.old), []byte(p.new), 1), p.tail...), nil
}

// try runs the test with the bug in place.
func (p plant) try(ctx context.Context, root string, out io.Writer) (plantResult, error) {
	start := time.Now()
	source, err := p.apply(root)
	if err != nil {
		return plantResult{}, err
	}
	dir, err := os.MkdirTemp("", "sluice-plant-*")
	if err != nil {
		return plantResult{}, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, filepath.Join(root, p.file), source)
	if err != nil {
		return plantResult{}, err
	}
	args := []string{"-overlay", overlay, "-vet=off", "-ldflags=-s -w", "-count=1", "-failfast", "-timeout=120s", "-run", "^" + p.test + "$", "./" + p.pkg}
	if p.arg != "" {
		args = append(args, p.arg)
	}
	r := plantResult{plant: p}
	for range tries {
		o, err := goTest(ctx, root, args, func(event) {}, out)
		if err != nil {
			return plantResult{}, err
		}
		if o.unbuilt {
			return plantResult{}, fmt.Errorf("plant %s does not compile", p.name)
		}
		if i := slices.IndexFunc(o.failed, func(id string) bool { return !strings.HasSuffix(id, ".") }); i >= 0 {
			r.caught, r.by = true, strings.TrimPrefix(o.failed[i], "sluice/")
			break
		}
		if r.skipped = slices.Contains(o.skipped, "sluice/"+p.pkg+"."+p.test); r.skipped {
			break
		}
	}
	r.took = time.Since(start)
	return r, nil
}

// tries is how often a test may run until it sees its bug: some are races, which chance decides.
const tries = 3

// writeOverlay writes the changed file and the list that tells the compiler of it.
func writeOverlay(dir, file string, source []byte) (string, error) {
	changed := filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(changed, source, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// atOnce is how many bugs are planted at the same time, each in a build of its own.
const atOnce = 2

// plantAll plants all bugs and says which got through. One whose test cannot run on this machine is told of and not counted.
func plantAll(ctx context.Context, root string, all []plant, total *tally, out io.Writer) (missed []string, err error) {
	results := make([]plantResult, len(all))
	errs := make([]error, len(all))
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	var show sync.Mutex
	for i, p := range all {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			results[i], errs[i] = p.try(ctx, root, io.Discard)
			show.Lock()
			defer show.Unlock()
			switch r := results[i]; {
			case r.caught:
				fmt.Fprintf(out, "ok    %-32s %4.1fs  %s\n", p.name, r.took.Seconds(), r.by)
			case r.skipped:
				fmt.Fprintf(out, "SKIP  %-32s %4.1fs  %s in %s skips itself on this machine\n", p.name, r.took.Seconds(), p.test, p.pkg)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i, r := range results {
		switch {
		case errs[i] != nil:
			missed = append(missed, errs[i].Error())
		case !r.caught && !r.skipped:
			missed = append(missed, fmt.Sprintf("planted bug %s got through: %s (look: go run ./internal/prove -plant %s)", r.name, r.bug, r.name))
		}
	}
	total.plants = slices.DeleteFunc(results, func(r plantResult) bool { return r.skipped })
	return missed, nil
}

// replay plants one bug and shows how its test fails.
func replay(ctx context.Context, root, name string, out io.Writer) error {
	all := plants()
	i := slices.IndexFunc(all, func(p plant) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("there is no bug %q to plant; -list shows them", name)
	}
	p := all[i]
	fmt.Fprintf(out, "%s: %s\nIn %s, in place of\n\n%s\n\nstands\n\n%s\n\n", p.name, p.bug, p.file, indent(p.old), indent(p.new))
	r, err := p.try(ctx, root, out)
	if err != nil {
		return err
	}
	if r.skipped {
		return fmt.Errorf("%s in %s skips itself on this machine", p.test, p.pkg)
	}
	if !r.caught {
		return fmt.Errorf("the bug %s got through", name)
	}
	fmt.Fprintf(out, "\ncaught by %s\n", r.by)
	return nil
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n\t")
}

// listPlants prints what can be planted.
func listPlants(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range plants() {
		fmt.Fprintf(w, "%s\t%s\n", p.name, p.bug)
	}
	return w.Flush()
}
