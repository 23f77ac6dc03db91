package ingest

import (
	"context"
	"errors"
	"syscall"
	"time"

	"sluice/internal/atomicfile"
)

// lockWithin takes the lock, or fails with syscall.EWOULDBLOCK if another process has it for longer than limit, which may
// be stopped or hang. Waiting is told once if the wait begins; it may be nil. When ctx ends, it returns why.
func lockWithin(ctx context.Context, lock atomicfile.File, limit, poll time.Duration, waiting func()) error {
	for start, told := time.Now(), false; ; told = true {
		err := lock.Lock()
		left := limit - time.Since(start)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) || left <= 0 {
			return err
		}
		if !told && waiting != nil {
			waiting()
		}
		select {
		case <-time.After(min(left, poll)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
