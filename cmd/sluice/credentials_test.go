package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/awslocal"
	"sluice/internal/proof"
)

// beforeSTS puts a hook before the calls of STS alone.
func beforeSTS(h hook) hook {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("Action=")) {
			h(w, r, serve)
			return
		}
		serve(w, r)
	}
}

func TestSTSDownAtTheStart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 40, awslocal.Options{})
			var calls atomic.Int64
			w.beforeAWS(beforeSTS(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
				calls.Add(1)
				http.Error(w, "down", http.StatusServiceUnavailable)
			}))
			p := start(t, with(daemonSettings(t, w), "SLUICE_TRANSPORT", name), "run")
			admin := p.admin(t)
			line := p.log(t, "destination does not answer as it should")
			if line["reason"] != "sts_unavailable" {
				t.Errorf("logged %v, want the reason sts_unavailable", line)
			}
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "destination", "sts_unavailable") {
				t.Errorf("/readyz: %d %+v, want 503 because of sts_unavailable", status, r)
			}
			if n := calls.Load(); n > 20 {
				t.Errorf("%d calls of STS before it was called down, want a backed-off handful", n)
			}
			w.awsHook.Store(nil)
			p.log(t, "delivering again")
			eventually(t, "everything accepted", func() bool { return accepted(t, admin) == 40 })
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if a := w.wantWhole(t); a.Duplicates != 0 {
				t.Errorf("%d duplicates, want none: nothing was sent without credentials", a.Duplicates)
			}
			proof.Fault(t, "sts_down", int(calls.Load()))
			proof.Row{Area: "credentials", Fault: "STS is down at the start, " + name, Action: proof.Retry, Reason: "sts_unavailable", Promises: "P10 P12"}.Report(t)
		})
	}
}

func TestARoleThatIsRefusedPauses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault string
		spoil func(*world, map[string]string)
	}{
		"wrong external id": {"the role's trust policy wants another external id", func(_ *world, vars map[string]string) {
			vars["SLUICE_ROLE_EXTERNAL_ID"] = "not-the-right-one"
		}},
		"denied": {"STS answers AccessDenied", func(w *world, _ map[string]string) {
			w.beforeAWS(beforeSTS(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole with an explicit deny</Message></Error></ErrorResponse>`)
			}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 40, awslocal.Options{})
			vars := with(daemonSettings(t, w), "SLUICE_SHUTDOWN_TIMEOUT", "1s")
			c.spoil(w, vars)
			var calls atomic.Int64
			inner := w.awsHook.Load()
			w.beforeAWS(beforeSTS(func(rw http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				calls.Add(1)
				if inner != nil {
					(*inner)(rw, r, serve)
					return
				}
				serve(rw, r)
			}))
			began := time.Now()
			p := start(t, vars, "run")
			admin := p.admin(t)
			line := p.log(t, "destination blocked")
			if line["reason"] != "role_denied" || !strings.Contains(fmt.Sprint(line["err"]), "SLUICE_ROLE_EXTERNAL_ID") {
				t.Errorf("logged %v, want the reason role_denied and what to look at", line)
			}
			if strings.Contains(p.said(), vars["SLUICE_ROLE_EXTERNAL_ID"]) {
				t.Error("the log shows the external id")
			}
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "destination", "role_denied") {
				t.Errorf("/readyz: %d %+v, want 503 because of role_denied", status, r)
			}
			// The source goes on to be asked until the batches in flight are as many as there may be: many requests' time.
			eventually(t, "the source is read", func() bool { return currentStatus(t, admin).Source.Records >= 40 })
			if n, most := calls.Load(), 2+2*int64(time.Since(began)/time.Minute); n > most {
				t.Errorf("%d calls of STS, want at most %d: one at once, one a minute and another for who needs it", n, most)
			}
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			w.awsHook.Store(nil)
			vars["SLUICE_ROLE_EXTERNAL_ID"] = w.settings()["SLUICE_ROLE_EXTERNAL_ID"]
			deliverRest(t, vars)
			if a := w.wantWhole(t); a.Duplicates != 0 {
				t.Errorf("%d duplicates, want none", a.Duplicates)
			}
			proof.Row{Area: "credentials", Fault: c.fault, Action: proof.Pause, Reason: "role_denied", Promises: "P11 P12"}.Report(t)
		})
	}
}

// without returns vars without the keys that the stand-in has issued, so that the SDK looks further.
func without(vars map[string]string, more ...string) map[string]string {
	vars = maps.Clone(vars)
	delete(vars, "AWS_ACCESS_KEY_ID")
	delete(vars, "AWS_SECRET_ACCESS_KEY")
	return with(vars, more...)
}

func TestMetadataThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(func() { hanging.CloseClientConnections(); hanging.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, c := range map[string]struct {
		fault  string
		vars   []string
		msg    string
		reason string
		action proof.Action
		says   string
	}{
		"instance metadata hang": {"the instance metadata never answer (hop limit)",
			[]string{"AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", hanging.URL},
			"destination blocked", "no_credentials", proof.Pause, "hop limit"},
		"instance metadata absent": {"there are no instance metadata and nothing else",
			[]string{"AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://" + closed.Addr().String()},
			"destination blocked", "no_credentials", proof.Pause, "hop limit"},
		"container metadata hang": {"the container's credentials never come",
			[]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", hanging.URL + "/v2/credentials/x"},
			"destination does not answer as it should", "credentials_unavailable", proof.Retry, "no answer within 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 10, awslocal.Options{})
			began := time.Now()
			p := start(t, without(daemonSettings(t, w), c.vars...), "run")
			admin := p.admin(t)
			up := time.Since(began)
			if up > 10*time.Second {
				t.Errorf("the admin port was open after %v, want 10 s at most: nobody waits for credentials", up)
			}
			line := p.log(t, c.msg)
			if line["reason"] != c.reason || !strings.Contains(fmt.Sprint(line["err"]), c.says) {
				t.Errorf("logged %v, want the reason %s and %q", line, c.reason, c.says)
			}
			t.Logf("up after %v, told after %v: %v", up.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), line["err"])
			if status, r := readiness(t, admin); status != http.StatusServiceUnavailable || !because(r, "destination", c.reason) {
				t.Errorf("/readyz: %d %+v, want 503 because of %s", status, r, c.reason)
			}
			proof.Row{Area: "credentials", Fault: c.fault, Action: c.action, Reason: c.reason, Promises: "P12"}.Report(t)
		})
	}
}
