package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest/s3"
)

// TestMoreThanAThousandObjects, which is more than a page of S3 and more than a batch: each is asked for once.
func TestMoreThanAThousandObjects(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var want []string
	for i := range 2345 {
		want = append(want, fmt.Sprintf("%06d", i))
		s.put(t, want[i], want[i]+"\n")
	}
	got, _ := drain(t, open(t, s.address, func(c *s3.Config) { c.Batch = 1000 }), "")
	wantTexts(t, "all objects", got, want...)
	gets, lists := map[string]int{}, 0
	for _, r := range s.asked() {
		if strings.HasPrefix(r, "list") {
			lists++
		} else {
			gets[r]++
		}
	}
	if len(gets) != len(want) || lists > 4 {
		t.Errorf("%d objects were asked for with %d listings, want %d with 4 at most", len(gets), lists, len(want))
	}
	for r, n := range gets {
		if n > 1 {
			t.Errorf("%q %d times, want once", r, n)
		}
	}
}

// TestWhatIsRead and what is left out.
func TestWhatIsRead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.maxKeys = 2
	for _, key := range []string{"_SUCCESS", "in/", "in/2026-01-01/", "in/2026-01-01/a.json", "in/2026-01-01/a.json.crc", "in/2026-01-02/_SUCCESS",
		"in/2026-01-02/a b+c.json", "in/2026-01-02/é&<%2F>.json", "in/2026-01-03/a.json", "out/a.json"} {
		text := key + "\n"
		if strings.HasSuffix(key, "/") {
			text = ""
		}
		s.put(t, key, text)
	}
	s.put(t, "in/2026-01-01/b/", "in/2026-01-01/b/\n") // no folder: there is something in it
	for name, tc := range map[string]struct {
		change func(*s3.Config)
		want   []string
	}{
		"all": {nil, []string{"_SUCCESS", "in/2026-01-01/a.json", "in/2026-01-01/a.json.crc", "in/2026-01-01/b/", "in/2026-01-02/_SUCCESS",
			"in/2026-01-02/a b+c.json", "in/2026-01-02/é&<%2F>.json", "in/2026-01-03/a.json", "out/a.json"}},
		"a prefix":                     {func(c *s3.Config) { c.Prefix = "in/2026-01-01/a" }, []string{"in/2026-01-01/a.json", "in/2026-01-01/a.json.crc"}},
		"a pattern":                    {func(c *s3.Config) { c.Pattern = "*.json" }, []string{"in/2026-01-01/a.json", "in/2026-01-02/a b+c.json", "in/2026-01-02/é&<%2F>.json", "in/2026-01-03/a.json", "out/a.json"}},
		"a pattern that nothing meets": {func(c *s3.Config) { c.Pattern = "?" }, nil},
		"from a key on":                {func(c *s3.Config) { c.Prefix, c.Start = "in/", "in/2026-01-02/z" }, []string{"in/2026-01-02/é&<%2F>.json", "in/2026-01-03/a.json"}},
		"a prefix of nothing":          {func(c *s3.Config) { c.Prefix = "none/" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := open(t, s.address, tc.change)
			got, next := drain(t, source, "")
			wantTexts(t, "objects", got, tc.want...)
			if again, _ := drain(t, source, next); len(again) > 0 {
				t.Errorf("behind them there is %q, want nothing", again)
			}
		})
	}
}

// TestNothingNewCostsOneRequest.
func TestNothingNewCostsOneRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "a", "a\n")
	source := open(t, s.address, nil)
	_, next := drain(t, source, "")
	wantTexts(t, "the first look", s.asked(), "list", "get a")
	for range 3 {
		if b := read(t, source, next); len(b.Items) > 0 || !b.CaughtUp || b.Next != next {
			t.Errorf("%d items, caught up %v, next %s; want nothing", len(b.Items), b.CaughtUp, b.Next)
		}
		wantTexts(t, "another look", s.asked(), "list a")
	}
}

