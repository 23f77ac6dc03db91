//go:build !linux

package clock

import "context"

// A kernelTimer is there on Linux only.
type kernelTimer struct{}

func newKernelTimer(context.Context) *kernelTimer { return nil }

func (*kernelTimer) wait(int64) bool { return false }

func (*kernelTimer) stop() {}
