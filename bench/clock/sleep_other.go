//go:build !linux

package clock

import "time"

// Sleep waits for d. It cannot be interrupted.
func Sleep(d time.Duration) { time.Sleep(d) }
