package main

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestLocalCountsFaults runs the stand-in with a script and with models, meets one fault and stops it: it says what it
// was told, and at the end how often each rule acted.
func TestLocalCountsFaults(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "faults.yaml")
	doc := "rules:\n  - {name: off, call: POST /records, nth: 1, do: reset}\n  - {call: sqs, do: reset}\n  - {name: page, call: source, nth: 1, do: answer, status: 503}\n"
	if err := os.WriteFile(script, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "local", "--listen", "127.0.0.1:0", "--feed", "127.0.0.1:0", "--faults", script, "--model", "sqs=sqs-send-2021", "--seed", "7")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	var said []string
	url := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if found := regexp.MustCompile(`^export SLUICE_APIGATEWAY_URL='(.*)'$`).FindStringSubmatch(lines.Text()); found != nil {
			url = found[1]
		}
		if found := regexp.MustCompile(`^export SLUICE_HTTP_URL='(.*)'$`).FindStringSubmatch(lines.Text()); found != nil { // the last variable
			for i, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
				res, err := http.Get(found[1])
				if err != nil || res.StatusCode != want {
					t.Errorf("page %d of the feed: got %v, %v; want %d", i+1, res, err, want)
				}
				if err == nil {
					res.Body.Close()
				}
			}
			if res, err := http.Post(url, "application/json", strings.NewReader("{}")); err == nil {
				res.Body.Close()
				t.Errorf("the first POST was answered %s, want a reset", res.Status)
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("got %v, want an end with 0:\n%s", err, &stderr)
	}
	for _, want := range []string{
		"# models: sqs-send-2021, seed 7; its times are not those of AWS",
		"# faults: 3 rules of " + script + ", from now on",
		"# fault 1, off, calls met: 1",
		"# fault 2, reset on sqs, calls met: 0",
		"# fault 3, page, calls met: 1",
	} {
		if !slices.Contains(said, want) {
			t.Errorf("it did not say %q:\n%s", want, strings.Join(said, "\n"))
		}
	}
}
