package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// limited sets a limit of the kernel on a process that runs; it may be raised again.
func (p *process) limited(t *testing.T, resource int, n uint64) {
	t.Helper()
	var now unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, resource, nil, &now); err != nil {
		t.Fatal(err)
	}
	now.Cur = min(n, now.Max)
	if err := unix.Prlimit(p.cmd.Process.Pid, resource, &now, nil); err != nil {
		t.Fatal(err)
	}
}

// descriptors is the number of files and connections that a process has open.
func (p *process) descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	t.Run("few", func(t *testing.T) {
		t.Parallel()
		w := startWorld(t, 400, awslocal.Options{})
		w.beforeAWS(func(rw http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			if isSend(r) { // as slow as over a network, so that there are many connections
				select {
				case <-time.After(20 * time.Millisecond):
				case <-r.Context().Done():
					return
				}
			}
			serve(rw, r)
		})
		p := startUnder(t, "-n 32", with(daemonSettings(t, w), "SLUICE_TRANSPORT", "apigateway", "SLUICE_CONCURRENCY", "64"), "run")
		p.log(t, "there are 32 file descriptors: 16 requests at once at most, not the 64 of SLUICE_CONCURRENCY; raise the limit (ulimit -n) or lower the setting")
		admin := p.admin(t)
		most := 0
		eventually(t, "everything accepted with 32 descriptors", func() bool {
			most = max(most, p.descriptors(t))
			return accepted(t, admin) == 400
		})
		if most < 16 {
			t.Errorf("%d descriptors in use at most; that 32 are enough shows nothing", most)
		}
		if strings.Contains(p.said(), "too many open files") {
			t.Error("the daemon ran out of descriptors; want some kept free for the state folder")
		}
		p.signal(t, syscall.SIGTERM)
		if code := p.wait(t, soon); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		w.wantWhole(t)
		proof.Row{Area: "process", Fault: "32 file descriptors for 64 requests at once", Action: proof.Retry, Promises: "P9 P10"}.Report(t)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		w := startWorld(t, 40, awslocal.Options{})
		vars := daemonSettings(t, w)
		p := start(t, vars, "run")
		admin := p.admin(t)
		eventually(t, "the first records, saved", func() bool {
			s := currentStatus(t, admin)
			return s.Transport.Accepted == 40 && s.Checkpoint.Unsettled == 0
		})
		p.limited(t, unix.RLIMIT_NOFILE, 4) // those that are open stay open, and there is no other
		if err := w.feed.Add(earthquakes.Records()[40]); err != nil {
			t.Fatal(err)
		}
		w.want = append(w.want, earthquakes.Records()[40])
		p.log(t, "checkpoint cannot be saved")
		w.sourceServer.CloseClientConnections() // only now: the new record has to come over the connection that is open
		select {
		case <-p.done:
			t.Fatalf("ended with %v for want of descriptors", p.cmd.ProcessState)
		default:
		}
		p.limited(t, unix.RLIMIT_NOFILE, 1024)
		eventually(t, "the new record, saved", func() bool {
			s := currentStatus(t, admin)
			return s.Transport.Accepted >= 41 && s.Checkpoint.Unsettled == 0 && s.Ready
		})
		p.signal(t, syscall.SIGTERM)
		if code := p.wait(t, soon); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		w.wantWhole(t)
		proof.Row{Area: "process", Fault: "no file descriptor left, then enough", Action: proof.Retry, Reason: "checkpoint_unwritable", Promises: "P10"}.Report(t)
	})
}

// resident is the memory of a process in bytes, and the address space that it has taken.
func (p *process) memory(t *testing.T) (resident, address uint64) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data))
	pages := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n * uint64(os.Getpagesize())
	}
	return pages(fields[1]), pages(fields[0])
}

