package drivers_test

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

	"sluice/ingest"
)

// An origin is what the APIs of these tests have in common: a lock, a limit, and a list of what a good client would not do.
type origin struct {
	most     int         // requests within a second
	slowDown int         // the request that is answered 429, all the same
	between  func(n int) // before a request is answered; with the lock

	mu       sync.Mutex
	requests []time.Time
	broken   []string
}

// admit counts a request and reports whether it may be answered.
func (o *origin) admit(w http.ResponseWriter) bool {
	now := time.Now()
	o.requests = append(o.requests, now)
	if o.between != nil {
		o.between(len(o.requests))
	}
	if n := len(o.requests) - o.most; n > 0 && now.Sub(o.requests[n-1]) < time.Second {
		o.broken = append(o.broken, fmt.Sprintf("request %d is one more than %d within a second", len(o.requests), o.most))
	}
	if len(o.requests) == o.slowDown {
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"error":{"type":"rate_limit"}}`)
		return false
	}
	return true
}

func (o *origin) check(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, what := range o.broken {
		t.Error(what)
	}
}

// charges behaves as Stripe's documentation says of lists: newest first, limit from 1 to 100, starting_after the id of an
// object, has_more, created[gte], and no header about limits.
type charges struct {
	origin
	all []charge // oldest first
}

type charge struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Amount  int    `json:"amount"`
	Created int64  `json:"created"`
}

// add makes a charge, so many seconds behind the newest.
func (c *charges) add(seconds int64) string {
	created := int64(1767225600)
	for _, old := range c.all {
		created = max(created, old.Created+seconds)
	}
	n := len(c.all)
	c.all = append(c.all, charge{fmt.Sprintf("ch_%05d", n), "charge", 100 + n, created})
	slices.SortStableFunc(c.all, func(a, b charge) int { return int(a.Created - b.Created) })
	for _, added := range c.all {
		if added.Amount == 100+n {
			return added.item()
		}
	}
	return ""
}

func (c charge) item() string {
	text, _ := json.Marshal(c)
	return string(text)
}

func (c *charges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+exampleSecret || r.Header.Get("Stripe-Version") == "" {
		c.broken = append(c.broken, "a request without the key or the version")
	}
	if !c.admit(w) {
		return
	}
	refuse := func(what string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","message":%q}}`, what)
	}
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		refuse("This value must be from 1 to 100.")
		return
	}
	found := slices.Clone(c.all)
	slices.Reverse(found)
	if after := q.Get("starting_after"); after != "" {
		at := slices.IndexFunc(found, func(x charge) bool { return x.ID == after })
		if at < 0 {
			refuse("No such charge: " + after)
			return
		}
		found = found[at+1:]
	}
	if from, err := strconv.ParseInt(q.Get("created[gte]"), 10, 64); err == nil {
		found = slices.DeleteFunc(found, func(x charge) bool { return x.Created < from })
	}
	page := found[:min(limit, len(found))]
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "url": "/v1/charges", "data": page, "has_more": len(found) > limit})
}

const chargesExample = "examples/cursor-list/charges.env"

func readCharges(t *testing.T, c *charges) ingest.Source {
	t.Helper()
	c.most = 40
	mux := http.NewServeMux()
	mux.Handle("GET /v1/charges", c)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	_, source := openExample(t, chargesExample, "SLUICE_HTTP_URL", srv.URL+"/v1/charges")
	return source
}

// TestTheCursorListExample reads all charges from the newest back, and then those that are new, once.
func TestTheCursorListExample(t *testing.T) {
	c := &charges{}
	var want, meanwhile []string
	for i := range 4550 {
		want = append(want, c.add(int64(i%3)*60)) // some have the same time
	}
	c.slowDown = 3
	c.between = func(n int) {
		if n == 5 {
			meanwhile = []string{c.add(0), c.add(1)}
		}
	}
	source := readCharges(t, c)
	got, next, pauses := pull(t, source, "")
	sameItems(t, "all charges", got, want)
	if !slices.Equal(pauses, []string{"throttled"}) {
		t.Errorf("pauses: got %q, want the one of the answer 429", pauses)
	}
	if n := len(c.requests); n != 47 {
		t.Errorf("%d requests, want 46 pages and the one that was refused", n)
	}
	got, next, _ = pull(t, source, next)
	sameItems(t, "what was made while they were read", got, meanwhile)
	for round, add := range [][]int64{{}, {30}, {0, 0}, {-120}, {}, slices.Repeat([]int64{1}, 230), {}} {
		want = nil
		for _, seconds := range add {
			want = append(want, c.add(seconds))
		}
		got, next, _ = pull(t, source, next)
		sameItems(t, fmt.Sprint("round ", round), got, want)
	}
	c.check(t)
}

