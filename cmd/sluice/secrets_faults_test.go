package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/awslocal"
	"sluice/internal/proof"
	"sluice/internal/telemetry"
)

// More canaries, of secrets that come from files or never travel.
const (
	canarySecretKey = "canarysecretkey0000000000000000000000000"
	canarySession   = "canarysessiontoken"
	canaryPassword  = "canary-password-of-a-broker"
	canaryExternal  = "canary-external-id-0815"
)

// echo refuses a request and repeats what came with it, as far as a server can.
func echo(status int, contentType, format string) hook {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var told bytes.Buffer
		fmt.Fprintf(&told, "no, not with that.\\n\\n%s ", r.URL.RawQuery) // AWS repeats the request from the second line on
		for name, values := range r.Header {
			fmt.Fprintf(&told, "%s: %s; ", name, strings.ReplaceAll(strings.Join(values, ","), `"`, "'"))
		}
		if !isSend(r) {
			fmt.Fprintf(&told, "%s", body)
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprintf(w, format, strings.NewReplacer("<", "", "&", " ", `\n`, "\n").Replace(told.String()))
	}
}

// jsonLine makes what echo tells fit for a string of JSON.
func jsonLine(h hook) hook {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		h(escaping{w}, r, serve)
	}
}

// escaping writes line breaks as JSON does.
type escaping struct{ http.ResponseWriter }

func (e escaping) Write(b []byte) (int, error) {
	_, err := e.ResponseWriter.Write(bytes.ReplaceAll(b, []byte("\n"), []byte(`\n`)))
	return len(b), err
}

