// Command sluice pulls records from a source and delivers each of them, at least once, into AWS.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set when a release is built.
var version = ""

func main() { os.Exit(run()) }

func run() int {
	silenceLibraries()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal drains; the next one kills
	cmd := root()
	cmd.SetOut(&console{ctx: ctx, to: os.Stdout})
	cmd.SetErr(&console{ctx: ctx, to: os.Stderr})
	if err := cmd.ExecuteContext(ctx); err != nil {
		say(complaint(err))
		return exitCode(err)
	}
	return 0
}

// lastWords is how long the end of the program waits for somebody to take what it has to say.
const lastWords = time.Second

// say writes to standard error at the end of the program, which a pipe that nobody reads must not hold up.
func say(text string) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Fprintln(&console{ctx: ended, to: os.Stderr}, text)
}
