package trial

import (
	"context"
	"fmt"
	"time"

	"sluice/bench/result"
)

// glance is how long to wait between two looks at what is left at the far end. A service of somebody else's takes money for
// each, and its count is a rough one that may be a minute old.
func (f *FarEnd) glance() time.Duration {
	switch f.Target.Kind {
	case result.AWS, result.Remote:
		return time.Second
	}
	return 20 * time.Millisecond
}

// leftOver waits until nothing is left at the far end, so that the next trial begins as this one did.
func (t *trial) leftOver(ctx context.Context) error {
	if t.far.Backlog == nil {
		return nil
	}
	for deadline := t.Clock.Now() + int64(t.Patience); ; {
		n, err := t.far.Backlog(ctx)
		if err != nil || n == 0 {
			return err
		}
		if t.Clock.Now() > deadline {
			t.invalid = append(t.invalid, fmt.Sprintf("%d records were left at the far end", n))
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.far.glance()):
		}
	}
}
