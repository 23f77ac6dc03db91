package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
)

// epoch is the time of record 0 of an api; each further one is a minute younger.
const epoch = 1_700_000_040 // on a full minute

// between is how many of n records are older than a moment, in Unix seconds.
func between(text string, n int) int {
	var at, more int
	_, _ = fmt.Sscanf(text, "%d+%d", &at, &more)
	return max(0, min((at+more-epoch+59)/60, n))
}

// windows makes the configuration of a read by windows of it; its clock shows the moment after the last record.
func (a *api) windows(c Config) Config {
	c.WindowStart, c.WindowFormat = fmt.Sprint(epoch), sinceUnix
	c.WindowStartParam, c.WindowEndParam, c.WindowStep = "from", "to", 10*time.Minute
	c.Now = func() time.Time {
		a.mu.Lock()
		defer a.mu.Unlock()
		return time.Unix(epoch+60*int64(a.n), 0)
	}
	return c
}

func TestContractWithWindows(t *testing.T) {
	for _, mode := range []string{paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset} {
		for _, v := range []struct {
			name   string
			size   int
			change func(*Config)
		}{
			{"pages of 7", 7, func(*Config) {}},
			{"pages of 1", 1, func(*Config) {}},
			{"a look-back longer than a window", 3, func(c *Config) { c.WindowLookback = 25 * time.Minute }},
			{"a look-back of one record", 1, func(c *Config) { c.WindowLookback = time.Minute }},
			{"all in one window", 7, func(c *Config) { c.WindowStep = 24 * time.Hour }},
			{"windows of one record", 7, func(c *Config) { c.WindowStep = time.Minute }},
			{"an inclusive end", 7, func(c *Config) { c.WindowInclusive, c.WindowGranularity = true, time.Minute }},
		} {
			t.Run(mode+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				lacks := elsewhere("Tied", "Loop", "Twice")
				lacks["Insert"] = "what is older than the first window is not asked for"
				shown := (&api{}).windows(Default())
				if v.change(&shown); shown.WindowLookback > 0 || shown.WindowStep > time.Hour {
					lacks["Forget"] = "the last question is the first one"
				}
				misses := map[sourcetest.Disturbance]string{}
				if shown.WindowLookback < 20*time.Minute { // else all is read again
					misses[sourcetest.ChangedBefore] = "a window that was read is not read again"
				}
				if mode != paginationNone && shown.WindowLookback < 20*time.Minute && shown.WindowStep > time.Minute {
					misses[sourcetest.DeletedBefore] = missShift
				}
				if mode == paginationNone && shown.WindowStep > time.Hour {
					lacks["Pages"] = "one page holds all"
				}
				sourcetest.Run(t, sourcetest.Harness{
					Item: (&api{}).item, Lacks: lacks, Misses: misses,
					Garbage: []ingest.Cursor{`{"v":1,"win":{"f":2,"t":1}}`, `{"v":1,"to":999999999999999999}`, `{"v":1,"win":{"f":1,"t":2},"since":{"k":"1","t":"1"}}`,
						`{"v":1,"recent":"AAAAAAAAAAAAAAAAAAAAAA"}`, `{"v":1,"mixed":true}`},
					New: func(t testing.TB, n int) sourcetest.Origin {
						a := &api{mode: mode, size: v.size, n: n}
						s := start(t, a, 0, false)
						c := a.windows(s.cfg)
						v.change(&c)
						a.inclusive = c.WindowInclusive
						o := a.origin(t, open(t, c))
						o.Insert = nil
						if lacks["Forget"] != "" {
							o.Forget = nil
						}
						return o
					},
				})
			})
		}
	}
}

// asked reads until the source has caught up, and returns the two times of each request.
func asked(t *testing.T, a *api, s *Source, from ingest.Cursor) ([]string, ingest.Cursor) {
	t.Helper()
	a.log()
	_, c := drain(t, s, from)
	var out []string
	for _, uri := range a.log() {
		var from, to int
		_, query, _ := strings.Cut(uri, "from=")
		_, _ = fmt.Sscanf(query, "%d&to=%d", &from, &to)
		out = append(out, fmt.Sprintf("%d-%d", (from-epoch)/60, (to-epoch)/60))
	}
	return slices.Compact(out), c
}

// TestWindowsAreFixedForASweep: pages of one window, also those that are read later and after a restart, ask for the same
// times, and the windows meet.
func TestWindowsAreFixedForASweep(t *testing.T) {
	t.Parallel()
	a := &api{mode: paginationOffset, size: 4, n: 25}
	c := a.windows(start(t, a, 0, false).cfg)
	clock := time.Unix(epoch+60*25, 0)
	c.Now = func() time.Time { clock = clock.Add(time.Minute); return clock } // a minute later each time somebody looks
	got, _ := asked(t, a, open(t, c), "")
	if want := []string{"0-10", "10-20", "20-28"}; !slices.Equal(got, want) {
		t.Errorf("windows %q, want %q", got, want)
	}
}

