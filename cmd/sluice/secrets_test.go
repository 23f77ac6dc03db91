package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sluice/internal/awslocal"
)

// Canaries: secrets that the tests look for wherever something can be read.
const (
	canaryToken  = "canary-bearer-token-51f0"
	canaryHeader = "canary-header-value-93ab"
	canaryQuery  = "canary-query-value-77cd"
	canaryKey    = "CANARYAPIKEY00000000000000000000"
)

// A tellTale is a server that repeats what it was sent, as servers like to do when they refuse it.
type tellTale struct {
	mu     sync.Mutex
	tokens map[string]bool // session tokens seen
	left   int             // requests to refuse
	status int
}

func (x *tellTale) refuse(n, status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left, x.status = n, status
}

// sessions returns the session tokens seen, which are secrets too.
func (x *tellTale) sessions() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []string
	for token := range x.tokens {
		all = append(all, token)
	}
	return all
}

func (x *tellTale) hook(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	source := strings.HasPrefix(r.URL.Path, "/fdsnws")
	x.mu.Lock()
	if token := r.Header.Get("X-Amz-Security-Token"); token != "" {
		x.tokens[token] = true
	}
	refuse := x.left > 0 && (source || isSend(r))
	if refuse {
		x.left--
	}
	status := x.status
	x.mu.Unlock()
	if !refuse {
		query := r.URL.Query()
		query.Del("apikey") // which the feed does not know
		r.URL.RawQuery = query.Encode()
		serve(w, r)
		return
	}
	// AWS too repeats the request, from the second line on. The secrets first: messages are cut off at some length.
	told := fmt.Sprintf("%s x-secret:%s x-api-key:%s came.\n\nx-amz-security-token:%s\nauthorization:%s", r.URL.RawQuery,
		r.Header.Get("X-Secret"), r.Header.Get("X-Api-Key"), r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
	kind := "InvalidSignatureException"
	if status >= 500 {
		kind = "InternalFailure"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	if r.Header.Get("X-Amz-Target") != "" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#%s","message":%q}`, kind, told)
}

func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 10, awslocal.Options{APIKey: canaryKey})
			source, destination := &tellTale{}, &tellTale{tokens: map[string]bool{}}
			w.beforeSource(source.hook)
			w.beforeAWS(destination.hook)
			folder := t.TempDir()
			schema := filepath.Join(folder, "schema.json")
			write(t, schema, `{"properties": {"properties": {"properties": {"mag": {"minimum": 0.3}}}}}`)
			vars := with(daemonSettings(t, w), "SLUICE_TRANSPORT", name, "SLUICE_LOG_LEVEL", "debug", "SLUICE_SCHEMA_FILE", schema,
				"SLUICE_HTTP_TOKEN", canaryToken, "SLUICE_HTTP_HEADERS", "X-Secret: "+canaryHeader)
			vars["SLUICE_HTTP_URL"] += "&apikey=" + canaryQuery
			look := &search{secrets: []string{canaryToken, canaryHeader, canaryQuery, canaryKey, vars["AWS_SECRET_ACCESS_KEY"]}}

			// Refused by the source, and by the destination.
			source.refuse(1, http.StatusUnauthorized)
			code, said := finish(t, vars, "run", "--once")
			look.at("the log of a run that the source refuses", said)
			if code != exitUnavailable {
				t.Errorf("refused by the source: exit code %d, want %d", code, exitUnavailable)
			}
			destination.refuse(100, http.StatusForbidden)
			code, said = finish(t, vars, "run", "--once")
			look.at("the log of a run that the destination refuses", said)
			if code != exitUnavailable {
				t.Errorf("refused by the destination: exit code %d, want %d", code, exitUnavailable)
			}
			code, said = finish(t, vars, "send", `{"id":"1","properties":{"net":"us"}}`)
			look.at("the complaint of send", said)
			if code != exitUnavailable {
				t.Errorf("send: exit code %d, want %d", code, exitUnavailable)
			}
			code, said = finish(t, with(vars, "SLUICE_INFLIGHT", "none"), "validate")
			look.at("the complaint of validate", said)
			if code != exitConfig {
				t.Errorf("validate: exit code %d, want %d", code, exitConfig)
			}

			// A daemon in trouble, then well, with a dead letter.
			destination.refuse(3, http.StatusInternalServerError)
			source.refuse(3, http.StatusInternalServerError)
			p := start(t, vars, "run")
			admin := p.admin(t)
			p.log(t, "source does not answer as it should")
			pages := []string{"/", "/api/status", "/readyz", "/healthz", "/metrics"}
			for _, page := range pages {
				_, text := get(t, admin+page)
				look.at(page+" in trouble", text)
			}
			eventually(t, "everything settled", func() bool {
				s := currentStatus(t, admin)
				return s.Transport.Accepted+s.Transport.SetAside == 10 && s.Transport.SetAside > 0
			})
			for _, page := range pages {
				_, text := get(t, admin+page)
				look.at(page, text)
			}
			argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
			if err == nil { // only some systems have it
				look.at("the command line", string(argv))
			}
			p.signal(t, syscall.SIGTERM)
			if code := p.wait(t, soon); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			look.at("the log", p.said()+p.out.String())
			look.files(t, vars["SLUICE_STATE_DIR"], "checkpoint", "deadletter.ndjson")
			sessions := destination.sessions()
			if len(sessions) == 0 {
				t.Error("no session token was seen; the search for it shows nothing")
			}
			look.report(t, sessions)
		})
	}
}

// A search collects what can be read, to be looked through in the end.
type search struct {
	secrets []string
	places  []string
	texts   []string
}

func (s *search) at(place, text string) {
	s.places, s.texts = append(s.places, place), append(s.texts, text)
}

func (s *search) files(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
		}
		s.at(name, string(data))
	}
}

func (s *search) report(t *testing.T, more []string) {
	t.Helper()
	for i, text := range s.texts {
		if text == "" && s.places[i] != "/healthz" {
			t.Errorf("%s is empty; the search in it shows nothing", s.places[i])
		}
		for _, secret := range append(more, s.secrets...) {
			secret = secret[:min(len(secret), 24)] // a message may have been cut off in the middle of it
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s shows a secret: %q", s.places[i], text[max(0, at-80):min(len(text), at+40)])
			}
		}
	}
}
