package drivers_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// github behaves as the documentation of GitHub's REST API says of "List repository issues": pages of at most 100 with Link
// headers that hold a cursor, since, ETags whose 304 counts against no limit, the headers of the primary limit, and one
// answer of the secondary limit.
type github struct {
	strictly  bool  // since means after, as documented, and not from then on, as it was seen to be
	secondary int   // status of the secondary limit; 0: none
	limit     int64 // requests in a period
	period    time.Duration
	between   func(request int) // before a request is answered; with the lock

	mu        sync.Mutex
	issues    []ghIssue
	left      int64
	least     int64     // the least that was ever left behind an answer
	reset     time.Time // end of the period
	until     time.Time // of the secondary limit
	requests  int
	unchanged int
	broken    []string // what a good client would not have done
}

type ghIssue struct {
	ID          int             `json:"id"`
	Number      int             `json:"number"`
	Title       string          `json:"title"`
	UpdatedAt   time.Time       `json:"updated_at"`
	PullRequest json.RawMessage `json:"pull_request,omitempty"`
}

func (i ghIssue) item() string {
	text, _ := json.Marshal(i)
	return string(text)
}

// newGithub has n issues, every tenth of which is a pull request, of which five are of one second.
func newGithub(n int) *github {
	g := &github{limit: 5000, period: time.Hour}
	for i := range n {
		issue := ghIssue{ID: 9007199254740993 + i, Number: i + 1, Title: fmt.Sprint("issue ", i+1), UpdatedAt: time.Unix(1767225600+int64(i/5)*100, 0).UTC()}
		if i%10 == 9 {
			issue.PullRequest = json.RawMessage(`{}`)
		}
		g.issues = append(g.issues, issue)
	}
	return g
}

// touch updates an issue.
func (g *github) touch(i int, title string, at time.Time) string {
	g.issues[i].Title, g.issues[i].UpdatedAt = title, at
	return g.issues[i].item()
}

func (g *github) newest() (at time.Time) {
	for _, issue := range g.issues {
		if issue.UpdatedAt.After(at) {
			at = issue.UpdatedAt
		}
	}
	return at
}

func (g *github) items() (all []string) {
	for _, issue := range g.issues {
		all = append(all, issue.item())
	}
	return all
}

func (g *github) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.requests++
	if g.between != nil {
		g.between(g.requests)
	}
	want := map[string]string{"Authorization": "Bearer " + exampleSecret, "X-GitHub-Api-Version": "2022-11-28", "Accept": "application/vnd.github+json"}
	for name, value := range want {
		if got := r.Header.Get(name); got != value {
			g.broken = append(g.broken, fmt.Sprintf("%s is %q, want %q", name, got, value))
		}
	}
	q := r.URL.Query()
	for name, value := range map[string]string{"state": "all", "sort": "updated", "direction": "asc"} {
		if q.Get(name) != value {
			g.broken = append(g.broken, fmt.Sprintf("parameter %s is %q, want %q", name, q.Get(name), value))
		}
	}
	if !now.Before(g.reset) {
		g.left, g.reset = g.limit, time.Unix(now.Add(g.period).Unix()+1, 0)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-RateLimit-Limit", strconv.FormatInt(g.limit, 10))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(g.reset.Unix(), 10))
	tell := func() { h.Set("X-RateLimit-Remaining", strconv.FormatInt(g.left, 10)) }
	switch {
	case now.Before(g.until):
		g.broken = append(g.broken, "a request before Retry-After has passed")
	case g.left == 0:
		g.broken = append(g.broken, "a request when none is left")
	case g.secondary != 0 && g.requests == 2:
		g.until = now.Add(time.Second)
		h.Set("Retry-After", "1")
		tell()
		w.WriteHeader(g.secondary)
		fmt.Fprint(w, `{"message":"You have exceeded a secondary rate limit."}`)
		return
	}
	size, _ := strconv.Atoi(q.Get("per_page"))
	page, next := g.page(q.Get("since"), q.Get("after"), min(max(size, 1), 100))
	body, _ := json.Marshal(page)
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		g.unchanged++
		tell()
		w.WriteHeader(http.StatusNotModified)
		return
	}
	g.left--
	g.least = min(g.least, g.left)
	tell()
	if next != "" {
		q.Set("after", next)
		h.Set("Link", fmt.Sprintf(`<http://%s/repositories/7/issues?%s>; rel="next"`, r.Host, q.Encode()))
	}
	_, _ = w.Write(body)
}

// page is a page of the issues in their order, behind the one that after names by time and number.
func (g *github) page(since, after string, size int) (page []ghIssue, next string) {
	key := func(i ghIssue) string { return fmt.Sprintf("%d-%09d", i.UpdatedAt.Unix(), i.Number) }
	from, dated := time.Parse(time.RFC3339, since)
	page = []ghIssue{}
	for _, issue := range g.issues {
		early := dated == nil && (issue.UpdatedAt.Before(from) || g.strictly && issue.UpdatedAt.Equal(from))
		if !early && key(issue) > after {
			page = append(page, issue)
		}
	}
	slices.SortFunc(page, func(a, b ghIssue) int { return strings.Compare(key(a), key(b)) })
	if len(page) > size {
		page = page[:size]
		next = key(page[size-1])
	}
	return page, next
}

