package load

import (
	"math"
	"runtime"
	"runtime/metrics"
	"syscall"
	"time"
)

// Cost is what a phase took of the process that sent it.
type Cost struct {
	Wall, CPU   time.Duration // user and system
	Procs       int           // that may run at once
	Allocs      uint64        // objects
	AllocBytes  uint64
	PeakRSS     int64         // bytes, of the process so far
	GCPauseP99  time.Duration // upper bound of the bucket; 0: no pause
	Connections int64
	BytesOut    int64
	BytesIn     int64
}

// meter measures a Cost from its start to its stop.
type meter struct {
	wire  *Wire
	start time.Time
	from  reading
}

type reading struct {
	cpu                     time.Duration
	allocs, bytes           uint64
	pauses                  *metrics.Float64Histogram
	opened, wireIn, wireOut int64
}

func startMeter(w *Wire) *meter {
	if w == nil {
		w = &Wire{}
	}
	return &meter{wire: w, from: read(w), start: time.Now()}
}

func (m *meter) stop() Cost {
	wall, to := time.Since(m.start), read(m.wire)
	c := m.from.until(to)
	c.Wall, c.Procs, c.PeakRSS = wall, runtime.GOMAXPROCS(0), peakRSS()
	return c
}

// until is what was added between two readings.
func (r reading) until(to reading) Cost {
	return Cost{CPU: to.cpu - r.cpu, Allocs: to.allocs - r.allocs, AllocBytes: to.bytes - r.bytes,
		GCPauseP99:  quantileBetween(r.pauses, to.pauses, 0.99),
		Connections: to.opened - r.opened, BytesOut: to.wireOut - r.wireOut, BytesIn: to.wireIn - r.wireIn}
}

func read(w *Wire) reading {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(samples)
	pauses := samples[2].Value.Float64Histogram()
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for wrong arguments only
	return reading{
		cpu:    time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		allocs: samples[0].Value.Uint64(), bytes: samples[1].Value.Uint64(), pauses: pauses,
		opened: w.opened.Load(), wireIn: w.in.Load(), wireOut: w.out.Load(),
	}
}

// quantileBetween returns the upper bound of the bucket with the quantile of what was added between two readings.
func quantileBetween(from, to *metrics.Float64Histogram, q float64) time.Duration {
	var total uint64
	for i, n := range to.Counts {
		total += n - from.Counts[i]
	}
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var sum uint64
	for i, n := range to.Counts {
		if sum += n - from.Counts[i]; sum >= rank {
			bound := to.Buckets[i+1]
			if math.IsInf(bound, 1) {
				bound = to.Buckets[i]
			}
			return time.Duration(bound * float64(time.Second))
		}
	}
	return 0
}
