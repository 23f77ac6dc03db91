//go:build !linux

package clock

import "time"

// Source names the clock.
const Source = "wall clock"

func shared() int64 { return time.Now().UnixNano() }
