package main

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	update = flag.Bool("update", false, "write the golden files and the expected output in scripts anew")
	kills  = flag.Int("kills", 50, "how often TestCrash kills the daemon, for each transport")
	stops  = flag.Int("stops", 10, "how often TestStop stops the daemon, for each transport")
	soak   = flag.Duration("soak", 3*time.Second, "how long TestSoak delivers")
	long   = flag.Bool("long", false, "run what takes a minute too")
	seed   = flag.Uint64("seed", 0, "of the tests that leave something to chance; 0: another one each time")
)

// TestMain lets the test binary be the program: the tests find it as sluice in their PATH, and it runs the real main.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_EC2_METADATA_DISABLED") == "" { // the program under test is this binary too
		os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	}
	testscript.Main(patient{m}, map[string]func(){"sluice": main})
}

// patient runs more tests at once than there are processors: most of them wait for a program that is waiting itself.
type patient struct{ m *testing.M }

func (p patient) Run() int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		most := "24"
		if raced {
			most = "8" // the programs do not wait then, they compute
		}
		_ = flag.Set("test.parallel", most)
	}
	return p.m.Run()
}
