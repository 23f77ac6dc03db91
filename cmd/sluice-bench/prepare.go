package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/bench/clock"
	"sluice/bench/cost"
	"sluice/bench/experiment"
	"sluice/bench/farend"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
	"sluice/internal/awslocal/model"
)

// A session is a run that is ready to begin.
type session struct {
	workload *workload.Workload
	pool     *workload.Pool
	book     *cost.Book
	runner   *trial.Runner
	ends     map[string]*trial.FarEnd
	file     *result.File
	estimate cost.Cost
	said     []string
}

// prepare checks everything that can be wrong, and makes the far ends ready.
func prepare(ctx context.Context, o options) (s *session, err error) {
	s = &session{ends: map[string]*trial.FarEnd{}}
	if s.workload, err = o.load(); err != nil {
		return nil, coded{exitUsage, err}
	}
	if s.pool, err = openPool(s.workload, o.records); err != nil {
		return nil, coded{exitUsage, err}
	}
	if s.book, err = cost.LoadBook(s.workload.PriceBook); err != nil {
		return nil, coded{exitUsage, err}
	}
	models, err := model.Parse(o.models)
	if err != nil {
		return nil, coded{exitUsage, fmt.Errorf("--model: %w", err)}
	}
	program, err := self()
	if err != nil {
		return nil, err
	}
	run := strconv.FormatInt(time.Now().UnixMilli(), 36) + strconv.FormatUint(uint64(rand.Uint32N(36*36*36)), 36)
	s.runner = &trial.Runner{Run: run, Workload: s.workload, Pool: s.pool, Clock: clock.New(), Book: s.book, Patience: s.workload.Trials.Drain,
		Sender: func(ctx context.Context, far *trial.FarEnd, number int) (trial.Sender, error) {
			cmd := exec.CommandContext(ctx, program, "sender")
			cmd.Env = append(farend.Clean(os.Environ()), far.Env...)
			return load.Start(ctx, cmd, load.Job{Run: run, Trial: number, Workload: s.workload.Doc(), Samples: o.records})
		}}
	if err := s.open(ctx, o, models); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.estimate, err = experiment.Estimate(s.workload, s.pool, s.ends, s.book); err == nil {
		err = experiment.Afford(s.workload, s.estimate)
	}
	if err == nil {
		s.file, err = s.describe(o)
	}
	if err != nil {
		return nil, errors.Join(coded{exitUsage, err}, s.close())
	}
	return s, nil
}

// load reads the workload.
func (o options) load() (*workload.Workload, error) {
	w, err := workload.Builtin(o.profile)
	if o.workload != "" {
		w, err = workload.Load(o.workload)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range o.transports {
		if !slices.ContainsFunc(w.Transports, func(s workload.Side) bool { return s.Name == name }) {
			return nil, fmt.Errorf("--transports: the workload has no transport %q", name)
		}
	}
	return w, nil
}

// open makes the far ends ready, those that cannot be there aside.
func (s *session) open(ctx context.Context, o options, models []string) error {
	for _, side := range s.workload.Transports {
		if len(o.transports) > 0 && !slices.Contains(o.transports, side.Name) {
			continue
		}
		end, err := farend.Open(ctx, side.Name, farend.Options{Run: s.runner.Run, Workload: s.workload, Embedded: o.embedded, Models: models, Broker: o.broker})
		switch {
		case errors.Is(err, farend.ErrAbsent):
			s.said = append(s.said, fmt.Sprintf("%s is %v", side.Name, err))
		case err != nil:
			return coded{exitConfig, fmt.Errorf("%s: %w", side.Name, err)}
		default:
			s.ends[side.Name] = end
		}
	}
	for _, end := range s.ends {
		if end.Target.Kind != result.Null {
			return nil
		}
	}
	return coded{exitConfig, fmt.Errorf("there is no destination to measure: give --embedded, which needs no settings, or the settings of the daemon (%s)", strings.Join(s.said, "; "))}
}

// describe begins the result.
func (s *session) describe(o options) (*result.File, error) {
	f := &result.File{Schema: result.Schema, Env: experiment.Machine(version), Trials: []result.Trial{}, Searches: []result.Search{},
		Comparisons: []result.Comparison{}, Warnings: s.said,
		Run:       result.Run{ID: s.runner.Run, Started: time.Now().UTC(), Seed: s.workload.Seed, Profile: o.profile, Command: o.command()},
		Workload:  result.Workload{SHA256: s.workload.Hash(), Doc: s.workload.Doc(), Records: "synthetic"},
		PriceBook: result.PriceBook{ID: s.book.ID, Region: s.book.Region, Retrieved: s.book.Retrieved, Doc: s.book.Doc()}}
	if f.Warnings == nil {
		f.Warnings = []string{}
	}
	if o.workload != "" {
		f.Run.Profile = "file"
	}
	if o.records != "" {
		var err error
		if f.Workload.Records, err = fingerprint(o.records); err != nil {
			return nil, err
		}
		f.Workload.Count = s.pool.Size()
	}
	for _, side := range s.workload.Transports {
		if end := s.ends[side.Name]; end != nil {
			f.Targets = append(f.Targets, end.Target)
		}
	}
	return f, nil
}

// command is what makes this run again.
func (o options) command() string {
	words := []string{"sluice-bench", "run"}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, quoted(value))
		}
	}
	if o.workload != "" {
		add("--workload", o.workload)
	} else {
		add("--profile", o.profile)
	}
	add("--records", o.records)
	add("--transports", strings.Join(o.transports, ","))
	if o.embedded {
		words = append(words, "--embedded")
	}
	add("--model", o.models)
	return strings.Join(words, " ")
}

// quoted is a word for a shell.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,=") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// confirm says what the run will cost, and asks if it is anything.
func (s *session) confirm(o options, in io.Reader, out io.Writer) error {
	if len(s.estimate.Items) == 0 {
		return nil
	}
	fmt.Fprintf(out, "This run will cost about $%.4f by the prices of %s:\n", s.estimate.USD, s.book.ID)
	for _, item := range s.estimate.Items {
		fmt.Fprintf(out, "  %-44s %14.0f  $%.4f\n", item.Name, item.Quantity, item.USD)
	}
	if o.yes {
		return nil
	}
	fmt.Fprint(out, "Go on? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return coded{exitUsage, errors.New("nothing was sent; --yes runs without asking")}
	}
	return nil
}

// close removes what was created.
func (s *session) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	for name, end := range s.ends {
		if end.Close == nil {
			continue
		}
		if err := end.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
