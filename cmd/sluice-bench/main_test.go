package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected output in scripts anew")

// TestMain lets the test binary be the program: the tests find it as sluice-bench in their PATH, and it runs the real main.
func TestMain(m *testing.M) {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	testscript.Main(m, map[string]func(){"sluice-bench": main})
}
