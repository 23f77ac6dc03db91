package load

import (
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"
)

// cpuOf is the time that this process has spent by itself and in the system.
func cpuOf(t *testing.T) (user, system time.Duration) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

// What the system does for the sender is the sender's: most of sending is that. Not parallel: other tests would spend time
// of both kinds.
func TestTheTimeOfTheSystemIsTheSendersToo(t *testing.T) {
	zeros, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zeros.Close()
	const enough = 40 * time.Millisecond
	buf := make([]byte, 4<<20)
	m := startMeter(nil)
	user, system := cpuOf(t)
	var inUser, inSystem time.Duration
	sum := 0
	for n := 0; inUser < enough || inSystem < enough; n++ {
		if _, err := io.ReadFull(zeros, buf); err != nil {
			t.Fatal(err)
		}
		for _, b := range buf {
			if inUser >= enough {
				break
			}
			sum += int(b)
		}
		u, s := cpuOf(t)
		if inUser, inSystem = u-user, s-system; n == 2000 {
			t.Fatalf("%v and %v in the system after 8 GiB, want %v of each", inUser, inSystem, enough)
		}
	}
	if sum != 0 {
		t.Errorf("the zeros add up to %d, want 0", sum)
	}
	if got := m.stop().CPU; got < inUser+inSystem {
		t.Errorf("%v of CPU, want at least the %v of its own and the %v in the system", got, inUser, inSystem)
	}
}

func TestBytesOfAConnectionByDirection(t *testing.T) {
	t.Parallel()
	w := &Wire{}
	before, far := net.Pipe()
	defer far.Close()
	early := w.Count(before) // before the phase
	go func() { _, _ = io.Copy(io.Discard, far) }()
	if _, err := early.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	m := startMeter(w)
	near, end := net.Pipe()
	conn := w.Count(near)
	defer conn.Close()
	go func() {
		_, _ = io.ReadFull(end, make([]byte, 300))
		_, _ = end.Write(make([]byte, 7))
		_ = end.Close()
	}()
	if _, err := conn.Write(make([]byte, 300)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	if c := m.stop(); c.BytesOut != 300 || c.BytesIn != 7 || c.Connections != 1 {
		t.Errorf("%d bytes out, %d in, %d connections; want 300, 7, 1", c.BytesOut, c.BytesIn, c.Connections)
	}
	_ = early.Close()
}

// buckets of pauses: up to 1 µs, 10 µs, 100 µs, 1 ms, and more.
var buckets = []float64{0, 1e-6, 1e-5, 1e-4, 1e-3, math.Inf(1)}

func pauses(counts ...uint64) *metrics.Float64Histogram {
	return &metrics.Float64Histogram{Counts: counts, Buckets: buckets}
}

func TestTheCostIsWhatWasAddedBetweenReadings(t *testing.T) {
	t.Parallel()
	from := reading{cpu: 100, allocs: 200, bytes: 300, opened: 4, wireIn: 50, wireOut: 60, pauses: pauses(0, 0, 0, 0, 9)}
	to := reading{cpu: 111, allocs: 222, bytes: 333, opened: 8, wireIn: 105, wireOut: 126, pauses: pauses(0, 98, 0, 2, 9)}
	want := Cost{CPU: 11, Allocs: 22, AllocBytes: 33, Connections: 4, BytesIn: 55, BytesOut: 66, GCPauseP99: time.Millisecond}
	if got := from.until(to); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestQuantileBetweenReadings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		from, to *metrics.Float64Histogram
		q        float64
		want     time.Duration
	}{
		{"no pause", pauses(5, 0, 0, 0, 0), pauses(5, 0, 0, 0, 0), 0.99, 0},
		{"one", pauses(5, 0, 0, 0, 0), pauses(5, 0, 1, 0, 0), 0.99, 100 * time.Microsecond},
		{"99 of 100 are short", pauses(0, 0, 0, 0, 0), pauses(0, 99, 0, 1, 0), 0.99, 10 * time.Microsecond},
		{"98 of 100 are short", pauses(0, 0, 0, 0, 0), pauses(0, 98, 0, 2, 0), 0.99, time.Millisecond},
		{"half of them", pauses(0, 0, 0, 0, 0), pauses(0, 98, 0, 2, 0), 0.5, 10 * time.Microsecond},
		{"longer than any bound", pauses(0, 0, 0, 0, 0), pauses(0, 0, 0, 0, 1), 0.99, time.Millisecond},
	} {
		if got := quantileBetween(c.from, c.to, c.q); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// What a phase allocates and how long it takes are its own.
func TestAMeterMeasures(t *testing.T) {
	m := startMeter(nil)
	var kept [][]byte
	for range 100 {
		kept = append(kept, make([]byte, 1<<16))
	}
	c := m.stop()
	runtime.KeepAlive(kept)
	if c.Allocs < 100 || c.AllocBytes < 100<<16 || c.AllocBytes > 200<<16 || c.Wall <= 0 || c.Procs != runtime.GOMAXPROCS(0) {
		t.Errorf("got %+v; want 100 objects of 64 KiB, some time, %d processors", c, runtime.GOMAXPROCS(0))
	}
}
