// Package memlimit finds how much memory the kernel allows this process, and tells the garbage collector.
package memlimit

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// share of the kernel's limit that the Go runtime may use. The rest is for stacks of the kernel, the page cache of files
// being written, and the time that the collector needs.
const share = 0.9

// Set makes the garbage collector work harder before the kernel's limit is reached, and returns the limit of the Go runtime
// in bytes and where it comes from. GOMEMLIMIT, if it is set, stands as it is. The limit is 0 if there is none.
func Set() (limit int64, from string) {
	if os.Getenv("GOMEMLIMIT") != "" {
		if now := debug.SetMemoryLimit(-1); now != math.MaxInt64 {
			return now, "GOMEMLIMIT"
		}
		return 0, "GOMEMLIMIT"
	}
	allowed := cgroup(os.DirFS("/"))
	if allowed == 0 {
		return 0, ""
	}
	limit = int64(share * float64(allowed))
	debug.SetMemoryLimit(limit)
	return limit, "cgroup"
}

// cgroup returns the least limit of the control groups that the process is in, in bytes; 0: there is none that can be read.
func cgroup(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0 // not Linux
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch {
		case hasController(parts[1], "memory"): // version 1
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		// A limit of a group above counts too. In a container the path may be that outside of it; the group itself is then
		// the root of the mount, which is looked at in the end.
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if n := number(root, path.Join(mount, group, file)); n > 0 {
				least = min(least, n)
			}
			if group == "/" {
				break
			}
		}
	}
	if least >= 1<<60 { // version 1 says "no limit" with a number near the largest there is
		return 0
	}
	return least
}

func hasController(list, name string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == name {
			return true
		}
	}
	return false
}

// number reads a file that holds one; 0 if it does not, as with "max".
func number(root fs.FS, name string) int64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
