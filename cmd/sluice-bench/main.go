// Command sluice-bench compares transports on the user's own workload, with the code that the daemon ships, and says which
// of them to choose.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the build.
var version = "unknown"

func main() { os.Exit(run()) }

func run() int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE) // who stops reading the table is no reason to leave a queue behind
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal ends the run and cleans up; the next one kills
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, complaint(err))
		return exitCode(err)
	}
	return 0
}
