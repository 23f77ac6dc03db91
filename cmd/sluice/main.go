// Command sluice pulls records from a source and delivers each of them, at least once, into AWS.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set when a release is built.
var version = ""

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal drains; the next one kills
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, complaint(err))
		return exitCode(err)
	}
	return 0
}