// TestCheck says what is there, after having read of it.
func TestCheck(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	check := func(change func(*s3.Config)) string {
		t.Helper()
		said, err := open(t, s.address, change).Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	if got, want := check(nil), "no object to read in s3://my-bucket/"; got != want {
		t.Errorf("of an empty bucket: %q, want %q", got, want)
	}
	s.put(t, "in/a", "a\n")
	s.put(t, "in/b", "b\n")
	s.asked()
	if got, want := check(func(c *s3.Config) { c.Prefix = "in/" }), "2 objects in s3://my-bucket/in/, the first is in/a with 2 bytes"; got != want {
		t.Errorf("of two objects: %q, want %q", got, want)
	}
	wantTexts(t, "requests", s.asked(), "list", "get in/a")
	s.maxKeys = 1
	if got := check(nil); !strings.HasPrefix(got, "at least 1 objects") {
		t.Errorf("of a page: %q, want that there may be more", got)
	}
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("list-type") {
			return false
		}
		answer(w, http.StatusForbidden, "AccessDenied")
		return true
	})
	_, err := open(t, s.address, nil).Check(t.Context())
	wantFault(t, err, 3, "forbidden", "s3:GetObject")
}

// TestFingerprint changes with what a cursor means, and with nothing else.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	base := open(t, s.address, nil)
	if base.Stream() != "s3://my-bucket/" {
		t.Errorf("the stream is %q", base.Stream())
	}
	for name, tc := range map[string]struct {
		change func(*s3.Config)
		same   bool
	}{
		"another bucket": {func(c *s3.Config) { c.Bucket = "other-bucket" }, false},
		"another prefix": {func(c *s3.Config) { c.Prefix = "in/" }, false},
		"another format": {func(c *s3.Config) { c.Format = "lines" }, false},
		"a pattern":      {func(c *s3.Config) { c.Pattern = "*.json" }, true},
		"a batch":        {func(c *s3.Config) { c.Batch = 99 }, true},
	} {
		if same := open(t, s.address, tc.change).Fingerprint() == base.Fingerprint(); same != tc.same {
			t.Errorf("%s: the same fingerprint: %v, want %v", name, same, tc.same)
		}
	}
	if other := open(t, newServer(t).address, nil); other.Fingerprint() == base.Fingerprint() {
		t.Error("another service has the same fingerprint")
	}
}

// TestPagesAreAskedForByToken: where a page is empty and says that there is more, there is no key to go on from.
func TestPagesAreAskedForByToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "a", "a\n")
	n := 0
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		if !q.Has("list-type") || q.Get("start-after") != "" {
			return false
		}
		n++
		if want := []string{"", "one", "two"}[min(n-1, 2)]; q.Get("continuation-token") != want {
			t.Errorf("listing %d has the token %q, want %q", n, q.Get("continuation-token"), want)
		}
		_, _ = w.Write([]byte([]string{
			`<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>one</NextContinuationToken></ListBucketResult>`,
			`<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>two</NextContinuationToken></ListBucketResult>`, list("a")}[min(n-1, 2)]))
		return true
	})
	got, _ := drain(t, open(t, s.address, nil), "")
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("read %q, want the object behind two empty pages", got)
	}
}

// TestWhatIsLeftOutHidesNothing: an object that comes before one that is left out, at the end of a page, is seen.
func TestWhatIsLeftOutHidesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "1", "1\n")
	s.put(t, "5_SUCCESS", "x\n")
	source := open(t, s.address, func(c *s3.Config) { c.Pattern = "?" })
	got, next := drain(t, source, "")
	wantTexts(t, "first", got, "1")
	s.put(t, "2", "2\n")
	s.put(t, "6", "6\n")
	got, _ = drain(t, source, next)
	wantTexts(t, "then", got, "2", "6")
}

// TestAFenceAcrossPages: what comes into a page that was listed before is not passed by an object of the next page, which has
// become old enough between the two.
func TestAFenceAcrossPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.maxKeys = 1
	start := time.Now().Truncate(time.Second)
	put := func(key string, age time.Duration) {
		s.clock.set(start.Add(-age))
		s.put(t, key, key+"\n")
	}
	put("1_SUCCESS", time.Hour)
	put("2", time.Second)
	n := 0
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("list-type") {
			return false
		}
		if n++; n == 1 {
			w.Header().Set("Date", start.UTC().Format(http.TimeFormat))
			return false
		}
		if n == 2 {
			put("1", time.Hour)
		}
		w.Header().Set("Date", start.Add(time.Hour).UTC().Format(http.TimeFormat))
		return false
	})
	got, _ := drain(t, open(t, s.address, func(c *s3.Config) { c.Pattern, c.Lag = "?", time.Second }), "")
	wantTexts(t, "in their order", got, "1", "2")
}
