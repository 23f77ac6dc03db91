package main

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/awslocal"
)

// listens returns the addresses on which a process accepts connections, from what the kernel says.
func listens(t *testing.T, pid int) []netip.Addr {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("the descriptors of the process: %q, %v", fds, err)
	}
	mine := map[string]bool{}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil && strings.HasPrefix(link, "socket:[") {
			mine[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")] = true
		}
	}
	var found []netip.Addr
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no IPv6 here
		}
		for line := range strings.Lines(string(data)) {
			const listening = "0A" // proc(5), tcp_states.h
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listening || !mine[f[9]] {
				continue
			}
			text, _, _ := strings.Cut(f[1], ":")
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			for word := range slices.Chunk(raw, 4) { // in the order of this machine, little-endian
				slices.Reverse(word)
			}
			ip, _ := netip.AddrFromSlice(raw)
			found = append(found, ip.Unmap())
		}
	}
	return found
}

func TestTheDaemonListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 40, awslocal.Options{})
	p := start(t, daemonSettings(t, w), "run")
	p.admin(t)
	found := listens(t, p.cmd.Process.Pid)
	if len(found) != 1 || !found[0].IsLoopback() {
		t.Errorf("the daemon listens on %v, want one address of this machine, that of the admin port", found)
	}
}
