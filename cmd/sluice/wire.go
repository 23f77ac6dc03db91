package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/fault"
	"sluice/internal/telemetry"
	"sluice/transport"
)

// A daemon is one Pipeline with everything that it stands on.
type daemon struct {
	pipeline    *ingest.Pipeline
	monitor     *telemetry.Monitor
	source      drivers.Source
	destination *drivers.Destination
	parser      *atomic.Pointer[ingest.Parser]
	settings    *drivers.Settings
	close       []func() error
}

// patience is how long a command that does not wait for a person keeps trying.
const patience = 15 * time.Second

// hasty is the backoff of such a command: it must not wait longer for its next try than it has patience for.
var hasty = backoff.Policy{Max: 2 * time.Second}

// wire builds a daemon from settings that are valid by themselves; what is wrong with those of AWS is found before any file
// is touched. It locks the checkpoint, and waits for another daemon that holds it.
func wire(ctx context.Context, s *drivers.Settings, log *slog.Logger, once bool) (*daemon, error) {
	d := &daemon{settings: s, parser: new(atomic.Pointer[ingest.Parser])}
	ok := false
	defer func() {
		if !ok {
			d.Close()
		}
	}()

	hear(s, log)
	source, err := s.Source()
	if err != nil {
		return nil, withCode(exitConfig, err)
	}
	d.source = source
	d.close = append(d.close, source.Close)
	if err := d.makeParser(); err != nil {
		return nil, withCode(exitConfig, err)
	}
	d.destination, err = s.Transport(ctx)
	if err != nil {
		return nil, withCode(exitConfig, err)
	}
	d.close = append(d.close, d.destination.Close)
	checkpoint, err := openCheckpoint(ctx, s, source.Fingerprint(), log, once)
	if err != nil {
		return nil, err
	}
	d.close = append(d.close, checkpoint.Close)

	d.monitor = telemetry.New(telemetry.Options{Quota: quotaOf(source), Source: s.Core.Source, Transport: s.Core.Transport, Stream: stream(s, source),
		Build: telemetry.ReadBuild(version), Log: log, Token: s.Core.AdminToken, Secrets: secretsOf(s, source)})
	deliverer := &transport.Deliverer{Transport: d.destination, Timeout: d.destination.Timeout, Concurrency: concurrency(s.Core.Concurrency, log),
		Observe: d.monitor.Observe, Report: d.monitor.Report}
	if s.Core.RateLimit > 0 {
		deliverer.Limiter = rate.NewLimiter(rate.Limit(s.Core.RateLimit), 1)
	}
	d.pipeline = &ingest.Pipeline{
		Source:       source,
		Parse:        d.monitor.TapParser(func(item []byte) ([]transport.Record, error) { return (*d.parser.Load())(item) }),
		Deliverer:    deliverer,
		Checkpoint:   checkpoint,
		DeadLetter:   d.monitor.TapDeadLetter(deadLetters(s)),
		InFlight:     s.Core.Inflight,
		Idle:         s.Interval(),
		Drain:        s.Core.ShutdownTimeout,
		Ordered:      s.Core.Order == config.OrderKey,
		MaxDeadShare: s.Core.DeadletterMaxPercent / 100,
		Observe:      d.monitor.Observer(),
	}
	if once {
		d.pipeline.Once, d.pipeline.Patience, d.pipeline.Backoff = true, patience, hasty
		deliverer.Patience, deliverer.Backoff = patience, hasty
	}
	d.monitor.Watch(deliverer)
	ok = true
	return d, nil
}

// quotaOf is how the source tells its limits; nil where it knows of none.
func quotaOf(source drivers.Source) func() string {
	if x, ok := source.(limited); ok {
		return x.Quota
	}
	return nil
}

// deadLetters opens those of the state folder.
func deadLetters(s *drivers.Settings) *ingest.FileDeadLetter {
	d := ingest.OpenDeadLetter(s.Core.StateDir)
	d.MaxBytes = s.Core.DeadletterMaxBytes
	return d
}

// hear puts what sources have to say into the log.
func hear(s *drivers.Settings, log *slog.Logger) {
	s.HTTP.Warn = func(message string) { log.Warn(message, "part", ingest.PartSource) }
	s.Command.Stderr = func(line string) { log.Info("the command says", "part", ingest.PartSource, "line", line) }
	s.Command.Note = func(text string) { log.Warn(text, "part", ingest.PartSource) }
}

// openCheckpoint locks the checkpoint. A daemon that replaces another one waits until that one has drained.
func openCheckpoint(ctx context.Context, s *drivers.Settings, fingerprint string, log *slog.Logger, once bool) (*ingest.FileCheckpoint, error) {
	o := ingest.CheckpointOptions{Dir: s.Core.StateDir, Fingerprint: fingerprint, Wait: s.Core.LockWait,
		Waiting: func() {
			log.Info("waiting for another process to give the checkpoint free", "part", ingest.PartCheckpoint, "reason", "checkpoint_locked", "at_most", s.Core.LockWait.String())
		},
		FellBack: func(err error) {
			log.Warn("going on from the checkpoint before the last one: some records will be delivered once more", "part", ingest.PartCheckpoint,
				"reason", fault.From(err).Code(), "err", err.Error())
		}}
	if once {
		o.Wait = 0
	}
	return ingest.OpenCheckpoint(ctx, o)
}

// makeParser makes the parser from the settings as they are now.
func (d *daemon) makeParser() error {
	parser, err := naming(d.settings, d.source).Compile()
	if err != nil {
		return err
	}
	d.parser.Store(&parser)
	return nil
}

// naming reads the settings that turn items into records. source may be nil for a command that reads from none.
func naming(s *drivers.Settings, source drivers.Source) ingest.Naming {
	n := s.Naming
	n.Stream = stream(s, source)
	return n
}

// stream is the name that is part of every record's ID.
func stream(s *drivers.Settings, source drivers.Source) string {
	switch {
	case s.Core.Stream != "":
		return s.Core.Stream
	case source != nil:
		return source.Stream()
	}
	return "send"
}

// Close frees what the daemon holds, the last first.
func (d *daemon) Close() {
	for i := len(d.close) - 1; i >= 0; i-- {
		_ = d.close[i]()
	}
}