const (
	sqsError = `{"__type":"com.amazonaws.sqs#InvalidSignatureException","message":"%s"}`
	stsError = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>`
	htmlPage = "<html><body>%s</body></html>"
)

// secretFaults are faults in which somebody repeats what he was told, or says nothing at all.
var secretFaults = map[string]func(w *world, vars map[string]string){
	"source answers 400 and repeats the secret":            func(w *world, _ map[string]string) { w.beforeSource(echo(400, "text/plain", "%s")) },
	"source answers 401 and repeats the secret":            func(w *world, _ map[string]string) { w.beforeSource(echo(401, "text/plain", "%s")) },
	"source answers 200 with HTML that repeats the secret": func(w *world, _ map[string]string) { w.beforeSource(echo(200, "text/html", htmlPage)) },
	"source answers 500 and repeats the secret":            func(w *world, _ map[string]string) { w.beforeSource(echo(500, "text/plain", "%s")) },
	"source redirects elsewhere with the secret": func(w *world, _ map[string]string) {
		w.beforeSource(func(rw http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			http.Redirect(rw, r, "http://127.0.0.1:1/?"+r.URL.RawQuery+"&token="+r.Header.Get("Authorization"), http.StatusFound)
		})
	},
	"source is gone": func(w *world, _ map[string]string) { w.sourceServer.Close() },
	"destination answers 403 and repeats the secret": func(w *world, _ map[string]string) {
		w.beforeAWS(sends(jsonLine(echo(403, "application/x-amz-json-1.0", sqsError))))
	},
	"destination answers 500 with HTML that repeats the secret": func(w *world, _ map[string]string) { w.beforeAWS(sends(echo(500, "text/html", htmlPage))) },
	"destination answers 200 with HTML that repeats the secret": func(w *world, _ map[string]string) { w.beforeAWS(sends(echo(200, "text/html", htmlPage))) },
	"destination is gone":                             func(w *world, _ map[string]string) { w.awsServer.CloseClientConnections(); w.awsServer.Close() },
	"STS answers AccessDenied and repeats the secret": func(w *world, _ map[string]string) { w.beforeAWS(beforeSTS(echo(403, "text/xml", stsError))) },
	"STS answers 503 and repeats the secret":          func(w *world, _ map[string]string) { w.beforeAWS(beforeSTS(echo(503, "text/plain", "%s"))) },
	"broker is gone, RabbitMQ": func(_ *world, vars map[string]string) {
		vars["SLUICE_TRANSPORT"], vars["SLUICE_RABBITMQ_URL"], vars["SLUICE_RABBITMQ_QUEUE"], vars["SLUICE_RABBITMQ_USERNAME"] = "rabbitmq", "amqp://127.0.0.1:1", "q", "u"
	},
	"server is gone, JetStream": func(_ *world, vars map[string]string) {
		vars["SLUICE_TRANSPORT"], vars["SLUICE_JETSTREAM_URL"], vars["SLUICE_JETSTREAM_SUBJECT"], vars["SLUICE_JETSTREAM_USERNAME"] = "jetstream", "nats://127.0.0.1:1", "s", "u"
	},
}

// TestNoSecretIsShownInAnyTrouble has everybody repeat the secrets that they are given, and looks for them wherever
// something can be read, the stacks of a daemon that is made to panic included.
func TestNoSecretIsShownInAnyTrouble(t *testing.T) {
	t.Parallel()
	for fault, spoil := range secretFaults {
		for _, name := range []string{"sqs", "apigateway"} {
			if name == "apigateway" && !strings.HasPrefix(fault, "destination") {
				continue // the same for both
			}
			t.Run(fault+", "+name, func(t *testing.T) {
				t.Parallel()
				secretsIn(t, fault, name, spoil)
				proof.Fault(t, "secrets_repeated", 1)
				if name == "sqs" {
					proof.Row{Area: "process", Fault: "secrets: " + fault, Action: proof.None, Promises: "P13"}.Report(t)
				}
			})
		}
	}
}

// secretsIn runs a daemon with every kind of secret in one kind of trouble, and searches.
func secretsIn(t *testing.T, fault, name string, spoil func(*world, map[string]string)) {
	t.Helper()
	w := startWorld(t, 10, awslocal.Options{APIKey: canaryKey, ExternalID: canaryExternal})
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		write(t, path, text)
		return path
	}
	vars := with(daemonSettings(t, w), "SLUICE_TRANSPORT", name, "SLUICE_LOG_LEVEL", "debug", "SLUICE_SHUTDOWN_TIMEOUT", "100ms",
		"SLUICE_HTTP_TOKEN_FILE", file("token", canaryToken), "SLUICE_HTTP_HEADERS", "X-Secret: "+canaryHeader,
		"SLUICE_APIGATEWAY_API_KEY", "", "SLUICE_APIGATEWAY_API_KEY_FILE", file("key", canaryKey),
		"SLUICE_RABBITMQ_PASSWORD_FILE", file("password", canaryPassword), "SLUICE_JETSTREAM_PASSWORD_FILE", file("password2", canaryPassword))
	look := &search{secrets: []string{canaryToken, canaryHeader, canaryQuery, canaryKey, canarySecretKey, canarySession, canaryPassword, canaryExternal, vars["AWS_SECRET_ACCESS_KEY"]}}
	if strings.HasPrefix(fault, "STS") { // who is refused may be anybody
		vars = with(vars, "AWS_SECRET_ACCESS_KEY", canarySecretKey, "AWS_SESSION_TOKEN", canarySession)
	}
	vars["SLUICE_HTTP_URL"] += "&apikey=" + canaryQuery
	w.beforeSource((&tellTale{}).hook) // takes away the parameter that the feed does not know
	spoil(w, vars)

	p := start(t, vars, "run")
	admin := p.admin(t)
	eventually(t, "trouble", func() bool {
		status, r := readiness(t, admin)
		return status == http.StatusServiceUnavailable && slices.ContainsFunc(r.Reasons, func(r telemetry.Reason) bool { return r.Reason != "starting" })
	})
	for _, page := range []string{"/", "/api/status", "/readyz", "/metrics"} {
		_, text := get(t, admin+page)
		look.at(page, text)
	}
	for _, of := range []string{"cmdline", "environ"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, of))
		if err != nil {
			continue // only some systems have it
		}
		text := string(data)
		if of == "environ" { // holds what its owner put there, and nothing that is read from a file
			for _, own := range []string{canaryHeader, canaryQuery, canarySecretKey, canarySession, canaryExternal, vars["AWS_SECRET_ACCESS_KEY"]} {
				text = strings.ReplaceAll(text, own, "")
			}
		}
		look.at(of, text)
	}
	p.signal(t, syscall.SIGQUIT) // the stacks of all goroutines, as after a panic
	// What counts is what it says. How it ends is the business of Go's runtime, which walks over the stacks while threads may still
	// run that it could not stop: it exits with 2, or falls over one of them and is ended by the kernel.
	if p.wait(t, soon); !strings.Contains(p.said(), "goroutine ") {
		t.Errorf("SIGQUIT has ended it without the stacks: %v", p.cmd.ProcessState)
	}
	look.at("the log and the stacks", p.said()+p.out.String())

	for _, args := range [][]string{{"env"}, {"validate"}, {"run", "--once"}} {
		if args[0] == "run" && !strings.HasPrefix(fault, "source answers 4") {
			continue // waits until its patience ends
		}
		p := start(t, with(vars, "SLUICE_ADMIN_ADDR", "off"), args...)
		p.wait(t, soon)
		look.at("sluice "+strings.Join(args, " "), " "+p.said()+p.out.String())
	}
	entries, err := os.ReadDir(vars["SLUICE_STATE_DIR"])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(vars["SLUICE_STATE_DIR"], e.Name()))
		if err != nil {
			t.Error(err)
		}
		look.at(e.Name(), " "+string(data))
	}
	look.report(t, nil)
}
