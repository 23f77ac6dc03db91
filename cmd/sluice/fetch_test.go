package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/exchange"
	"sluice/internal/redact"
	"sluice/transport"
)

// parrot answers with pages that repeat every secret of the request, in JSON, in a link and in a header.
func parrot(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := r.Header.Get("Authorization") + " " + r.Header.Get("X-Secret") + " " + r.URL.Query().Get("apikey")
		if r.URL.Query().Has("broken") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"error": %q}`, told)
			return
		}
		w.Header().Set("X-Next-Secret", told)
		w.Header().Set("Set-Cookie", "sid="+r.URL.Query().Get("apikey"))
		w.Header().Set("Content-Type", "application/json")
		n := r.URL.Query().Get("page")
		fmt.Fprintf(w, `{"data": [{"id": "%s", "echo": %q, "access_token": "c4n4ry-of-%s-person", "url": "https://a.example/?sig=c4n4ry-of-a-link"}]}`, n, told, n)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// TestNoSecretIsShownByFetchAndTest looks for every secret in what fetch and test say and write.
func TestNoSecretIsShownByFetchAndTest(t *testing.T) {
	t.Parallel()
	srv, folder := parrot(t), filepath.Join(t.TempDir(), "case")
	vars := map[string]string{
		"SLUICE_HTTP_URL": srv.URL + "/x?apikey=" + canaryQuery, "SLUICE_HTTP_RECORDS": "data", "SLUICE_HTTP_PAGINATION": "page",
		"SLUICE_HTTP_TOKEN": canaryToken, "SLUICE_HTTP_HEADERS": "X-Secret: " + canaryHeader + `\nAccept: application/json`, "SLUICE_RECORD_KEY": "echo",
	}
	look := &search{secrets: []string{canaryToken, canaryHeader, canaryQuery}}
	p := start(t, vars, "fetch", "--pages", "2", "--record", folder)
	if code := p.wait(t, soon); code != 0 {
		t.Fatalf("fetch --record: exit code %d, want 0", code)
	}
	look.at("what fetch prints", p.out.String())
	look.at("what fetch says", p.said())
	refused := start(t, with(vars, "SLUICE_HTTP_URL", vars["SLUICE_HTTP_URL"]+"&broken"), "fetch")
	if code := refused.wait(t, soon); code != exitUnavailable {
		t.Errorf("refused: exit code %d, want %d", code, exitUnavailable)
	}
	look.at("what a refused fetch says", refused.said())

	names := []string{"case.env", "001.http", "002.http", "expect.json"}
	look.files(t, folder, names...)
	write(t, filepath.Join(folder, "..", "secret.env"), "SLUICE_HTTP_TOKEN="+canaryToken+"\nSLUICE_RECORD_KEY=id\n")
	p = start(t, nil, "--env-file", filepath.Join(folder, "..", "secret.env"), "test", folder)
	if code := p.wait(t, soon); code != exitFailure {
		t.Errorf("test with another key: exit code %d, want %d", code, exitFailure)
	}
	look.at("what test says", p.out.String()+p.said())
	look.report(t, nil)

	for _, name := range names { // and what only their names make secrets
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if at := strings.Index(string(data), "c4n4ry"); at >= 0 {
			t.Errorf("%s shows %.60q", name, data[at:])
		}
	}
	p = start(t, nil, "test", folder)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("test of what was recorded: exit code %d, want 0; it says\n%s", code, p.out.String())
	}
}

// TestFetchEndsWhenItIsAskedTo: while the source does not answer, and when nobody reads the output.
func TestFetchEndsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	p := start(t, map[string]string{"SLUICE_HTTP_URL": srv.URL}, "fetch", "--pages", "0")
	receive(t, "a request", asked)
	p.signal(t, syscall.SIGINT)
	if code := p.wait(t, soon); code != 0 {
		t.Errorf("after SIGINT: exit code %d, want 0", code)
	}
	if !strings.Contains(p.said(), "stopped  by a signal") {
		t.Errorf("after SIGINT it says %q, want that it was stopped", p.said())
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	closed := startInto(t, w, map[string]string{"SLUICE_HTTP_URL": parrot(t).URL, "SLUICE_HTTP_RECORDS": "data"}, "fetch", "--raw")
	if code := closed.wait(t, soon); code != 0 {
		t.Errorf("nobody reads the output: exit code %d, want 0", code)
	}
	if said := closed.said(); strings.Contains(said, "sluice:") {
		t.Errorf("nobody reads the output: it complains %q", said)
	}
}

// TestFetchEndsWhileItsOutputIsBlocked: somebody holds the pipe, reads what comes first, and then no more.
func TestFetchEndsWhileItsOutputIsBlocked(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"--json", "--raw"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		vars := map[string]string{"SLUICE_SOURCE": "command", "SLUICE_COMMAND_ARGV": `yes {\"id\":1}`, "SLUICE_COMMAND_BATCH": "10000"}
		p := startInto(t, w, vars, "fetch", "--pages", "0", how)
		_ = w.Close()
		if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil { // more than a pipe holds: it is writing a page
			t.Fatal(err)
		}
		p.signal(t, syscall.SIGTERM)
		if code := p.wait(t, soon); code != 0 {
			t.Errorf("fetch %s, blocked, after SIGTERM: exit code %d, want 0", how, code)
		}
		if !strings.Contains(p.said(), "stopped  by a signal") {
			t.Errorf("fetch %s, blocked, after SIGTERM: it says %q, want that it was stopped", how, p.said())
		}
	}
}

