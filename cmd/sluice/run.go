package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/fault"
	"sluice/internal/memlimit"
	"sluice/internal/telemetry"
)

func runCommand(files *[]*config.EnvFile) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: `Reads after the checkpoint, delivers, saves the checkpoint, and goes on until
SIGTERM or SIGINT. Then it lets what is in flight finish
(SLUICE_SHUTDOWN_TIMEOUT) and ends with 0; a second signal stops at once.
SIGHUP reads --env-file, *_FILE secrets, filter, map, schema and the log level
again, and has what is blocked tried at once.
With --once it ends when the source has nothing more for now, and with 69 if
source or destination cannot be used.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
			if err != nil {
				return withCode(exitConfig, err)
			}
			return runDaemon(cmd.Context(), settings, *files, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end when the source has nothing more for now")
	return cmd
}

func runDaemon(ctx context.Context, s *drivers.Settings, files []*config.EnvFile, once bool) error {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(s.Core.LogLevel)); err != nil {
		return withCode(exitConfig, err)
	}
	signal.Ignore(syscall.SIGHUP)  // until there is something to reload
	signal.Ignore(syscall.SIGPIPE) // who reads the log may end before us; records flow on
	outlet := telemetry.NewOutlet(os.Stderr)
	defer outlet.Close(lastWords)
	log := telemetry.NewLogger(outlet, level, s.Core.LogFormat)
	logTo(log)
	for _, warning := range s.Warnings() {
		log.Warn(warning)
	}
	limitMemory(s, log)
	d, err := wire(ctx, s, log, once)
	if err != nil {
		return notWired(ctx, log, err)
	}
	defer d.Close()
	d.monitor.WatchLog(outlet)
	if s.Core.RequireHealthy {
		if err := d.healthy(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // asked to stop
			}
			return err
		}
	}
	stopAdmin, err := d.serveAdmin(ctx, log)
	if err != nil {
		return err
	}
	defer stopAdmin()
	defer d.reloadOnHangup(log, level, files)()
	announced := make(chan struct{})
	silent := context.AfterFunc(ctx, func() {
		defer close(announced)
		d.monitor.Drain()
		log.Info("stopping", "at_most", s.Core.ShutdownTimeout.String())
	})

	log.Info("started", "version", telemetry.ReadBuild(version).Version, "source", s.Core.Source, "stream", stream(s, d.source),
		"transport", s.Core.Transport, "state", s.Core.StateDir)
	start := time.Now()
	err = d.pipeline.Run(ctx)
	if !silent() {
		<-announced // an idle daemon ends at once, and the log says first why
	}
	return d.conclude(log, time.Since(start), err)
}

// notWired logs why a daemon could not be built, and returns what the program ends with.
func notWired(ctx context.Context, log *slog.Logger, err error) error {
	if ctx.Err() != nil {
		return nil // asked to stop, while it waited for another daemon
	}
	if verdict, ok := errors.AsType[*fault.Error](err); ok && verdict.Reason != "" {
		log.Error("ended", "reason", verdict.Reason)
	}
	return err
}

// limitMemory has the garbage collector keep under what the kernel allows, and warns if the settings may need more.
func limitMemory(s *drivers.Settings, log *slog.Logger) {
	limit, from := memlimit.Set()
	if limit == 0 {
		return
	}
	log.Info("memory limit", "bytes", limit, "from", from)
	if need := s.MemoryBudget(); need > limit {
		what := "SLUICE_HTTP_MAX_PAGE_BYTES allow for pages"
		if s.Core.Source == "file" {
			what = "SLUICE_FILE_MAX_RECORD_BYTES allow for batches"
		}
		log.Warn(fmt.Sprintf("SLUICE_INFLIGHT and %s that need %d MiB, and there are %d MiB; lower one of them, or give more memory", what, need>>20, limit>>20))
	}
}

// spareDescriptors are kept free of connections to the destination: for the state folder, the source, STS and the admin
// port. Without them the daemon delivers what it cannot save, until idle connections are closed.
const spareDescriptors = 16

// concurrency is SLUICE_CONCURRENCY, or as many requests as there are file descriptors for.
func concurrency(wanted int, log *slog.Logger) int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur >= uint64(wanted+spareDescriptors) {
		return wanted
	}
	allowed := max(1, int(limit.Cur)-spareDescriptors)
	log.Warn(fmt.Sprintf("there are %d file descriptors: %d requests at once at most, not the %d of SLUICE_CONCURRENCY; raise the limit (ulimit -n) or lower the setting",
		limit.Cur, allowed, wanted))
	return allowed
}

// conclude logs what a run has come to, and returns what the program ends with.
func (d *daemon) conclude(log *slog.Logger, took time.Duration, err error) error {
	status := d.monitor.Status()
	log = log.With("read", status.Source.Records, "accepted", status.Transport.Accepted, "set_aside", status.Transport.SetAside, "filtered", status.Transport.Filtered,
		"requests", status.Transport.Requests, "took", took.Round(time.Millisecond).String())
	var verdict *fault.Error
	switch {
	case errors.Is(err, ingest.ErrUnsettled):
		log.Warn(err.Error(), "batches", status.Checkpoint.Unsettled)
		return nil // asked to stop, and nothing is lost
	case errors.As(err, &verdict):
		log.Error("ended", "reason", verdict.Code())
		return adviseAgain(err)
	case err != nil:
		log.Error("ended")
		return adviseAgain(err)
	case status.Transport.SetAside > 0:
		log.Warn("done", "dead_letters", ingest.DeadLetterPath(d.settings.Core.StateDir))
	default:
		log.Info("done")
	}
	return nil
}

// healthy fails if the source or the destination cannot be used now.
func (d *daemon) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := d.source.Check(ctx); err != nil {
		return withCode(exitUnavailable, fmt.Errorf("source: %w", advise(err)))
	}
	if err := d.destination.Check(ctx); err != nil {
		return withCode(exitUnavailable, fmt.Errorf("destination: %w", advise(err)))
	}
	return nil
}

// serveAdmin opens the admin port, if there is to be one, and returns what closes it.
func (d *daemon) serveAdmin(ctx context.Context, log *slog.Logger) (stop func(), err error) {
	addr := d.settings.Core.AdminAddr
	if addr == config.AdminOff {
		return func() {}, nil
	}
	ln, err := telemetry.Listen(addr)
	if err != nil {
		return nil, withCode(exitConfig, err)
	}
	log.Info("admin port", "url", "http://"+ln.Addr().String())
	// Open until the very end, also while draining, so that readiness can be asked.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.monitor.Serve(serving, ln) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			log.Error("admin port", "error", err.Error())
		}
	}, nil
}

// reloadOnHangup reads settings again at each SIGHUP until the returned function is called. That waits for what is being
// read, but not longer than lastWords.
func (d *daemon) reloadOnHangup(log *slog.Logger, level *slog.LevelVar, files []*config.EnvFile) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range signals {
			got, err := d.reload(level, files)
			d.monitor.Reloaded(err)
			if err != nil {
				log.Error("reload failed; everything stays as it was", "error", err.Error())
				continue
			}
			log.Info("reloaded", "changed", append([]string{}, got.changed...), "secrets", append([]string{}, got.secrets...)) // in JSON lists, also if they are empty
			if len(got.restart) > 0 {
				log.Warn("these settings have changed too and need a restart", "variables", strings.Join(got.restart, " "))
			}
			d.pipeline.TryNow() // whoever reloads has mended something, perhaps elsewhere
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		select {
		case <-done:
		case <-time.After(lastWords): // it reads a file that hangs, which nothing can end
		}
	}
}

// A reloaded says what has come of a reload.
type reloaded struct {
	changed []string // filter, map, schema, log level …
	secrets []string // variables
	restart []string // variables that have changed too, and that only a restart brings into force
}

// reload reads the env files, the programs, the schema, the secrets and the log level again; what is wrong leaves all as it was.
func (d *daemon) reload(level *slog.LevelVar, files []*config.EnvFile) (got reloaded, failed error) {
	for _, file := range files {
		undo, err := file.Reload()
		if err != nil {
			return got, err
		}
		defer func() {
			if failed != nil { // or the AWS SDK, which reads the environment by itself, would find the new values there
				undo()
			}
		}()
	}
	fresh, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
	if err != nil {
		return got, err
	}
	var next slog.Level
	if err := next.UnmarshalText([]byte(fresh.Core.LogLevel)); err != nil {
		return got, err
	}
	if got.secrets, err = d.settings.ReloadSecrets(); err != nil {
		return got, err
	}
	got.changed = d.settings.Reshape(fresh)
	if err := d.makeParser(); err != nil {
		return got, err
	}
	if level.Level() != next {
		got.changed = append(got.changed, "log level")
		level.Set(next)
	}
	got.restart = d.settings.Restart(fresh)
	return got, nil
}
