package main

import (
	"context"
	"errors"
	"fmt"
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
	"sluice/internal/fault"
)

// A session is a run that is ready to begin.
type session struct {
	workload    *workload.Workload
	pool        *workload.Pool
	samples     string // SHA-256 of the file with the user's own records
	book        *cost.Book
	runner      *trial.Runner
	ends        map[string]*trial.FarEnd
	calibration *result.Calibration
	file        *result.File
	estimate    cost.Cost
	said        []string
}

// prepare checks everything that can be wrong, the cheapest first, and makes the far ends ready.
func prepare(ctx context.Context, o *options) (*session, error) {
	if err := o.check(); err != nil {
		return nil, coded{exitUsage, err}
	}
	w, models, err := o.load()
	if err != nil {
		return nil, coded{exitUsage, err}
	}
	s := &session{workload: w, ends: map[string]*trial.FarEnd{}}
	if s.pool, s.samples, err = openPool(w, o.records); err != nil {
		return nil, coded{exitUsage, err}
	}
	if s.book, err = cost.LoadBook(w.PriceBook); err != nil {
		return nil, coded{exitUsage, err}
	}
	if err := writable(o.out); err != nil {
		return nil, coded{exitUsage, err}
	}
	if s.runner, err = newRunner(s, o.records); err != nil {
		return nil, err
	}
	far := farend.Options{Run: s.runner.Run, Workload: w, Embedded: o.embedded, Models: models, Broker: o.broker}
	names, err := s.choose(o, far)
	if err != nil {
		return nil, coded{exitConfig, err}
	}
	if err := s.calibrate(ctx, far); err != nil {
		return nil, err
	}
	if err = s.open(ctx, names, o, far); err == nil {
		err = s.allowed()
	}
	if err == nil {
		err = s.afford()
	}
	if err == nil {
		err = s.tryOut(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.file = s.describe(o)
	return s, nil
}

// newRunner names the run, and lets each trial have this program as its sender.
func newRunner(s *session, samples string) (*trial.Runner, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start it as a sender: %w", err)
	}
	run := strconv.FormatInt(time.Now().UnixMilli(), 36) + strconv.FormatUint(uint64(rand.Uint32N(36*36*36)), 36)
	sender := func(ctx context.Context, far *trial.FarEnd, number int) (trial.Sender, error) {
		cmd := exec.Command(program, "sender")
		cmd.Env = append(farend.Clean(os.Environ()), far.Env...)
		return load.Start(ctx, cmd, load.Job{Run: run, Trial: number, Workload: s.workload.Doc(), Samples: samples, SHA256: s.samples})
	}
	return &trial.Runner{Run: run, Workload: s.workload, Pool: s.pool, Clock: clock.New(), Book: s.book, Patience: s.workload.Trials.Drain, Sender: sender}, nil
}

// choose finds out which transports can take part by their settings, and reports all that is wrong with these.
func (s *session) choose(o *options, far farend.Options) (names []string, err error) {
	var wrong []error
	for _, name := range o.names(s.workload) {
		err := farend.Check(name, far)
		switch {
		case errors.Is(err, farend.ErrAbsent) && len(o.transports) == 0:
			s.said = append(s.said, fmt.Sprintf("%s is %v", name, err))
		case errors.Is(err, farend.ErrAbsent):
			wrong = append(wrong, fmt.Errorf("--transports: %s is %w", name, err))
		case err != nil:
			for line := range strings.Lines(err.Error()) {
				if line = strings.TrimSpace(line); !slices.ContainsFunc(wrong, func(e error) bool { return e.Error() == line }) {
					wrong = append(wrong, errors.New(line)) // settings of all transports are the same for each
				}
			}
		default:
			names = append(names, name)
		}
	}
	if s.workload.Consumer.Receipts != "" && !slices.Contains(names, "apigateway") {
		s.said = append(s.said, "consumer.receipts is of no use in this run, because apigateway takes no part")
	}
	if len(wrong) == 0 && !slices.ContainsFunc(names, func(name string) bool { return name != "memory" }) {
		wrong = append(wrong, s.nowhere())
	}
	return names, errors.Join(wrong...)
}

// nowhere is the error of a run without a destination.
func (s *session) nowhere() error {
	hint := ""
	if len(s.said) > 0 {
		hint = " (" + strings.Join(s.said, "; ") + ")"
	}
	return fmt.Errorf("there is no destination to measure; give --embedded, which needs no settings, or set those of the daemon%s", hint)
}

// calibrate finds out what this machine can measure, and refuses a workload that is beyond it.
func (s *session) calibrate(ctx context.Context, far farend.Options) error {
	null, err := farend.Open(ctx, "memory", far)
	if err != nil {
		return err
	}
	if s.calibration, err = experiment.Calibrate(ctx, s.runner, null); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	if err := experiment.Spare(s.calibration); err != nil {
		return coded{exitUsage, err}
	}
	return nil
}

// open makes the far ends ready.
func (s *session) open(ctx context.Context, names []string, o *options, far farend.Options) error {
	for _, name := range names {
		end, err := farend.Open(ctx, name, far)
		switch {
		case errors.Is(err, farend.ErrAbsent) && len(o.transports) == 0:
			s.said = append(s.said, fmt.Sprintf("%s is %v", name, err))
		case errors.As(err, new(*fault.Error)):
			return coded{exitUnavailable, fmt.Errorf("%s: %w", name, err)}
		case err != nil:
			return coded{exitConfig, fmt.Errorf("%s: %w", name, err)}
		default:
			s.ends[name] = end
		}
	}
	for _, end := range s.ends {
		if end.Target.Kind != result.Null {
			return nil
		}
	}
	return coded{exitConfig, s.nowhere()}
}

// allowed refuses faults that a far end cannot bring about.
func (s *session) allowed() error {
	var errs []error
	for _, side := range s.workload.Transports {
		if end := s.ends[side.Name]; end != nil {
			errs = append(errs, end.Allows(s.workload.Faults))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return coded{exitUsage, err}
	}
	return nil
}

// afford refuses a run that its budget does not allow.
func (s *session) afford() error {
	var err error
	if s.estimate, err = experiment.Estimate(s.workload, s.pool, s.ends, s.book); err == nil {
		err = experiment.Afford(s.workload, s.estimate)
	}
	if err != nil {
		return coded{exitUsage, err}
	}
	return nil
}

// tryOut starts a sender for every far end, which looks at its destination and at the records that it is to take there.
func (s *session) tryOut(ctx context.Context) error {
	for _, side := range s.workload.Transports {
		if end := s.ends[side.Name]; end != nil {
			sender, err := s.runner.Sender(ctx, end, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", side.Name, err)
			}
			sender.Close()
		}
	}
	return nil
}

// describe begins the result.
func (s *session) describe(o *options) *result.File {
	f := &result.File{Schema: result.Schema, Env: experiment.Machine(version), Warnings: s.said, Calibration: s.calibration,
		Run:       result.Run{ID: s.runner.Run, Started: time.Now().UTC(), Seed: s.workload.Seed, Profile: o.profile, Command: o.command()},
		Workload:  result.Workload{SHA256: s.workload.Hash(), Doc: s.workload.Doc(), Records: "synthetic"},
		PriceBook: result.PriceBook{ID: s.book.ID, Region: s.book.Region, Retrieved: s.book.Retrieved, Doc: s.book.Doc()}}
	if o.workload != "" {
		f.Run.Profile = "file"
	}
	if o.records != "" {
		f.Workload.Records, f.Workload.Count = s.samples, s.pool.Size()
	}
	for _, side := range s.workload.Transports {
		if end := s.ends[side.Name]; end != nil {
			f.Targets = append(f.Targets, end.Target)
		}
	}
	return f
}

func (s *session) experiment() *experiment.Experiment {
	e := &experiment.Experiment{Runner: s.runner, Ends: s.ends}
	e.Repeats = e.Trials() / experiment.OneInRepeated
	return e
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