// TestFetchGoesOnWithRenewedCredentials: the token is replaced while pages are read, and refused for good in the end.
func TestFetchGoesOnWithRenewedCredentials(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	token := func(n int) {
		if err := os.WriteFile(file, fmt.Append(nil, "token-", n), 0o600); err != nil {
			t.Error(err)
		}
	}
	token(0)
	var page int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", page/2) {
			if page < 6 {
				token(page / 2)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		page++
		_, _ = fmt.Fprintf(w, `{"data":[{"id":%d}],"next":"%d"}`, page, page)
	}))
	t.Cleanup(srv.Close)
	p := start(t, map[string]string{"SLUICE_HTTP_URL": srv.URL, "SLUICE_HTTP_RECORDS": "data", "SLUICE_HTTP_PAGINATION": "cursor",
		"SLUICE_HTTP_CURSOR_PATH": "next", "SLUICE_HTTP_CURSOR_PARAM": "after", "SLUICE_HTTP_TOKEN_FILE": file}, "fetch", "--pages", "0")
	if code := p.wait(t, soon); code != exitUnavailable || page != 6 || !strings.Contains(p.said(), "unauthorized") {
		t.Errorf("exit code %d after %d pages, want %d after 6, and why:\n%s", code, page, exitUnavailable, p.said())
	}
}

// startInto is start with a standard output of one's own.
func startInto(t *testing.T, out *os.File, vars map[string]string, args ...string) *process {
	t.Helper()
	sh := append([]string{"-c", `exec "$0" "$@" >&3`, program(t)}, args...)
	cmd := exec.Command("sh", sh...)
	cmd.ExtraFiles = []*os.File{out}
	return watched(t, execute(t, cmd, vars), args...)
}

// TestACaseIsBounded: what is recorded stays in memory until it is written.
func TestACaseIsBounded(t *testing.T) {
	t.Parallel()
	rec, err := newRecorder(filepath.Join(t.TempDir(), "case"), "")
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.Repeat([]byte(" "), 20<<20)
	source := &pages{page: page}
	p := &pull{source: source, parse: func([]byte) ([]transport.Record, error) { return nil, nil }, out: newPrinter(io.Discard, fetchFlags{raw: true}, redact.Hiding(nil)),
		said: io.Discard, told: new([]exchange.Seen), rec: rec}
	if err := p.run(t.Context()); err == nil || !strings.Contains(err.Error(), "too much for a case") || source.read != 4 {
		t.Errorf("pages of 20 MiB without end: %v after %d, want that 80 MiB are too much", err, source.read)
	}
}

// pages is a source without an end.
type pages struct {
	drivers.Source
	page []byte
	read int
}

func (p *pages) Read(context.Context, ingest.Cursor) (ingest.Batch, error) {
	p.read++
	return ingest.Batch{Items: [][]byte{p.page}, Next: ingest.Cursor(fmt.Sprint(p.read))}, nil
}
