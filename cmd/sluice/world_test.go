package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/bench"
	"sluice/examples/earthquakes"
	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/readback"
)

// A world is what a daemon meets: a stand-in of AWS and a source, both in this process and on addresses of their own.
type world struct {
	standIn *awslocal.Server
	feed    *earthquakes.Feed
	want    []json.RawMessage // what the feed held at the start

	awsServer, sourceServer *httptest.Server
	awsHook, sourceHook     atomic.Pointer[hook]
}

// A hook stands before a server. It calls serve to let it answer.
type hook func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// newWorld starts servers; the feed holds the n oldest earthquakes.
func newWorld(n int, o awslocal.Options) (*world, error) {
	w := &world{want: earthquakes.Records()[:n]}
	var err error
	if w.feed, err = earthquakes.NewFeed(w.want); err != nil {
		return nil, err
	}
	w.sourceServer = httptest.NewServer(behind(&w.sourceHook, w.feed))
	w.awsServer = httptest.NewUnstartedServer(nil)
	o.BaseURL = "http://" + w.awsServer.Listener.Addr().String()
	if w.standIn, err = awslocal.New(o); err != nil {
		w.sourceServer.Close()
		return nil, err
	}
	w.awsServer.Config.Handler = behind(&w.awsHook, w.standIn)
	w.awsServer.Start()
	return w, nil
}

func behind(h *atomic.Pointer[hook], next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := h.Load(); f != nil {
			(*f)(w, r, next.ServeHTTP)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// beforeAWS and beforeSource put a hook before a server, or take it away with nil.
func (w *world) beforeAWS(h hook)    { w.awsHook.Store(&h) }
func (w *world) beforeSource(h hook) { w.sourceHook.Store(&h) }

func (w *world) close() {
	for _, s := range []*httptest.Server{w.sourceServer, w.awsServer} {
		s.CloseClientConnections()
		s.Close()
	}
	w.standIn.Close()
}

// startWorld is newWorld for a Go test.
func startWorld(t *testing.T, n int, o awslocal.Options) *world {
	t.Helper()
	w, err := newWorld(n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// settings are the variables of somebody who reads the feed with the example's settings and delivers to the stand-in.
func (w *world) settings() map[string]string {
	vars := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(earthquakes.Settings()))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			vars[name] = value
		}
	}
	for _, v := range w.standIn.Environment() {
		vars[v.Name] = v.Value
	}
	vars["SLUICE_HTTP_URL"] = w.sourceServer.URL + "/fdsnws/event/1/query?format=geojson&orderby=time-asc"
	vars["SLUICE_ADMIN_ADDR"] = "off"
	vars["SLUICE_LOG_FORMAT"] = "json"
	return vars
}

// secrets are what must never be shown.
func (w *world) secrets() []string {
	s := w.settings()
	return []string{s["AWS_SECRET_ACCESS_KEY"], s["SLUICE_APIGATEWAY_API_KEY"]}
}

// identity is that of the stand-in's user.
func (w *world) identity() (*awscreds.AWS, error) {
	s := w.settings()
	return awscreds.New(aws.Config{
		Region:       s["AWS_REGION"],
		BaseEndpoint: aws.String(w.awsServer.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(s["AWS_ACCESS_KEY_ID"], s["AWS_SECRET_ACCESS_KEY"], ""),
	}, awscreds.Config{})
}

// createQueue makes one more queue, of the kind that its name says, and returns its address.
func (w *world) createQueue(name string) (string, error) {
	who, err := w.identity()
	if err != nil {
		return "", err
	}
	defer who.Close()
	in := &sqs.CreateQueueInput{QueueName: &name}
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	out, err := sqs.NewFromConfig(who.Config()).CreateQueue(context.Background(), in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.QueueUrl), nil
}

// bodies empties the queue at url, or the stand-in's first queue.
func (w *world) bodies(url string) ([][]byte, error) {
	who, err := w.identity()
	if err != nil {
		return nil, err
	}
	defer who.Close()
	if url == "" {
		url = w.settings()["SLUICE_SQS_QUEUE_URL"]
	}
	records, err := readback.OpenQueue(who, url).Drain(context.Background(), nil)
	bodies := make([][]byte, len(records))
	for i, r := range records {
		bodies[i] = r.Body
	}
	return bodies, err
}

// audit empties a queue and compares what was in it with what the feed held at the start.
func (w *world) audit(url string) (bench.Audit, error) {
	got, err := w.bodies(url)
	return auditBodies(w.want, got), err
}

// wantWhole fails if anything is lost or altered.
func (w *world) wantWhole(t *testing.T) bench.Audit {
	t.Helper()
	a, err := w.audit("")
	if err != nil {
		t.Fatal(err)
	}
	if !a.Whole() || a.Sent != len(w.want) {
		t.Errorf("delivered %+v, want %d sent, nothing lost, nothing altered", a, len(w.want))
	}
	return a
}

// moods are the ways in which the source can be.
var moods = map[string]hook{
	"well": nil,
	"html": func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html>\n<html><head><title>Please sign in</title></head><body>\n</body></html>\n")
	},
	"truncated": func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		answer := httptest.NewRecorder()
		serve(answer, r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2]) // net/http then breaks the connection
	},
	"half": func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		answer := httptest.NewRecorder()
		serve(answer, r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	},
	"broken":  answering(http.StatusInternalServerError, "Internal error"),
	"missing": answering(http.StatusNotFound, "no such thing"),
	"gone": func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	},
}

func answering(status int, text string) hook {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { http.Error(w, text, status) }
}

// after lets n requests pass before h.
func after(n int64, h hook) hook {
	var seen atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if seen.Add(1) <= n {
			serve(w, r)
			return
		}
		h(w, r, serve)
	}
}

// environ makes an environment of variables, with nothing of that of the tests but the PATH.
func environ(path string, vars map[string]string) []string {
	env := []string{"PATH=" + path, "HOME=/no-home", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// soon is a limit for what takes no time; generous, because the machine may be busy.
const soon = 60 * time.Second
