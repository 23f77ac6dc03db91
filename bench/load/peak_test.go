package load

import (
	"runtime"
	"testing"
	"time"
)

// The child of a process that holds much holds no more than it needs itself.
func TestThePeakIsTheSendersOwn(t *testing.T) {
	t.Parallel()
	const much = 128 << 20 // more than any test of this package needs, with the race detector too
	fat := make([]byte, much)
	for i := 0; i < len(fat); i += 4 << 10 {
		fat[i] = 1 // a page that was never touched is not there
	}
	p := start(t.Context(), t, "memory")
	r, err := p.Send(t.Context(), Phase{Due: every(100*time.Microsecond, 10), MaxRecords: 1, Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if own := peakRSS(); own < much {
		t.Errorf("the parent's own peak is %d bytes, want the %d that it has touched", own, much)
	}
	if r.Cost.PeakRSS < 1<<20 || r.Cost.PeakRSS >= much {
		t.Errorf("the child's peak is %d bytes, want between 1 MiB and the %d of its parent", r.Cost.PeakRSS, much)
	}
	runtime.KeepAlive(fat)
}

func TestHighWater(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, status string
		want         int64
		ok           bool
	}{
		{"as Linux writes it", "Name:\tsluice\nVmPeak:\t 900 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 12 kB\n", 12345, true},
		{"without a value", "VmHWM:\n", 0, false},
		{"with another value", "VmHWM:\tmuch kB\n", 0, false},
		{"without the line", "VmPeak:\t 900 kB\n", 0, false},
	} {
		if got, ok := highWater([]byte(c.status)); got != c.want || ok != c.ok {
			t.Errorf("%s: got %d, %v; want %d, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
