package main

import (
	"math"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sluice/internal/proof"
)

// gauge reads one number from /metrics.
func gauge(t *testing.T, metrics, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(metrics)
	if m == nil {
		t.Fatalf("/metrics has no %s", name)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A destination that takes nothing for ever and a source without an end fit into what SLUICE_INFLIGHT and
// SLUICE_HTTP_MAX_PAGE_BYTES allow for (I5).
func TestMemoryIsBoundedWhileNothingIsDelivered(t *testing.T) {
	t.Parallel()
	const page, size, inflight = 8, 512 << 10, 4 // pages of 4 MiB
	f := startFlood(t, &flood{page: page, size: size})
	f.hold(true)
	vars := with(f.settings(t), "SLUICE_INFLIGHT", strconv.Itoa(inflight), "SLUICE_HTTP_MAX_PAGE_BYTES", strconv.Itoa(page*(size+1000)),
		"SLUICE_SQS_TIMEOUT", "300ms", "SLUICE_SHUTDOWN_TIMEOUT", "1s")
	p := start(t, vars, "run")
	admin := p.admin(t)
	eventually(t, "the batches that may be in flight, and requests that nobody answers", func() bool {
		s := currentStatus(t, admin)
		return s.Source.Records >= inflight*page && s.Transport.Requests >= 4
	})
	read := currentStatus(t, admin).Source.Records
	if most := int64((inflight + 1) * page); read > most {
		t.Errorf("%d records were read while none was taken, want at most %d: the batches in flight and the next", read, most)
	}
	_, metrics := get(t, admin+"/metrics")
	const budget = (inflight+3)*page*(size+1000) + 64<<20 // that of SLUICE_INFLIGHT in docs/configuration.md
	heap, resident := gauge(t, metrics, "go_memstats_heap_alloc_bytes"), gauge(t, metrics, "process_resident_memory_bytes")
	if heap > budget {
		t.Errorf("a heap of %.0f MiB, want at most the %d MiB that the settings allow for", heap/(1<<20), budget>>20)
	}
	if most := float64(budget + 64<<20); resident > most && !raced {
		t.Errorf("%.0f MiB resident, want at most %.0f", resident/(1<<20), most/(1<<20))
	}
	t.Logf("budget %d MiB: heap %.0f MiB, resident %.0f MiB with %d records read and none taken", budget>>20, heap/(1<<20), resident/(1<<20), read)
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	proof.Row{Area: "process", Fault: "destination takes nothing for ever, source without an end", Action: proof.Retry, Promises: "P8"}.Report(t)
}

// A reading is one sample of a daemon under load.
type reading struct{ records, heap, goroutines, descriptors float64 }

// TestSoak delivers as fast as it goes for -soak, to a destination that fails now and then, and looks whether anything
// grows with the number of records.
func TestSoak(t *testing.T) {
	t.Parallel()
	f := startFlood(t, &flood{page: 500, size: 300})
	var requests int
	f.flap = func() bool { // refuses two requests in a row, and then takes a thousand
		requests++
		return requests%1000 < 2
	}
	// A collector that runs always leaves little that nobody uses in the heap, so that its size is what is in use.
	vars := with(f.settings(t), "GOGC", "20", "SLUICE_SHUTDOWN_TIMEOUT", "5s", "SLUICE_INFLIGHT", "8")
	p := start(t, vars, "run")
	admin := p.admin(t)
	var samples []reading
	eventually(t, "the load", func() bool { return accepted(t, admin) > 10_000 })
	begun := time.Now()
	every := time.NewTicker(*soak / 50)
	defer every.Stop()
	for time.Since(begun) < *soak {
		receive(t, "the next sample", every.C)
		_, metrics := get(t, admin+"/metrics")
		samples = append(samples, reading{records: gauge(t, metrics, `sluice_records_settled_total{fate="accepted",transport="sqs"}`),
			heap: gauge(t, metrics, "go_memstats_heap_alloc_bytes"), goroutines: gauge(t, metrics, "go_goroutines"),
			descriptors: gauge(t, metrics, "process_open_fds")})
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	f.mu.Lock()
	refused := f.refused
	f.mu.Unlock()
	if refused == 0 {
		t.Error("the destination never failed; the soak shows less than it should")
	}
	last := samples[len(samples)-1]
	t.Logf("%.0f records, %.0f a second for %v, %d requests refused, %d samples", last.records, (last.records-samples[0].records)/soak.Seconds(), *soak, refused, len(samples))
	for _, c := range []struct {
		name  string
		sways float64 // in a whole run: what is in flight, and connections of two goroutines each, come and go with the load
		value func(reading) float64
	}{
		{"heap, bytes", 8 << 20, func(r reading) float64 { return r.heap }},
		{"goroutines", 24, func(r reading) float64 { return r.goroutines }},
		{"descriptors", 12, func(r reading) float64 { return r.descriptors }},
	} {
		line := fit(samples, c.value)
		// 1 % per million records, or what chance alone makes of samples that scatter like these.
		allowed := max(0.01*line.mean, 4*line.err, c.sways/((last.records-samples[0].records)/1e6))
		t.Logf("%s: mean %.0f, slope %+.1f ± %.1f per million records (allowed %.1f)", c.name, line.mean, line.slope, line.err, allowed)
		if line.slope > allowed {
			t.Errorf("%s grow by %.1f per million records, want at most %.1f", c.name, line.slope, allowed)
		}
	}
	proof.Fault(t, "destination_refused", refused)
	proof.Row{Area: "process", Fault: "destination flaps under full load", Action: proof.Retry, Promises: "P8"}.Report(t)
}

// A trend is a line through samples: slope and its standard error per million records.
type trend struct{ mean, slope, err float64 }

// fit is the line of least squares.
func fit(samples []reading, value func(reading) float64) trend {
	n := float64(len(samples))
	var mx, my float64
	for _, s := range samples {
		mx, my = mx+s.records/1e6/n, my+value(s)/n
	}
	var sxx, sxy float64
	for _, s := range samples {
		sxx, sxy = sxx+(s.records/1e6-mx)*(s.records/1e6-mx), sxy+(s.records/1e6-mx)*(value(s)-my)
	}
	slope := sxy / sxx
	var rest float64
	for _, s := range samples {
		d := value(s) - my - slope*(s.records/1e6-mx)
		rest += d * d
	}
	return trend{mean: my, slope: slope, err: math.Sqrt(rest / (n - 2) / sxx)}
}
