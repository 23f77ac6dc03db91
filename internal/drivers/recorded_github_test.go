package drivers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// skip skips the test with a word, or fails it where MUST_RUN, a list of names, demands it.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
		t.Fatalf("must run: %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

// A recording is what GitHub has answered when somebody else asked it for the issues of a repository, page after page.
type recording struct {
	first  string               // path of the first page
	pages  map[string]exchange  // by path and sorted query
	issues []json.RawMessage    // of all pages, in their order
	times  map[string]time.Time // when each was updated, by its text

	mu    sync.Mutex
	here  string // what stands in the place of https://api.github.com
	since []string
}

type exchange struct {
	Method   string
	Path     string
	Status   int
	Response json.RawMessage
	Headers  []string `json:"rawHeaders"` // name, value, name, value
}

// header is the exchange's header without what belongs to its connection and its length then.
func (e exchange) header(here string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(e.Headers); i += 2 {
		switch name := http.CanonicalHeaderKey(e.Headers[i]); name {
		case "Connection", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Date":
		default:
			h.Add(name, strings.ReplaceAll(e.Headers[i+1], "https://api.github.com", here))
		}
	}
	return h
}

// question is a path with its query in one order.
func question(u *url.URL) string { return u.Path + "?" + u.Query().Encode() }

// loadRecording reads the scenario paginate-issues of the npm package @octokit/fixtures as it was recorded, before it was
// made the same for every run.
func loadRecording(t *testing.T) *recording {
	t.Helper()
	folder := os.Getenv("OCTOKIT_FIXTURES")
	if folder == "" {
		skip(t, "OCTOKIT_FIXTURES does not name the folder of the npm package @octokit/fixtures")
	}
	data, err := os.ReadFile(filepath.Join(folder, "scenarios", "api.github.com", "paginate-issues", "raw-fixture.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	r := &recording{pages: map[string]exchange{}, times: map[string]time.Time{}}
	for _, e := range all {
		u, err := url.Parse(e.Path)
		if err != nil {
			t.Fatal(err)
		}
		if e.Method != "get" || e.Status != http.StatusOK || !strings.HasSuffix(u.Path, "/issues") {
			continue
		}
		if len(r.pages) == 0 {
			r.first = u.Path
		}
		r.pages[question(u)] = e
		var issues []json.RawMessage
		if err := json.Unmarshal(e.Response, &issues); err != nil {
			t.Fatal(err)
		}
		for _, issue := range issues {
			var dated struct {
				At time.Time `json:"updated_at"`
			}
			if err := json.Unmarshal(issue, &dated); err != nil {
				t.Fatal(err)
			}
			r.times[string(issue)] = dated.At
		}
		r.issues = append(r.issues, issues...)
	}
	if len(r.pages) != 5 || len(r.issues) != 13 {
		t.Fatalf("%d pages with %d issues are recorded, want 5 with 13", len(r.pages), len(r.issues))
	}
	return r
}

// ServeHTTP answers as it was recorded. What was not, a question with since, has the recorded issues in it.
func (r *recording) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, known := r.pages[question(req.URL)]
	if since := req.URL.Query().Get("since"); since != "" {
		r.since = append(r.since, since)
		var some []string
		for _, issue := range r.issues {
			if from, err := time.Parse(time.RFC3339, since); err == nil && !r.times[string(issue)].Before(from) {
				some = append(some, string(issue))
			}
		}
		fmt.Fprintf(w, "[%s]", strings.Join(some, ","))
		return
	}
	if !known {
		http.NotFound(w, req)
		return
	}
	for name, values := range e.header(r.here) {
		w.Header()[name] = values
	}
	if req.Header.Get("If-None-Match") == w.Header().Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(e.Response)
}

// TestRecordedGitHub reads what GitHub has answered in July 2022 with the settings of the example.
func TestRecordedGitHub(t *testing.T) {
	r := loadRecording(t)
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	r.here = srv.URL
	_, source := openExample(t, githubExample, "SLUICE_HTTP_URL", srv.URL+r.first, "SLUICE_HTTP_LIMIT", "3")
	var want []string
	newest := time.Time{}
	for _, issue := range r.issues {
		want = append(want, string(issue))
		if at := r.times[string(issue)]; at.After(newest) {
			newest = at
		}
	}
	got, c, pauses := pull(t, source, "")
	sameItems(t, "all issues", got, want)
	if len(pauses) > 0 {
		t.Errorf("pauses: got %q, want none: 4,900 requests were left", pauses)
	}
	if got, _, _ = pull(t, source, c); len(got) > 0 {
		t.Errorf("the next sweep: got %d issues, want none again", len(got))
	}
	if want := []string{newest.Add(-time.Minute).UTC().Format(time.RFC3339)}; !slices.Equal(r.since, want) {
		t.Errorf("asked since %q, want %q: the newest time less the look-back", r.since, want)
	}
}
