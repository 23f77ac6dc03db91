//go:build race

package main

// raced says that this is a build for the race detector: some ten times slower, and with memory of its own.
const raced = true
