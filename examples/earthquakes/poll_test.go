package earthquakes_test

import (
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

	"sluice/examples/earthquakes"
	"sluice/ingest"
	"sluice/ingest/httpapi"
)

// settings reads earthquakes.env, as plain as it is written.
func settings(t *testing.T) map[string]string {
	t.Helper()
	vars := map[string]string{}
	for line := range strings.Lines(string(earthquakes.Settings())) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			name, value, found := strings.Cut(line, "=")
			if _, twice := vars[name]; twice || !found {
				t.Fatalf("%q is no assignment or a second one", line)
			}
			vars[name] = value
		}
	}
	return vars
}

// config is what earthquakes.env says of the source, pointed at another server.
func config(t *testing.T, server string) httpapi.Config {
	t.Helper()
	vars := settings(t)
	c := httpapi.Default()
	number := func(name string) int {
		n, err := strconv.Atoi(vars[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(vars["SLUICE_HTTP_URL"], "https://"), "/")
	if host != "earthquake.usgs.gov" {
		t.Fatalf("SLUICE_HTTP_URL names the host %q, want the publisher's", host)
	}
	c.URL = server + "/" + path
	c.Records, c.Pagination = vars["SLUICE_HTTP_RECORDS"], vars["SLUICE_HTTP_PAGINATION"]
	c.OffsetStart, c.Limit = number("SLUICE_HTTP_OFFSET_START"), number("SLUICE_HTTP_LIMIT")
	c.SinceParam, c.SincePath = vars["SLUICE_HTTP_SINCE_PARAM"], vars["SLUICE_HTTP_SINCE_PATH"]
	c.SinceType, c.SinceFormat = vars["SLUICE_HTTP_SINCE_TYPE"], vars["SLUICE_HTTP_SINCE_FORMAT"]
	interval, err := time.ParseDuration(vars["SLUICE_HTTP_INTERVAL"])
	if err != nil {
		t.Fatal(err)
	}
	c.Interval = interval
	return c
}

// A log counts requests.
type log struct {
	http.Handler
	mu       sync.Mutex
	requests []string
}

func (l *log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.requests = append(l.requests, r.URL.RawQuery)
	l.mu.Unlock()
	l.Handler.ServeHTTP(w, r)
}

func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.requests
	l.requests = nil
	return got
}

// source reads a feed with the settings of earthquakes.env and a page size.
func source(t *testing.T, f *earthquakes.Feed, limit int) (*httpapi.Source, *log) {
	t.Helper()
	l := &log{Handler: f}
	srv := httptest.NewServer(l)
	t.Cleanup(srv.Close)
	c := config(t, srv.URL)
	c.Limit = limit
	s, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, l
}

// sweep reads until the source has caught up.
func sweep(t *testing.T, s *httpapi.Source, from ingest.Cursor) (got []string, next ingest.Cursor) {
	t.Helper()
	for range 1000 {
		b, err := s.Read(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range b.Items {
			got = append(got, string(item))
		}
		from = b.Next
		if b.CaughtUp {
			return got, from
		}
	}
	t.Fatal("no end after 1,000 reads")
	return nil, ""
}

func TestAllEventsArePulledOnceAndUnchanged(t *testing.T) {
	var want []string
	for _, r := range earthquakes.Records() {
		want = append(want, string(r))
	}
	for _, limit := range []int{20, 500, 20000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s, requests := source(t, &earthquakes.Feed{}, limit)
			got, c := sweep(t, s, "")
			if !slices.Equal(got, want) {
				t.Fatalf("%d events pulled, want the %d of the data byte for byte and in order", len(got), len(want))
			}
			// A short page need not be the last one, so the end takes a further request.
			if n, most := len(requests.take()), (len(want)+limit-1)/limit+1; n > most {
				t.Errorf("%d requests, want at most %d", n, most)
			}
			again, c := sweep(t, s, c)
			if len(again) != 0 {
				t.Errorf("second poll finds %d events, want none: %.100q", len(again), again)
			}
			if q := requests.take(); !strings.Contains(q[0], "starttime=2018-02-07T01%3A26%3A13Z") {
				t.Errorf("second poll asks for %q, want the newest time", q[0])
			}
			if third, last := sweep(t, s, c); len(third) != 0 || last != c {
				t.Errorf("third poll: %d events, cursor\n%s, want\n%s", len(third), last, c)
			}
		})
	}
}

// TestLaterEventsAreFound adds events between polls: newer ones, and ones of the very second, or moment, that was the
// newest before.
func TestLaterEventsAreFound(t *testing.T) {
	for _, limit := range []int{1, 20, 500} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			f, err := earthquakes.NewFeed(earthquakes.Records()[:50])
			if err != nil {
				t.Fatal(err)
			}
			s, _ := source(t, f, limit)
			got, c := sweep(t, s, "")
			if len(got) != 50 {
				t.Fatalf("%d events at first, want 50", len(got))
			}
			for round, add := range [][]json.RawMessage{
				{feature("n1", "2018-02-07T01:30:00.500Z", 1)},
				{feature("n2", "2018-02-07T01:30:00.500Z", 1)},
				{feature("n3", "2018-02-07T01:30:00.900Z", 1), feature("n4", "2018-02-07T01:30:00.100Z", 1)},
				{},
				{feature("n5", "2018-02-07T01:30:01Z", 1), feature("n6", "2018-02-07T01:40:00Z", 1), feature("n7", "2018-02-07T01:40:00Z", 1)},
				earthquakes.Records()[1700:1701],
			} {
				if err := f.Add(add...); err != nil {
					t.Fatal(err)
				}
				var want []string
				for _, r := range add {
					want = append(want, string(r))
				}
				if round == 5 {
					want = nil // older than the newest: not asked for, as the comments in earthquakes.env say
				}
				got, c = sweep(t, s, c)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("round %d: found %.200q, want %.200q", round, got, want)
				}
			}
		})
	}
}

func TestTheFileNamesTheRestOfTheDaemonToo(t *testing.T) {
	vars := settings(t)
	for name, want := range map[string]string{
		"SLUICE_SOURCE": "http", "SLUICE_TRANSPORT": "sqs", "SLUICE_RECORD_ID": "id", "SLUICE_RECORD_KEY": "properties.net",
	} {
		if vars[name] != want {
			t.Errorf("%s is %q, want %q", name, vars[name], want)
		}
	}
}
