package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/internal/proof"
)

// requestSteps are the steps of a daemon that its servers see, and those of its end.
var requestSteps = []string{
	"creds-refresh",  // credentials are asked for
	"fetched",        // a page has come, and no record of it is sent
	"before-send",    // a request is on its way and has not been read
	"sent-no-answer", // it was done, and the answer is not heard
	"after-ack",      // the answer is heard; what follows is the next request or the save
	"drain-start",    // it was asked to stop, and requests are in flight
	"drain-deadline", // its time to stop is over
}

// TestCrashAtNamedSteps kills the daemon at every step that it takes, as its servers and the kernel see them.
func TestCrashAtNamedSteps(t *testing.T) {
	t.Parallel()
	steps := append([]string(nil), requestSteps...)
	for _, s := range stateSteps {
		steps = append(steps, s.name)
	}
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := seeded(t)
			rounds := max(1, *kills/50)
			var j *journey
			hits := map[string]int{}
			for left := repeat(steps, rounds, random); len(left) > 0; {
				if j == nil || j.arrived() {
					if j != nil {
						j.finish(t)
					}
					j = newJourney(t, name)
				}
				k := &executioner{step: left[0], left: 1 + random.IntN(2), hit: make(chan struct{})}
				if k.die(t, j) {
					hits[left[0]]++
					left = left[1:]
				}
			}
			j.finish(t)
			for _, step := range steps {
				if hits[step] != rounds {
					t.Errorf("%s: %d kills, want %d", step, hits[step], rounds)
				}
				proof.Fault(t, "killed_at_"+step, hits[step])
			}
			proof.Row{Area: "process", Fault: "SIGKILL at each step of fetching, sending and saving, " + name, Action: proof.Retry, Promises: "P1 P2 P3 P4 P5"}.Report(t)
		})
	}
}

// repeat returns n times all of what, in a random order.
func repeat(what []string, n int, random *rand.Rand) []string {
	var all []string
	for range n {
		all = append(all, what...)
	}
	random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all
}

// An executioner kills one daemon when it comes to a step for the left-th time.
type executioner struct {
	mu     sync.Mutex
	step   string
	left   int
	victim *process
	hit    chan struct{} // closed with the kill
}

// due reports whether now is the moment, once.
func (k *executioner) due(step string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if step != k.step {
		return false
	}
	k.left--
	return k.left == 0
}

func (k *executioner) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.victim.cmd.Process.Kill()
	close(k.hit)
}

// die runs a daemon until it is killed, and reports whether that was at the step.
func (k *executioner) die(t *testing.T, j *journey) bool {
	t.Helper()
	vars := j.vars
	switch k.step {
	case "drain-start":
		vars = with(vars, "SLUICE_SHUTDOWN_TIMEOUT", "1m")
	case "drain-deadline":
		vars = with(vars, "SLUICE_SHUTDOWN_TIMEOUT", "50ms")
	case "lock-taken", "creds-refresh":
		k.left = 1 // it happens once in a life
	}
	defer watchState(t, vars["SLUICE_STATE_DIR"], func(step string) {
		if k.due(step) {
			k.kill()
		}
	})()
	j.w.beforeAWS(k.hook)
	j.w.beforeSource(k.hook)
	k.mu.Lock() // nobody is killed before it is known who
	k.victim = launch(t, vars, "run")
	k.mu.Unlock()
	j.asked = strings.HasPrefix(k.step, "drain-")
	missed := false
	select {
	case <-k.hit:
	case <-k.victim.done:
	case <-time.After(10 * time.Second): // the step does not come any more: all is delivered
		missed = true
		_ = k.victim.cmd.Process.Kill()
	}
	j.wantKilled(t, k.victim)
	j.w.awsHook.Store(nil)
	j.w.sourceHook.Store(nil)
	return !missed
}

func (k *executioner) hook(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case strings.HasPrefix(r.URL.Path, "/fdsnws"):
		serve(w, r)
		if k.due("fetched") {
			_ = http.NewResponseController(w).Flush()
			k.kill()
		}
	case bytes.Contains(body, []byte("Action=AssumeRole")):
		if k.due("creds-refresh") {
			k.kill()
			return
		}
		serve(w, r)
	case !isSend(r):
		serve(w, r)
	case k.due("before-send"):
		k.kill()
	case k.due("sent-no-answer"):
		serve(discard{http.Header{}}, r)
		k.kill()
	case k.due("drain-start"), k.due("drain-deadline"):
		_ = k.victim.cmd.Process.Signal(syscall.SIGTERM)
		if k.step == "drain-deadline" {
			time.AfterFunc(50*time.Millisecond, k.kill) // as long as it may take to stop
		} else {
			time.AfterFunc(5*time.Millisecond, k.kill)
		}
		<-k.victim.done
	case k.due("after-ack"):
		serve(w, r)
		_ = http.NewResponseController(w).Flush()
		k.kill()
	default:
		serve(w, r)
	}
}
