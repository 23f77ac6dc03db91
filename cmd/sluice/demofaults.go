package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/examples/earthquakes"
	"sluice/ingest"
	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/faults"
	"sluice/internal/backoff"
	"sluice/internal/drivers"
	"sluice/internal/readback"
	"sluice/internal/telemetry"
	"sluice/transport"
)

// demoFlags are what the command line says about a demonstration.
type demoFlags struct {
	faults, transport string
	patience          time.Duration
	patienceSet       bool // on the command line
}

// check returns what to deliver through, and the script.
func (f demoFlags) check() (transports []string, script faults.Script, err error) {
	transports = demoTransports
	if f.transport != "" {
		if !slices.Contains(demoTransports, f.transport) {
			return nil, script, fmt.Errorf("--transport: %q is none of %s", f.transport, strings.Join(demoTransports, ", "))
		}
		transports = []string{f.transport}
	}
	if f.patience <= 0 {
		return nil, script, fmt.Errorf("--patience: %v, want more than 0", f.patience)
	}
	if f.patienceSet && f.faults == "" {
		return nil, script, errors.New("--patience: it means something with --faults only")
	}
	if f.faults != "" {
		if script, err = faults.Load(f.faults); err != nil {
			return nil, script, fmt.Errorf("--faults: %w", err)
		}
	}
	return transports, script, nil
}

// Under faults the daemon is in a hurry, so that a minute shows what a day does.
const (
	hurriedTimeout = 2 * time.Second // for a page, a batch, a POST
	hurriedBackoff = time.Second     // at most
	hurriedProbe   = 2 * time.Second // of what is blocked
	hurriedDrain   = 3 * time.Second
)

// demoFaults runs the daemon under the script, through one transport after the other, and says what happened.
// Where that takes long, progress says how far it is.
func (f demoFlags) demoFaults(ctx context.Context, out, progress io.Writer, standIn *awslocal.Server, script faults.Script, transports []string, dir string) error {
	for name, value := range map[string]string{
		"SLUICE_HTTP_LIMIT": "100", "SLUICE_HTTP_INTERVAL": "1s", "SLUICE_HTTP_TIMEOUT": hurriedTimeout.String(),
		"SLUICE_SQS_TIMEOUT": hurriedTimeout.String(), "SLUICE_APIGATEWAY_TIMEOUT": hurriedTimeout.String(),
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "Faults by %s\nSo that it is over soon: pages of 100, %v for a request, backoffs of at most\n%v, and a probe of what is blocked every %v.\n",
		short(f.faults, 70), hurriedTimeout, hurriedBackoff, hurriedProbe)
	var wrong []error
	for _, name := range transports {
		if err := standIn.Arm(script); err != nil {
			return err
		}
		pass, err := f.faultyPass(ctx, progress, name, filepath.Join(dir, name), standIn)
		switch {
		case ctx.Err() != nil:
			return withCode(exitFailure, errors.New("interrupted; nothing was compared"))
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := pass.print(out); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		wrong = append(wrong, pass.verdict())
	}
	return errors.Join(wrong...)
}

// faultyPass runs the daemon, as the command run does, until every record is accounted for or nothing moves any more, ends
// the faults, and reads the destination back.
func (f demoFlags) faultyPass(ctx context.Context, progress io.Writer, name, stateDir string, standIn *awslocal.Server) (*faultyResult, error) {
	_ = os.Setenv("SLUICE_TRANSPORT", name)
	_ = os.Setenv("SLUICE_STATE_DIR", stateDir)
	settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
	if err != nil {
		return nil, withCode(exitConfig, err)
	}
	d, err := wire(ctx, settings, slog.New(slog.DiscardHandler), false)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	policy := backoff.Policy{Max: hurriedBackoff}
	d.pipeline.Backoff, d.pipeline.Probe, d.pipeline.Drain = policy, hurriedProbe, hurriedDrain
	d.pipeline.Deliverer.Backoff, d.pipeline.Deliverer.Probe = policy, hurriedProbe
	w := watch(d)

	r := &faultyResult{transport: name, want: earthquakes.Records(), witness: w}
	start := time.Now()
	if err := f.untilQuiet(ctx, progress, d, r); err != nil {
		return nil, err
	}
	r.took = time.Since(start)
	r.status = d.monitor.Status()
	r.struck = standIn.FaultCounts()
	if err := standIn.Arm(faults.Script{}); err != nil {
		return nil, err
	}
	user, err := awscreds.Load(ctx, awscreds.Config{}) // the daemon's own may still wait for STS
	if err != nil {
		return nil, err
	}
	defer user.Close()
	got, err := readback.OpenQueue(user, os.Getenv("SLUICE_SQS_QUEUE_URL")).Drain(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("read the queue back: %w", err)
	}
	return r, r.compare(got, stateDir)
}

// untilQuiet runs the daemon, and stops it when all is accounted for, or with r.gaveUp when nothing has moved for too long.
func (f demoFlags) untilQuiet(ctx context.Context, progress io.Writer, d *daemon, r *faultyResult) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.pipeline.Run(running) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	word := time.NewTicker(everyWord)
	defer word.Stop()
	start := time.Now()
	for {
		select {
		case <-word.C:
			accounted, _ := r.witness.progress()
			fmt.Fprintln(progress, soFar(r.transport, accounted, len(r.want), time.Since(start), r.witness.obstacles(d)))
			continue
		case err := <-ended:
			if errors.Is(err, ingest.ErrUnsettled) {
				return nil // nothing is lost: it would be read again
			}
			return err
		case <-tick.C:
		}
		accounted, moved := r.witness.progress()
		if accounted >= len(r.want) && d.monitor.Status().Checkpoint.Unsettled == 0 {
			stop()
			continue
		}
		if time.Since(moved) > f.patience && !r.gaveUp {
			r.gaveUp, r.patience, r.blocked = true, f.patience, r.witness.obstacles(d)
			stop()
		}
	}
}

// everyWord is the time between two words on how far a demonstration under faults is: one that is quick needs none.
const everyWord = 5 * time.Second

// soFar says in a line of a terminal how many records are settled, and what is in the way of the others.
func soFar(transport string, settled, all int, took time.Duration, obstacles []telemetry.Reason) string {
	line := fmt.Sprintf("%s: %d of %d records settled after %v", transport, settled, all, took.Round(time.Second))
	between := "; in the way: "
	for _, o := range obstacles {
		next := between + string(o.Part) + " " + o.Reason
		if len(line)+len(next) > 80 {
			break
		}
		line, between = line+next, ", "
	}
	return line
}

// compare audits what has arrived, by the publisher's own ids, against what the feed holds and what was set aside.
func (r *faultyResult) compare(got []transport.Record, stateDir string) error {
	r.audit = audit(r.want, got)
	arrived := map[string]bool{}
	for _, rec := range got {
		arrived[publisherID(rec.Body)] = true
	}
	aside := map[string]bool{}
	err := ingest.ReadDeadLetters(stateDir, func(l ingest.Letter) error {
		raw, err := l.Raw()
		aside[publisherID(raw)] = true
		r.asideFor = r.asideFor.plus(l.Reason, 1)
		return err
	})
	for _, event := range r.want {
		id := publisherID(event)
		switch {
		case arrived[id] || aside[id]:
		case r.gaveUp && !r.witness.accounted(id):
			r.waiting++
		default:
			r.lost++
		}
	}
	return err
}
