package load

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// peakRSS is the most memory in bytes that this process has had so far. Linux carries ru_maxrss over execve (getrusage(2)),
// so that a child would report what its parent had; VmHWM of proc(5) belongs to the program that runs now.
func peakRSS() int64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if kib, ok := highWater(status); ok {
			return kib << 10
		}
	}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for wrong arguments only
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss) // in bytes there, and in KiB elsewhere
	}
	return int64(usage.Maxrss) << 10
}

// highWater finds VmHWM, in KiB, in the text of /proc/self/status.
func highWater(status []byte) (kib int64, ok bool) {
	for line := range bytes.Lines(status) {
		rest, found := bytes.CutPrefix(line, []byte("VmHWM:"))
		if !found {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0, false
		}
		kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
		return kib, err == nil
	}
	return 0, false
}
