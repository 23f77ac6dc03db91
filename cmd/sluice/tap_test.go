package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/awslocal"
)

// TestTapWatchesARunningDaemon from before the first record to the end of the daemon.
func TestTapWatchesARunningDaemon(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 20, awslocal.Options{})
	open := make(chan struct{})
	w.beforeSource(func(rw http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		<-open
		query := r.URL.Query()
		query.Del("apikey") // which the feed does not know
		r.URL.RawQuery = query.Encode()
		serve(rw, r)
	})
	const token = "canary-admin-token-8e21"
	vars := with(daemonSettings(t, w), "SLUICE_HTTP_TOKEN", canaryToken, "SLUICE_ADMIN_TOKEN", token, "SLUICE_RECORD_KEY", "properties.net")
	vars["SLUICE_HTTP_URL"] += "&apikey=us" // which is in most records, and too short to be blotted out
	daemon := start(t, vars, "run")
	addr := strings.TrimPrefix(daemon.admin(t), "http://")
	look := &search{secrets: []string{canaryToken, token}}

	vars["SLUICE_ADMIN_ADDR"] = addr
	people := start(t, vars, "tap", "--stage", "shaped", "--limit", "5")
	begins := daemon.log(t, "tap begins")
	lines := start(t, vars, "tap", "--json", "--addr", addr)
	daemon.log(t, "tap begins")
	if begins["stage"] != "shaped" {
		t.Errorf("the log says %v, want the stage of the tap", begins)
	}
	third := start(t, vars, "tap")
	if code := third.wait(t, soon); code != exitFailure || !strings.Contains(third.said(), "two taps are open already") {
		t.Errorf("a third tap: exit code %d, %q; want 1 and why", code, third.said())
	}
	close(open)

	if code := people.wait(t, soon); code != 0 {
		t.Errorf("tap --limit: exit code %d, want 0: %s", code, people.said())
	}
	shown := people.out.String()
	if strings.Count(shown, "  shaped     ") != 5 || strings.Count(shown, "\n  {\"type\":\"Feature\"") != 5 {
		t.Errorf("tap --limit 5 shows\n%s\nwant five records", shown)
	}
	for line := range strings.Lines(shown) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > screen {
			t.Errorf("a line of %d columns, want at most %d: %s", n, screen, line)
		}
	}
	daemon.log(t, "tap ends")
	eventually(t, "everything settled", func() bool {
		_, text := getAs(t, "http://"+addr+"/api/status", token)
		return strings.Contains(text, `"accepted":20`)
	})
	daemon.signal(t, syscall.SIGTERM)
	if code := daemon.wait(t, soon); code != 0 {
		t.Errorf("the daemon: exit code %d, want 0", code)
	}
	if code := lines.wait(t, soon); code != exitFailure || !strings.Contains(lines.said(), "the daemon has ended the tap") {
		t.Errorf("when the daemon stops: exit code %d, %q; want 1 and that", code, lines.said())
	}
	text := lines.out.String()
	for _, want := range []string{`"stage":"read"`, `"stage":"shaped"`, `"fate":"accepted"`} {
		if strings.Count(text, want) != 20 {
			t.Errorf("%d lines with %s, want 20", strings.Count(text, want), want)
		}
	}
	look.at("tap", shown)
	look.at("tap --json", text)
	look.at("the log", daemon.said())
	look.at("a tap that was refused", third.said())
	look.report(t, nil)
	gone := start(t, vars, "tap")
	if code := gone.wait(t, soon); code != exitUnavailable || !strings.Contains(gone.said(), "nobody listens on "+addr) {
		t.Errorf("no daemon: exit code %d, %q; want %d and that nobody listens", code, gone.said(), exitUnavailable)
	}
}

// getAs asks for a page with a token.
func getAs(t *testing.T, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
