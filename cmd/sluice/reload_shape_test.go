package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
)

// TestSighupReadsFilterAndMap, from their files and from the env file; what does not compile changes nothing.
func TestSighupReadsFilterAndMap(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 10, awslocal.Options{})
	folder := t.TempDir()
	program, env := filepath.Join(folder, "map.jq"), filepath.Join(folder, "more.env")
	write(t, program, ".")
	write(t, env, "SLUICE_FILTER=true\n")
	p := start(t, with(daemonSettings(t, w), "SLUICE_MAP_FILE", program), "--env-file", env, "run")
	admin := p.admin(t)
	want := func(what string, accepted, setAside, filtered int64) {
		t.Helper()
		eventually(t, what, func() bool {
			s := currentStatus(t, admin).Transport
			return s.Accepted == accepted && s.SetAside == setAside && s.Filtered == filtered
		})
	}
	add := func(n int) {
		t.Helper()
		if err := w.feed.Add(earthquakes.Records()[n]); err != nil {
			t.Fatal(err)
		}
	}
	want("the first records", 10, 0, 0)

	write(t, program, `error("not this one")`)
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "reloaded"); fmt.Sprint(line["changed"]) != "[map]" {
		t.Errorf("reloaded %v, want the map", line["changed"])
	}
	add(10)
	want("a record on which the new map fails", 10, 1, 0)

	write(t, program, "now")
	write(t, env, "SLUICE_FILTER=false\n")
	p.signal(t, syscall.SIGHUP)
	if line := p.log(t, "reload failed; everything stays as it was"); !strings.Contains(fmt.Sprint(line["error"]), "SLUICE_MAP_FILE: it calls now") {
		t.Errorf("logged %v, want the name of the variable and the reason", line)
	}
	add(11)
	want("the last good map and filter stay", 10, 2, 0)

	write(t, program, ".")
	p.signal(t, syscall.SIGHUP)
	eventually(t, "the second reload that worked", func() bool {
		_, metrics := get(t, admin+"/metrics")
		return strings.Contains(metrics, `sluice_config_reloads_total{result="ok"} 2`)
	})
	add(12)
	want("a record that the new filter leaves out", 10, 2, 1)
	if strings.Contains(p.said(), "need a restart") {
		t.Error("the log says that a filter needs a restart")
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
