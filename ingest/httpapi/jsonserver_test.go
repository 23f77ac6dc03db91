package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
)

// skip skips the test with a word, or fails it where MUST_RUN, a list of names, demands it.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
		t.Fatalf("must run: %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

// A jsonServer is a running json-server, which serves collections of records that are read, added, changed and deleted over
// HTTP.
type jsonServer struct {
	url  string
	used atomic.Int64 // collections
}

const (
	collections = 300 // of each kind
	collected   = 23  // records in those that are not empty: as many as the suite asks for most of the time
	togetherAt  = 5   // so many in a row have one "at"
)

// collectionsOf is the program that makes what json-server holds, all in memory.
const collectionsOf = `module.exports = () => {
  const db = {};
  for (let c = 0; c < %d; c++) {
    db['empty' + c] = [];
    db['full' + c] = Array.from({length: %d}, (_, i) => ({id: i + 1, at: Math.floor(i / %d), text: 'é <' + i}));
  }
  return db;
};
`

// startJSONServer starts the json-server that JSON_SERVER or PATH has.
func startJSONServer(t *testing.T) *jsonServer {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv("JSON_SERVER"), "json-server"))
	if err != nil {
		skip(t, "no json-server in PATH or JSON_SERVER; npm install json-server@0.17.4")
	}
	db := filepath.Join(t.TempDir(), "db.js")
	if err := os.WriteFile(db, fmt.Appendf(nil, collectionsOf, collections, collected, togetherAt), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--quiet", "--host", host, "--port", port, db)
	cmd.Dir = filepath.Dir(db)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	s := &jsonServer{url: "http://" + address}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		if res, err := http.Get(s.url + "/empty0"); err == nil {
			_ = res.Body.Close()
			return s
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("json-server ended with %v: %s", err, said.String())
		case <-limit:
			t.Fatal("json-server does not answer")
		}
	}
}

// do makes a request with a JSON body.
func (s *jsonServer) do(t testing.TB, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s", method, path, res.Status, answer)
	}
}

// served is record i as json-server writes it in a list: two spaces for each level.
func served(i int) []byte {
	return fmt.Appendf(nil, "{\n    \"id\": %d,\n    \"at\": %d,\n    \"text\": \"é <%d\"\n  }", i+1, i/togetherAt, i)
}

// jsonReaders are the ways to read json-server.
var jsonReaders = map[string]struct {
	query  string
	since  bool
	change func(*Config)
}{
	"link":   {"?_page=1", false, func(c *Config) { c.Pagination, c.Limit = paginationLink, 7 }},
	"page":   {"", false, func(c *Config) { c.Pagination, c.Limit, c.PageParam = paginationPage, 7, "_page" }},
	"offset": {"", false, func(c *Config) { c.Pagination, c.Limit, c.OffsetParam = paginationOffset, 7, "_start" }},
	"offset, with a total": {"", false, func(c *Config) {
		c.Pagination, c.Limit, c.OffsetParam, c.TotalHeader = paginationOffset, 7, "_start", "X-Total-Count"
	}},
	"since, link":     {"?_page=1&_sort=at", true, func(c *Config) { c.Pagination, c.Limit = paginationLink, 3 }},
	"since, page":     {"?_sort=at", true, func(c *Config) { c.Pagination, c.Limit, c.PageParam = paginationPage, 7, "_page" }},
	"since, offset":   {"?_sort=at", true, func(c *Config) { c.Pagination, c.Limit, c.OffsetParam = paginationOffset, 1, "_start" }},
	"since, no pages": {"?_sort=at", true, func(c *Config) { c.Pagination = paginationNone }},
}

// TestAgainstJSONServer runs the suite of all sources against json-server (npm, 0.17), an independent server with pages, Link
// headers, totals, ranges and order.
func TestAgainstJSONServer(t *testing.T) {
	t.Parallel()
	server := startJSONServer(t)
	for name, reader := range jsonReaders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lacks := map[string]string{
				"Forget": "json-server does not forget", "Hang": "json-server does not hang", "Insert": "json-server adds behind the last",
				"Loop": "the pages of json-server end", "Twice": "json-server gives each page once", "Tied": "the contents are in fives, and pages of 1, 3 and 7",
			}
			misses := map[sourcetest.Disturbance]string{}
			shifts := name != "since, no pages"
			if shifts {
				misses[sourcetest.DeletedBefore] = missShift
			} else {
				lacks["Pages"] = "one page holds all"
			}
			switch {
			case !reader.since:
				misses[sourcetest.ChangedBefore] = missRead
			case shifts:
				misses[sourcetest.ChangedBefore] = missShift
			}
			sourcetest.Run(t, sourcetest.Harness{Item: served, Lacks: lacks, Misses: misses, New: func(t testing.TB, n int) sourcetest.Origin {
				return server.origin(t, n, reader.query, reader.since, reader.change)
			}})
		})
	}
}

// origin is a collection of n records that nobody else uses.
func (s *jsonServer) origin(t testing.TB, n int, query string, since bool, change func(*Config)) sourcetest.Origin {
	t.Helper()
	number := s.used.Add(1) - 1
	if number >= collections {
		t.Fatalf("more than %d collections are needed", collections)
	}
	path, have, moved := fmt.Sprintf("/empty%d", number), 0, 0
	if n == collected {
		path, have = fmt.Sprintf("/full%d", number), n
	}
	add := func(n int) {
		for range n {
			s.do(t, http.MethodPost, path, string(served(have)))
			have++
		}
	}
	add(n - have)
	c := Default()
	c.URL, c.LimitParam = s.url+path+query, "_limit"
	if since {
		c.SinceParam, c.SincePath, c.SinceType = "at_gte", "at", sinceNumber
	}
	change(&c)
	return sourcetest.Origin{
		Source: open(t, c),
		Reopen: func() ingest.Source { return open(t, c) },
		Append: add,
		Delete: func(i int) { s.do(t, http.MethodDelete, fmt.Sprintf("%s/%d", path, i+1), "") },
		Change: func(i int) []byte {
			at := i / togetherAt
			if since {
				moved++
				at = 1000 + moved
			}
			s.do(t, http.MethodPatch, fmt.Sprintf("%s/%d", path, i+1), fmt.Sprintf(`{"at":%d,"text":"changed"}`, at))
			return fmt.Appendf(nil, "{\n    \"id\": %d,\n    \"at\": %d,\n    \"text\": \"changed\"\n  }", i+1, at)
		},
	}
}
