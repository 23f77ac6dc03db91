package sqs_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"sluice/internal/awslocal/sigv4"
	"sluice/internal/awslocal/sqs"
)

// motoDiffers lists the steps in which moto 5.2.1 is known to give another answer than we do, with its answer.
// In all of them AWS documents or was observed to do what we do.
var motoDiffers = map[string]string{
	"create .fifo that is none":           "",
	"create with an unknown attribute":    "",
	"send an empty body":                  "",
	"send an empty attribute":             "",
	"send 11 attributes":                  "",
	"send a control character":            "",
	"send a dedup id to a standard queue": "",
	"batch with one too large":            "error InvalidParameterValue", // of the whole batch
	"batch with one bad character":        "10 ok, failed: []",
	"FIFO duplicate":                      "false", // it invents a new message id
	"FIFO receive after the duplicate":    "1",     // it forgets what was deleted
	"set a bad attribute":                 "error HTTP 500",
	"purge again":                         "",
	"recreate at once":                    "",
}

// TestAgainstMoto plays one script against moto, an independent implementation, and against ours, and compares what a
// client sees.
func TestAgainstMoto(t *testing.T) {
	t.Parallel()
	e := sqs.New(sqs.Options{Account: "123456789012", Region: "us-east-1"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			e.ServeSQS(w, r, body, sigv4.Identity{UserID: "AIDATEST"})
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(e.Close)
	moto := play(t, sqs.NewClient(startMoto(t)))
	ours := play(t, sqs.NewClient(server.URL))
	for _, step := range ours.steps {
		got, ok := moto.seen[step]
		if !ok {
			got = "no such step"
		}
		known, differs := motoDiffers[step]
		switch {
		case differs && got == ours.seen[step]:
			t.Errorf("%s: both give %q; take it off the list of differences", step, got)
		case differs && got != known:
			t.Errorf("%s: moto gives %q, the list says %q", step, got, known)
		case !differs && got != ours.seen[step]:
			t.Errorf("%s: moto gives %q, we give %q", step, got, ours.seen[step])
		}
	}
	for _, step := range moto.steps {
		if !slices.Contains(ours.steps, step) {
			t.Errorf("%s: only moto came to it: %q", step, moto.seen[step])
		}
	}
}

// startMoto starts moto's server on a free port of loopback, ends it with the test, and returns its address.
func startMoto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err == nil {
		err = exec.Command(path, "--help").Run()
	}
	if err != nil {
		skip(t, "no moto on this machine: "+err.Error())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(path, "-H", "127.0.0.1", "-p", port)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Running on") {
			go func() { _, _ = io.Copy(io.Discard, stderr) }() // ends with the process
			return "http://127.0.0.1:" + port
		}
	}
	skip(t, "moto does not start")
	return ""
}
