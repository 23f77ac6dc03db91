package experiment

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"sluice/bench/clock"
	"sluice/bench/result"
)

// clients are the modules whose versions change what is measured.
var clients = map[string]bool{
	"github.com/aws/aws-sdk-go-v2":             true,
	"github.com/aws/aws-sdk-go-v2/service/sqs": true,
	"github.com/aws/aws-sdk-go-v2/service/sts": true,
	"github.com/nats-io/nats.go":               true,
	"github.com/nats-io/nats-server/v2":        true,
	"github.com/rabbitmq/amqp091-go":           true,
	"github.com/HdrHistogram/hdrhistogram-go":  true,
}

// Machine describes this program and the machine that it runs on. What it cannot find out it leaves empty.
func Machine(version string) result.Env {
	e := result.Env{Version: version, Go: strings.TrimPrefix(runtime.Version(), "go"), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), Modules: map[string]string{},
		Kernel: line("/proc/sys/kernel/osrelease"), CPU: field("/proc/cpuinfo", "model name"), Clock: clock.Source}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				e.Commit = s.Value
			case "vcs.modified":
				e.Dirty = s.Value == "true"
			}
		}
		for _, m := range info.Deps {
			if clients[m.Path] {
				e.Modules[m.Path] = m.Version
			}
		}
	}
	if kib, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		e.Memory = kib << 10
	}
	if source := line("/sys/devices/system/clocksource/clocksource0/current_clocksource"); source != "" {
		e.Clock += ", " + source
	}
	var limits []string
	for _, name := range []string{"cpu.max", "memory.max"} {
		if value := line("/sys/fs/cgroup/" + name); value != "" {
			limits = append(limits, name+" "+value)
		}
	}
	e.Cgroup = strings.Join(limits, ", ")
	if strings.HasPrefix(line("/sys/devices/virtual/dmi/id/sys_vendor"), "Amazon") {
		e.Instance = line("/sys/devices/virtual/dmi/id/product_name")
	}
	return e
}

// line returns the first line of a file; empty if it cannot be read.
func line(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(first)
}

// field returns the value behind the first "name: value" of a file.
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for text := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
