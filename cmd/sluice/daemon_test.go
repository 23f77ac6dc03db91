package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/awslocal"
	"sluice/internal/telemetry"
)

// daemonSettings are those of a daemon with an admin port that polls often.
func daemonSettings(t *testing.T, w *world) map[string]string {
	return with(w.settings(), "SLUICE_ADMIN_ADDR", "127.0.0.1:0", "SLUICE_HTTP_INTERVAL", "50ms", "SLUICE_HTTP_LIMIT", "40",
		"SLUICE_STATE_DIR", filepath.Join(t.TempDir(), "state"))
}

// A gate holds requests that send until it is opened.
type gate struct {
	held chan struct{} // one per request that waits
	open chan struct{}
}

func newGate() *gate { return &gate{held: make(chan struct{}, 1000), open: make(chan struct{})} }

func (g *gate) hook(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if isSend(r) {
		body, err := io.ReadAll(r.Body) // only then does the server watch whether the client is still there
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.held <- struct{}{}
		select {
		case <-g.open:
		case <-r.Context().Done(): // nobody waits for it any more
			return
		}
	}
	serve(w, r)
}

// isSend reports whether a request delivers records.
func isSend(r *http.Request) bool {
	return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessageBatch") || strings.HasSuffix(r.URL.Path, "/records")
}

func readiness(t *testing.T, admin string) (int, telemetry.Readiness) {
	t.Helper()
	status, body := get(t, admin+"/readyz")
	var r telemetry.Readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("/readyz: %v in %s", err, body)
	}
	return status, r
}

func because(r telemetry.Readiness, part, reason string) bool {
	return slices.ContainsFunc(r.Reasons, func(r telemetry.Reason) bool { return r.Part == part && r.Reason == reason })
}

// deliverRest runs the daemon until everything is delivered.
func deliverRest(t *testing.T, vars map[string]string) {
	t.Helper()
	if code, said := finish(t, with(vars, "SLUICE_ADMIN_ADDR", "off"), "run", "--once"); code != 0 {
		t.Fatalf("the next run: exit code %d, want 0:\n%s", code, said)
	}
}

func TestSigtermLetsWhatIsInFlightFinish(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 120, awslocal.Options{})
	g := newGate()
	w.beforeAWS(g.hook)
	vars := daemonSettings(t, w)
	p := start(t, vars, "run")
	admin := p.admin(t)
	receive(t, "a request in flight", g.held)
	p.signal(t, syscall.SIGTERM)
	p.log(t, "stopping")
	if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "daemon", "draining") {
		t.Errorf("/readyz while draining: %d %+v, want 503 because of draining", status, r)
	}
	if status, _ := get(t, admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz while draining: %d, want 200", status)
	}
	close(g.open)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	p.log(t, "done")
	w.awsHook.Store(nil)
	deliverRest(t, vars)
	if a := w.wantWhole(t); a.Duplicates != 0 {
		t.Errorf("%d duplicates, want none: what was in flight was to be settled and saved", a.Duplicates)
	}
}

func TestDrainingEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 120, awslocal.Options{})
	g := newGate()
	w.beforeAWS(g.hook)
	vars := with(daemonSettings(t, w), "SLUICE_SHUTDOWN_TIMEOUT", "1s", "SLUICE_SQS_TIMEOUT", "10m")
	p := start(t, vars, "run")
	receive(t, "a request in flight", g.held)
	stopping := time.Now() // before the signal: it may be there before we look at the clock again
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0: nothing is lost", code)
	}
	if took := time.Since(stopping); took < time.Second {
		t.Errorf("ended %v after SIGTERM, want the second that it may take", took)
	}
	p.log(t, ingest.ErrUnsettled.Error())
	w.awsHook.Store(nil)
	deliverRest(t, vars)
	w.wantWhole(t)
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 120, awslocal.Options{})
	g := newGate()
	w.beforeAWS(g.hook)
	vars := with(daemonSettings(t, w), "SLUICE_SHUTDOWN_TIMEOUT", "1h", "SLUICE_SQS_TIMEOUT", "10m")
	p := start(t, vars, "run")
	receive(t, "a request in flight", g.held)
	p.signal(t, syscall.SIGINT)
	p.log(t, "stopping")
	eventually(t, "the end", func() bool { // more than once: the first of them may still be counted as the first signal
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, want by the signal", p.cmd.ProcessState)
	}
	w.awsHook.Store(nil)
	deliverRest(t, vars)
	w.wantWhole(t)
}

func TestWaitsForAQueueThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 120, awslocal.Options{})
	vars := with(daemonSettings(t, w), "SLUICE_SHUTDOWN_TIMEOUT", "1s", "SLUICE_SQS_QUEUE_URL", "", "SLUICE_SQS_QUEUE_NAME", "later")
	p := start(t, vars, "run")
	admin := p.admin(t)
	if line := p.log(t, "destination blocked"); line["reason"] != "queue_missing" {
		t.Errorf("logged %v, want the reason queue_missing", line)
	}
	status, r := readiness(t, admin)
	if status != http.StatusServiceUnavailable || !because(r, "destination", "queue_missing") {
		t.Errorf("/readyz: %d %+v, want 503 because of queue_missing", status, r)
	}
	if status, _ := get(t, admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d, want 200: the process is well", status)
	}
	_, metrics := get(t, admin+"/metrics")
	for _, line := range []string{"sluice_ready 0", `sluice_trouble{part="destination"} 1`, `sluice_trouble{part="source"} 0`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics has no line %q", line)
		}
	}
	ask := map[string]string{"SLUICE_ADMIN_ADDR": strings.TrimPrefix(admin, "http://")}
	if code, said := finish(t, ask, "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit code %d, want 0: %s", code, said)
	}
	if code, said := finish(t, ask, "healthcheck", "--ready"); code != 1 || !strings.Contains(said, "sluice: not ready: destination queue_missing since 20") {
		t.Errorf("healthcheck --ready: exit code %d and %q, want 1 and the reason", code, said)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	url, err := w.createQueue("later")
	if err != nil {
		t.Fatal(err)
	}
	deliverRest(t, vars)
	if a, err := w.audit(url); err != nil || !a.Whole() {
		t.Errorf("delivered %+v, %v, want everything", a, err)
	}
}

func TestHealsWithoutARestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, part, trouble, healed string }{
		{"destination", "destination", "destination does not answer as it should", "delivering again"},
		{"source", "source", "source does not answer as it should", "reading again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 120, awslocal.Options{})
			broken := answering(http.StatusInternalServerError, "the machine is on fire")
			hooked := &w.awsHook
			if c.part == "source" {
				hooked = &w.sourceHook
			}
			hooked.Store(&broken)
			p := start(t, daemonSettings(t, w), "run")
			admin := p.admin(t)
			p.log(t, c.trouble)
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !slices.ContainsFunc(r.Reasons, func(r telemetry.Reason) bool { return r.Part == c.part }) {
				t.Errorf("/readyz: %d %+v, want 503 because of the %s", status, r, c.part)
			}
			hooked.Store(nil)
			p.log(t, c.healed)
			eventually(t, "everything accepted", func() bool { return accepted(t, admin) == len(w.want) })
			if status, r := readiness(t, admin); status != http.StatusOK || !r.Ready {
				t.Errorf("/readyz: %d %+v, want 200", status, r)
			}
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			w.wantWhole(t)
		})
	}
}

func currentStatus(t *testing.T, admin string) telemetry.Status {
	t.Helper()
	_, body := get(t, admin+"/api/status")
	var s telemetry.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("/api/status: %v in %s", err, body)
	}
	return s
}

func accepted(t *testing.T, admin string) int { return int(currentStatus(t, admin).Transport.Accepted) }

func TestSecondDaemonIsRefused(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 40, awslocal.Options{})
	vars := daemonSettings(t, w)
	first := start(t, vars, "run")
	admin := first.admin(t)
	code, said := finish(t, with(vars, "SLUICE_LOCK_WAIT", "0s"), "run")
	if want := "sluice: another process holds the checkpoint in "; code != exitHeld || !strings.Contains(said, want) {
		t.Errorf("the second daemon: exit code %d and %q, want %d and %q", code, said, exitHeld, want)
	}
	eventually(t, "the first goes on", func() bool { return accepted(t, admin) == len(w.want) })
	if err := first.cmd.Process.Kill(); err != nil { // without a chance to tidy up
		t.Fatal(err)
	}
	first.wait(t, soon)
	deliverRest(t, vars)
	if _, err := os.Stat(filepath.Join(vars["SLUICE_STATE_DIR"], "checkpoint")); err != nil {
		t.Error(err)
	}
}