func TestLookBackRereadsOnlyWhatMayStillChange(t *testing.T) {
	t.Parallel()
	a := &api{mode: paginationPage, size: 100, n: 48}
	c := a.windows(start(t, a, 0, false).cfg)
	c.WindowLookback = 15 * time.Minute
	s := open(t, c)
	got, next := asked(t, a, s, "")
	if want := []string{"0-10", "10-20", "20-30", "30-33", "33-43", "33-48"}; !slices.Equal(got, want) {
		t.Errorf("windows %q, want %q: none twice before the look-back begins", got, want)
	}
	a.add(2)
	got, next = asked(t, a, s, next)
	if want := []string{"33-50"}; !slices.Equal(got, want) {
		t.Errorf("windows two minutes later %q, want %q", got, want)
	}
	if _, err := s.decode(next); err != nil || len(next) > 2000 {
		t.Errorf("the cursor has %d bytes (%v), want the items of the look-back only", len(next), err)
	}
}

// TestRecordsThatComeLateAreFoundByTheLookBack shows records out of order: with a look-back each comes once; without, those
// behind the window are nobody's.
func TestRecordsThatComeLateAreFoundByTheLookBack(t *testing.T) {
	t.Parallel()
	for _, lookback := range []time.Duration{0, 10 * time.Minute} {
		t.Run(lookback.String(), func(t *testing.T) {
			a := &api{mode: paginationPage, size: 3, n: 20}
			hidden := map[int]bool{12: true, 18: true, 19: true}
			c := a.windows(serve(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				var out []string
				for i := between(q.Get("from"), a.n); i < between(q.Get("to"), a.n); i++ {
					if !hidden[i] {
						out = append(out, string(a.item(i)))
					}
				}
				fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
			}, nil).cfg)
			c.WindowLookback = lookback
			s := open(t, c)
			got, next := drain(t, s, "")
			clear(hidden)
			a.add(1)
			more, _ := drain(t, s, next)
			want := 21
			if lookback == 0 {
				want = 18
			}
			got = append(got, more...)
			slices.Sort(got)
			if len(got) != want || len(slices.Compact(slices.Clone(got))) != want {
				t.Errorf("%d records, want %d, each once", len(got), want)
			}
		})
	}
}

func TestWindowsFromAClock(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name     string
		change   func(*Config)
		now      string
		reached  string // "": nothing yet
		from, to string // "": no window
		last     bool
	}{
		{"the first", nil, "2024-03-10T12:00:00Z", "", "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", false},
		{"a start in the future", nil, "2024-02-10T12:00:00Z", "", "", "", false},
		{"the present, cut to the granularity", nil, "2024-03-01T10:00:00.9Z", "", "2024-03-01T00:00:00Z", "2024-03-01T10:00:00Z", true},
		{"the present, less the lag", func(c *Config) { c.WindowLag = time.Hour }, "2024-03-01T10:00:00Z", "", "2024-03-01T00:00:00Z", "2024-03-01T09:00:00Z", true},
		{"nothing since the last", nil, "2024-03-01T10:00:00.9Z", "2024-03-01T10:00:00Z", "", "", false},
		{"days, of which today is not over", func(c *Config) { c.WindowFormat, c.WindowGranularity = formatDate, day }, "2024-03-02T23:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01", "2024-03-02", true},
		{"days, inclusive", func(c *Config) { c.WindowFormat, c.WindowGranularity, c.WindowInclusive = formatDate, day, true }, "2024-03-09T23:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01", "2024-03-01", false},
		{"a clock that went back", nil, "2024-03-01T05:00:00Z", "2024-03-01T10:00:00Z", "", "", false},
		{"a clock that went back, with a look-back", func(c *Config) { c.WindowLookback = time.Hour }, "2024-03-01T05:00:00Z", "2024-03-01T10:00:00Z", "2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z", true},
		{"a look-back does not reach before the start", func(c *Config) { c.WindowLookback = 5 * day }, "2024-03-01T05:00:00Z", "2024-03-01T04:00:00Z", "2024-03-01T00:00:00Z", "2024-03-01T05:00:00Z", true},
		{"milliseconds", func(c *Config) { c.WindowFormat, c.WindowGranularity = sinceUnixMs, time.Millisecond }, "2024-03-01T00:00:00.0079Z", "", "1709251200000", "1709251200007", true},
		{"rfc3339 with milliseconds wants whole seconds to be said", func(c *Config) { c.WindowGranularity = 500 * time.Millisecond }, "2024-03-01T00:00:01.7Z", "", "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := Default()
			c.URL, c.WindowStart, c.WindowStartParam, c.WindowEndParam = "https://h/", "2024-03-01", "a", "b"
			now, err := time.Parse(time.RFC3339Nano, tc.now)
			if err != nil {
				t.Fatal(err)
			}
			c.Now = func() time.Time { return now }
			if tc.change != nil {
				tc.change(&c)
			}
			if strings.HasPrefix(tc.name, "rfc3339 with") {
				tc.from, tc.to, tc.last = "2024-03-01T00:00:00.000Z", "2024-03-01T00:00:01.500Z", true
			}
			s := open(t, c)
			st := state{}
			if tc.reached != "" {
				at, _ := time.Parse(time.RFC3339, tc.reached)
				ms := at.UnixMilli()
				st.Reached = &ms
				if again := max(ms-c.WindowLookback.Milliseconds(), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()); again < ms {
					st.Again = &again
				}
			}
			w, ok := s.nextWindow(st)
			if !ok {
				if tc.from != "" {
					t.Fatalf("no window, want %s to %s", tc.from, tc.to)
				}
				return
			}
			from, to := s.bounds(*w)
			if from != tc.from || to != tc.to || w.Last != tc.last {
				t.Errorf("window %s to %s, last %v; want %s to %s, last %v", from, to, w.Last, tc.from, tc.to, tc.last)
			}
		})
	}
}
