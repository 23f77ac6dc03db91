package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
	"sluice/internal/proof"
	"sluice/transport/transporttest"
)

// A mishap is one kind of fault: how it begins, what the daemon says of it, and how it ends.
type mishap struct {
	name   string
	vars   []string // settings that it takes
	begin  func(*mishapWorld)
	log    string // the log line while it lasts
	reason string // with this code; empty: one of several
	end    func(*mishapWorld)
	action proof.Action
	slow   bool // the daemon asks again after a minute only
}

// A mishapWorld is a world with a proxy before each server.
type mishapWorld struct {
	*world
	t           *testing.T
	source, aws *transporttest.Proxy
}

func hooked(h hook) func(*mishapWorld) { return func(w *mishapWorld) { w.beforeAWS(sends(h)) } }

// sends is h for requests that deliver records, and nothing for others.
func sends(h hook) hook {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if isSend(r) {
			h(w, r, serve)
			return
		}
		serve(w, r)
	}
}

// awsError answers as SQS does.
func awsError(status int, code, text string) hook {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": text})
	}
}

func clearAWS(w *mishapWorld) { w.awsHook.Store(nil) }

const (
	destinationFails = "destination does not answer as it should"
	sourceFails      = "source does not answer as it should"
)

var mishaps = []mishap{
	{name: "destination answers nothing", begin: func(w *mishapWorld) { w.aws.Mute() }, log: destinationFails, reason: "timeout",
		end: func(w *mishapWorld) { w.aws.Pass() }, action: proof.Retry},
	{name: "destination reads nothing", begin: func(w *mishapWorld) { w.aws.Stall() }, log: destinationFails, reason: "timeout",
		end: func(w *mishapWorld) { w.aws.Pass() }, action: proof.Retry},
	{name: "destination resets every connection", begin: hooked(moods["gone"]), log: destinationFails, reason: "network", end: clearAWS, action: proof.Retry},
	{name: "destination answers 503", begin: hooked(awsError(503, "ServiceUnavailable", "later")), log: destinationFails, end: clearAWS, action: proof.Retry},
	{name: "destination throttles", begin: hooked(awsError(400, "RequestThrottled", "slower")), log: "destination throttles", end: clearAWS, action: proof.Retry},
	{name: "destination breaks off in the middle of an answer", begin: hooked(moods["truncated"]), log: destinationFails, end: clearAWS, action: proof.Retry},
	{name: "destination calls the credentials expired", begin: hooked(awsError(400, "ExpiredTokenException", "The security token included in the request is expired")),
		log: destinationFails, reason: "expired_token", end: clearAWS, action: proof.Retry},
	{name: "STS is down while the daemon runs", begin: func(w *mishapWorld) {
		w.beforeAWS(func(rw http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			if isSend(r) {
				awsError(400, "ExpiredTokenException", "expired")(rw, r, serve)
				return
			}
			http.Error(rw, "down", http.StatusServiceUnavailable)
		})
	}, log: destinationFails, reason: "", end: clearAWS, action: proof.Retry},
	{name: "source answers nothing", begin: func(w *mishapWorld) { w.source.Mute() }, log: sourceFails, reason: "timeout",
		end: func(w *mishapWorld) { w.source.Pass() }, action: proof.Retry},
	{name: "source resets every connection", begin: func(w *mishapWorld) { w.beforeSource(moods["gone"]) }, log: sourceFails,
		end: func(w *mishapWorld) { w.sourceHook.Store(nil) }, action: proof.Retry},
	{name: "source answers 500", begin: func(w *mishapWorld) { w.beforeSource(moods["broken"]) }, log: sourceFails,
		end: func(w *mishapWorld) { w.sourceHook.Store(nil) }, action: proof.Retry},
	{name: "source breaks off in the middle of a page", begin: func(w *mishapWorld) { w.beforeSource(moods["truncated"]) }, log: sourceFails,
		end: func(w *mishapWorld) { w.sourceHook.Store(nil) }, action: proof.Retry},
	{name: "queue missing, then created", vars: []string{"SLUICE_SQS_QUEUE_URL", "", "SLUICE_SQS_QUEUE_NAME", "later"}, log: "destination blocked", reason: "queue_missing",
		begin: func(*mishapWorld) {}, end: func(w *mishapWorld) {
			if _, err := w.createQueue("later"); err != nil {
				w.t.Error(err)
			}
		}, action: proof.Pause, slow: true},
}

// TestAFreshRecordArrivesAfterEveryMishap breaks what the daemon stands on, mends it, and waits for a record that was made
// after that, without a restart (P10).
func TestAFreshRecordArrivesAfterEveryMishap(t *testing.T) {
	t.Parallel()
	for _, m := range mishaps {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if m.slow && !*long {
				t.Skip("SKIPPED: takes a minute; -long runs it")
			}
			w := &mishapWorld{world: startWorld(t, 20, awslocal.Options{}), t: t}
			host := func(url string) string { return strings.TrimPrefix(url, "http://") }
			w.source, w.aws = transporttest.NewProxy(t, host(w.sourceServer.URL)), transporttest.NewProxy(t, host(w.awsServer.URL))
			vars := with(daemonSettings(t, w.world), "SLUICE_SHUTDOWN_TIMEOUT", "5s", "SLUICE_SQS_TIMEOUT", "1s", "SLUICE_HTTP_TIMEOUT", "1s")
			vars["SLUICE_HTTP_URL"] = strings.Replace(vars["SLUICE_HTTP_URL"], host(w.sourceServer.URL), w.source.Address(), 1)
			vars["AWS_ENDPOINT_URL_SQS"] = "http://" + w.aws.Address()
			vars["AWS_ENDPOINT_URL_STS"] = "http://" + w.aws.Address()
			vars = with(vars, m.vars...)
			p := start(t, vars, "run")
			admin := p.admin(t)
			if !m.slow {
				eventually(t, "the first records", func() bool { return accepted(t, admin) == 20 })
			}
			m.begin(w)
			w.aws.Cut()
			w.source.Cut()
			add := func(n int) {
				t.Helper()
				rec := earthquakes.Records()[n]
				w.want = append(w.want, rec)
				if err := w.feed.Add(rec); err != nil {
					t.Fatal(err)
				}
			}
			add(20)
			line := p.log(t, m.log)
			if m.reason != "" && line["reason"] != m.reason {
				t.Errorf("logged %v, want the reason %s", line, m.reason)
			}
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d %+v, want 503", status, r)
			}
			m.end(w)
			mended := time.Now()
			add(21)
			limit := soon
			if m.slow {
				limit = 2 * soon
			}
			within(t, limit, "a record made after the fault", func() bool {
				s := currentStatus(t, admin)
				return s.Transport.Accepted >= 22 && s.Ready && s.Checkpoint.Unsettled == 0
			})
			t.Logf("the record arrived %v after the fault had ended", time.Since(mended).Round(time.Millisecond))
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if !m.slow {
				w.wantWhole(t)
			}
			proof.Fault(t, "mishap: "+m.name, 1)
			proof.Row{Area: "process", Fault: m.name + ", then mended", Action: m.action, Reason: fmt.Sprint(line["reason"]), Promises: "P10 P12"}.Report(t)
		})
	}
}