// What a process that gets no more memory has not settled arrives after the next start.
func TestResumesWhenItDiedForWantOfMemory(t *testing.T) {
	t.Parallel()
	const page, size, pages = 16, 600 << 10, 9
	f := startFlood(t, &flood{page: page, size: size, pages: pages})
	vars := with(f.settings(t), "SLUICE_SQS_TIMEOUT", "1m")
	f.hold(true)
	p := launch(t, with(vars, "SLUICE_INFLIGHT", "8"), "run")
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	p.admin(t)
	_, address := p.memory(t)
	p.limited(t, unix.RLIMIT_AS, address+48<<20) // five pages of what it reads
	code := p.wait(t, soon)
	if said := p.said(); code != 2 || !strings.Contains(said, "memory") && !(raced && strings.Contains(said, "address space")) {
		t.Fatalf("ended with %d:\n%.2000s\nwant 2, for want of memory", code, p.said())
	}
	f.hold(false)
	deliverRest(t, vars)
	f.wantWhole(t, page*pages)
	proof.Row{Area: "process", Fault: "killed for want of memory", Action: proof.Exit, Promises: "P1 P5 P8"}.Report(t)
}

// A small limit for the collector makes the daemon slower and loses nothing.
func TestASmallMemoryLimit(t *testing.T) {
	t.Parallel()
	if raced {
		t.Skip("SKIPPED: the program of the race detector needs more memory than this limit")
	}
	const page, size, pages = 8, 256 << 10, 20
	f := startFlood(t, &flood{page: page, size: size, pages: pages})
	vars := with(f.settings(t), "GOMEMLIMIT", "24MiB", "SLUICE_HTTP_MAX_PAGE_BYTES", "8388608")
	p := start(t, vars, "run")
	line := p.log(t, "memory limit")
	if line["from"] != "GOMEMLIMIT" || line["bytes"] != float64(24<<20) {
		t.Errorf("logged %v, want 24 MiB from GOMEMLIMIT", line)
	}
	p.log(t, "SLUICE_INFLIGHT and SLUICE_HTTP_MAX_PAGE_BYTES allow for pages that need 120 MiB, and there are 24 MiB; lower one of them, or give more memory")
	admin := p.admin(t)
	eventually(t, "everything accepted", func() bool { return accepted(t, admin) == page*pages })
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	f.wantWhole(t, page*pages)
	proof.Row{Area: "process", Fault: "a memory limit below what the settings allow for", Action: proof.None, Promises: "P1 P8"}.Report(t)
}

// The daemon finds everything that is wrong before it touches a file or a network.
func TestWrongSettingsTouchNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars []string
		want []string
	}{
		"unknown variable": {[]string{"SLUICE_INFLIHGT", "4"}, []string{"SLUICE_INFLIHGT"}},
		"duration":         {[]string{"SLUICE_HTTP_TIMEOUT", "30"}, []string{"SLUICE_HTTP_TIMEOUT"}},
		"URL":              {[]string{"SLUICE_HTTP_URL", "ftp://x"}, []string{"SLUICE_HTTP_URL"}},
		"ARN":              {[]string{"SLUICE_ROLE_ARN", "arn:aws:iam::1:user/x"}, []string{"SLUICE_ROLE_ARN"}},
		"all of them": {[]string{"SLUICE_INFLIHGT", "4", "SLUICE_HTTP_TIMEOUT", "30", "SLUICE_HTTP_URL", "ftp://x", "SLUICE_ROLE_ARN", "x", "SLUICE_LOG_LEVEL", "loud",
			"SLUICE_SQS_TIMEOUT", "-1s"}, []string{"SLUICE_INFLIHGT", "SLUICE_HTTP_TIMEOUT", "SLUICE_HTTP_URL", "SLUICE_ROLE_ARN", "SLUICE_LOG_LEVEL", "SLUICE_SQS_TIMEOUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 10, awslocal.Options{})
			touched := func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
				t.Errorf("%s %s was asked", r.Method, r.URL.Path)
			}
			w.beforeAWS(touched)
			w.beforeSource(touched)
			vars := daemonSettings(t, w)
			code, said := finish(t, with(vars, c.vars...), "run")
			if code != exitConfig {
				t.Errorf("exit code %d, want %d", code, exitConfig)
			}
			for _, want := range c.want {
				if !strings.Contains(said, "\n  "+want+":") && !strings.Contains(said, "sluice: "+want+":") {
					t.Errorf("no line about %s in:\n%s", want, said)
				}
			}
			if _, err := os.Stat(vars["SLUICE_STATE_DIR"]); err == nil {
				t.Errorf("%s was made", filepath.Base(vars["SLUICE_STATE_DIR"]))
			}
			if name == "all of them" {
				proof.Row{Area: "process", Fault: "settings that are wrong in six ways", Action: proof.Exit, Reason: "", Promises: "P12"}.Report(t)
			}
		})
	}
}