// TestTheCursorListExampleGoesOnWhereItsPlaceIsGone: the API refuses an id that it does not know any more.
func TestTheCursorListExampleGoesOnWhereItsPlaceIsGone(t *testing.T) {
	c := &charges{}
	for range 250 {
		c.add(60)
	}
	source := readCharges(t, c)
	b, err := source.Read(t.Context(), "")
	if err != nil || len(b.Items) != 100 || b.CaughtUp {
		t.Fatalf("first page: %d items, caught up %v, %v; want 100 of more", len(b.Items), b.CaughtUp, err)
	}
	c.all = slices.DeleteFunc(c.all, func(x charge) bool { return x.item() == string(b.Items[99]) })
	rest, _, _ := pull(t, source, b.Next)
	for _, x := range c.all {
		first := slices.ContainsFunc(b.Items, func(item []byte) bool { return string(item) == x.item() })
		if !first && !slices.Contains(rest, x.item()) {
			t.Fatalf("missing: %s", x.item())
		}
	}
	if len(rest) > len(c.all) {
		t.Errorf("%d charges behind the one that is gone, want at most all %d once more", len(rest), len(c.all))
	}
	c.check(t)
}

// orders is an API with limit and offset that gives at most 100 records at once, whatever it is asked for.
type orders struct {
	origin
	all []string
}

func (o *orders) add(n int) (added []string) {
	for range n {
		added = append(added, fmt.Sprintf(`{"id":%d,"customer":"K-%02d","total":"%d.50"}`, len(o.all)+1, len(o.all)%7, len(o.all)))
		o.all = append(o.all, added[len(added)-1])
	}
	return added
}

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	user, password, _ := r.BasicAuth()
	if user != "sluice" || password != exampleSecret || r.URL.Query().Get("sort") != "id" {
		o.broken = append(o.broken, "a request without user and password, or without an order")
	}
	if !o.admit(w) {
		return
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, err2 := strconv.Atoi(r.URL.Query().Get("offset"))
	if err != nil || err2 != nil || limit < 1 || offset < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	limit = min(limit, 100)
	from := min(offset, len(o.all))
	page := o.all[from:min(from+limit, len(o.all))]
	fmt.Fprintf(w, `{"total":%d,"offset":%d,"limit":%d,"items":[%s]}`, len(o.all), offset, limit, strings.Join(page, ","))
}

// TestTheOffsetExample reads all orders, and then those that were added, once; also if it asks for more than the API gives.
func TestTheOffsetExample(t *testing.T) {
	for _, limit := range []string{"", "500"} {
		t.Run("limit "+limit, func(t *testing.T) {
			o := &orders{origin: origin{most: 20, slowDown: 3}}
			want := o.add(2350)
			o.between = func(n int) {
				if n == 4 {
					want = append(want, o.add(3)...)
				}
			}
			srv := httptest.NewServer(o)
			t.Cleanup(srv.Close)
			settings := []string{"SLUICE_HTTP_URL", srv.URL + "/v1/orders?sort=id"}
			if limit != "" {
				settings = append(settings, "SLUICE_HTTP_LIMIT", limit, "SLUICE_HTTP_REQUESTS_PER", "1000/1s")
				o.most = 1000
			}
			_, source := openExample(t, "examples/offset/orders.env", settings...)
			got, next, pauses := pull(t, source, "")
			if !slices.Equal(got, want) {
				t.Errorf("got %d orders, want all %d in their order", len(got), len(want))
			}
			if !slices.Equal(pauses, []string{"throttled"}) {
				t.Errorf("pauses: got %q, want the one of the answer 429", pauses)
			}
			if n := len(o.requests); n != 25 {
				t.Errorf("%d requests, want 24 pages and the one that was refused", n)
			}
			for round, n := range []int{0, 1, 47, 100, 0, 1} {
				want := o.add(n)
				if got, next, _ = pull(t, source, next); !slices.Equal(got, want) {
					t.Errorf("round %d: got %d orders, want the %d that were added", round, len(got), len(want))
				}
			}
			o.check(t)
		})
	}
}