// check reports what the client did that it should not have done.
func (g *github) check(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, what := range g.broken {
		t.Error(what)
	}
}

const githubExample = "examples/github/issues.env"

// readGithub serves g and opens the example's source for it.
func readGithub(t *testing.T, g *github) (ingest.Source, ingest.Parser) {
	t.Helper()
	g.least = g.limit
	mux := http.NewServeMux()
	mux.Handle("GET /repos/OWNER/NAME/issues", g)
	mux.Handle("GET /repositories/7/issues", g)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	settings, source := openExample(t, githubExample, "SLUICE_HTTP_URL", srv.URL+"/repos/OWNER/NAME/issues?state=all&sort=updated&direction=asc")
	return source, settings.Naming.Parser()
}

// TestTheGithubExample reads all issues, and then every later state of them, once.
func TestTheGithubExample(t *testing.T) {
	for _, tc := range []struct {
		name      string
		strictly  bool
		secondary int
	}{{"403", false, http.StatusForbidden}, {"429, and since means after", true, http.StatusTooManyRequests}} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGithub(430)
			g.strictly, g.secondary = tc.strictly, tc.secondary
			first := g.items()
			g.between = func(request int) {
				if request == 3 { // the first page has been read
					first = append(first, g.touch(1, "changed while being read", g.newest().Add(time.Minute)))
				}
			}
			source, parse := readGithub(t, g)
			got, c, pauses := pull(t, source, "")
			sameItems(t, "all issues", got, first)
			if !slices.Equal(pauses, []string{"throttled"}) {
				t.Errorf("pauses: got %q, want the one of the secondary limit", pauses)
			}
			issues := 0
			for _, item := range got {
				records, err := parse([]byte(item))
				if err != nil {
					t.Fatal(err)
				}
				issues += len(records)
			}
			if want := len(first) - 43; issues != want {
				t.Errorf("%d records, want %d: no pull requests", issues, want)
			}
			for round, change := range []func() []string{
				func() []string { return nil },
				func() []string { return []string{g.touch(7, "again", g.newest().Add(time.Hour))} },
				func() []string { return []string{g.touch(8, "in the same second", g.newest())} },
				func() []string { return []string{g.touch(2, "shown late", g.newest().Add(-30*time.Second))} },
				func() (all []string) {
					for i := range 250 {
						all = append(all, g.touch(i, "labelled", g.newest().Add(time.Second)))
					}
					return all
				},
				func() []string { return nil },
			} {
				want := change()
				got, c, _ = pull(t, source, c)
				sameItems(t, fmt.Sprint("round ", round), got, want)
			}
			g.check(t)
		})
	}
}

// TestTheGithubExampleAsksForFree while nothing changes: GitHub answers 304 and counts nothing.
func TestTheGithubExampleAsksForFree(t *testing.T) {
	g := newGithub(40) // all in one page, which may be full
	source, _ := readGithub(t, g)
	_, c, _ := pull(t, source, "")
	_, c, _ = pull(t, source, c)
	left, before := g.left, c
	for range 10 {
		got, next, _ := pull(t, source, c)
		if c = next; len(got) > 0 {
			t.Fatalf("got %q, want nothing", got)
		}
	}
	if g.unchanged != 10 || g.left != left || c != before {
		t.Errorf("%d of 10 requests were answered 304, and %d counted; the cursor moved: %v; want all, none and not", g.unchanged, left-g.left, c != before)
	}
	want := []string{g.touch(3, "after all", g.newest().Add(time.Second))}
	got, _, _ := pull(t, source, c)
	sameItems(t, "behind them", got, want)
	g.check(t)
}

// TestTheGithubExampleStopsBeforeTheLimit and goes on in the next period.
func TestTheGithubExampleStopsBeforeTheLimit(t *testing.T) {
	t.Run("a period of seconds", func(t *testing.T) {
		g := newGithub(530)
		g.limit, g.period = 5, time.Second
		source, _ := readGithub(t, g)
		got, _, _ := pull(t, source, "")
		sameItems(t, "all issues", got, g.items())
		if g.least != 1 {
			t.Errorf("at the least %d requests were left, want the tenth that is for others: 1", g.least)
		}
		g.check(t)
	})
	t.Run("a period of an hour", func(t *testing.T) {
		g := newGithub(530)
		g.limit = 5
		source, _ := readGithub(t, g)
		var b ingest.Batch
		var err error
		for range 10 {
			if b, err = source.Read(t.Context(), b.Next); err != nil {
				break
			}
		}
		f := fault.From(err)
		if f == nil || f.Reason != "rate_limited_by_source" || f.RetryAfter < 50*time.Minute || g.requests != 4 {
			t.Errorf("got %v behind %d requests; want a pause until the end of the period, behind 4 of 5", err, g.requests)
		}
	})
}
