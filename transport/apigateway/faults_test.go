package apigateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A store is what a server has taken.
type store struct {
	mu   sync.Mutex
	recs []transport.Record
}

// take keeps a record.
func (k *store) take(r seen) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recs = append(k.recs, transport.Record{ID: r.Header.Get("X-Sluice-Record-Id"), Body: r.body})
}

func (k *store) all() []transport.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.recs)
}

func (k *store) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recs = nil
}

func (k *store) well(w http.ResponseWriter, r seen) {
	k.take(r)
	taken(w, r, 0)
}

const probe = 30 * time.Millisecond

// quick is a backoff for tests.
var quick = backoff.Policy{Min: time.Millisecond, Max: 5 * time.Millisecond}

// A drill is one delivery of a few records to a gateway in trouble.
type drill struct {
	*testing.T
	server  *server
	store   *store
	ledger  *transporttest.Ledger
	results []transport.Result
	dead    []string // ids
}

// A trouble answers the nth request.
type trouble func(k *store, w http.ResponseWriter, r seen, n int)

// first is trouble for the first n requests; then all is well.
func first(n int, f answers) trouble {
	return func(k *store, w http.ResponseWriter, r seen, i int) {
		if i <= n {
			f(w, r, i)
			return
		}
		k.well(w, r)
	}
}

// third is trouble for the record r2.
func third(f answers) trouble {
	return func(k *store, w http.ResponseWriter, r seen, n int) {
		if r.Header.Get("X-Sluice-Record-Id") == "r2" {
			f(w, r, n)
			return
		}
		k.well(w, r)
	}
}

// five are the records of a drill.
func five() []transport.Record {
	var recs []transport.Record
	for i := range 5 {
		recs = append(recs, transport.Record{ID: fmt.Sprint("r", i), Body: fmt.Appendf(nil, `{"n":%d,"text":"ü"}`, i)})
	}
	return recs
}

// deliver sends five records through a Deliverer, one after the other, until all are settled, and checks that each has one
// fate.
func deliver(t *testing.T, f trouble, change func(*Config)) *drill {
	t.Helper()
	k := &store{}
	s := newServer(t, func(w http.ResponseWriter, r seen, n int) { f(k, w, r, n) })
	return deliverTo(t, s, k, openOn(t, s.URL, change))
}

func deliverTo(t *testing.T, s *server, k *store, tr *Transport) *drill {
	t.Helper()
	return deliverWith(t.Context(), t, s, k, tr, new(transporttest.Ledger))
}

func deliverWith(ctx context.Context, t *testing.T, s *server, k *store, tr *Transport, ledger *transporttest.Ledger) *drill {
	t.Helper()
	d := &drill{T: t, server: s, store: k, ledger: ledger}
	deliverer := &transport.Deliverer{Transport: tr, Backoff: quick, Probe: probe, Concurrency: 1}
	ledger.Keep(deliverer)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // only a test that fails needs it
	defer cancel()
	d.results = deliverer.Deliver(ctx, five())
	d.dead = ledger.Settled(t, five(), d.results, k.all())
	return d
}

func (d *drill) noneDies() {
	d.Helper()
	if len(d.dead) != 0 {
		d.Errorf("rejected: %q, want none", d.dead)
	}
}

// onlyTheThirdDies fails unless r2 was rejected for this reason, and its neighbours were stored once each.
func (d *drill) onlyTheThirdDies(reason string) {
	d.Helper()
	if !slices.Equal(d.dead, []string{"r2"}) {
		d.Fatalf("rejected: %q, want r2 alone", d.dead)
	}
	if got := fault.From(d.results[2].Err).Reason; got != reason {
		d.Errorf("rejected for %s, want %s", got, reason)
	}
	if got := len(d.store.all()); got != 4 {
		d.Errorf("%d records stored, want four, each once", got)
	}
}

func (d *drill) report(fault string, action proof.Action, reason, promises string) {
	d.Helper()
	proof.Row{Area: "apigateway", Fault: fault, Action: action, Reason: reason, Promises: promises}.Report(d.T)
}

func page(status int) answers {
	return func(w http.ResponseWriter, _ seen, _ int) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>log in</html>")
	}
}

func TestFaultsThatPause(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer answers
		reason string
	}{
		"denied by a policy":                         {gatewayAnswer(403, "AccessDeniedException", `{"Message":"User: x is not authorized to perform: execute-api:Invoke"}`), "access_denied"},
		"403 Missing Authentication Token":           {gatewayAnswer(403, "MissingAuthenticationTokenException", said("Missing Authentication Token")), "wrong_path"},
		"403 INVALID_API_KEY":                        {gatewayAnswer(403, "ForbiddenException", said("Forbidden")), "api_key_refused"},
		"401 of an authorizer":                       {gatewayAnswer(401, "UnauthorizedException", said("Unauthorized")), "unauthorized"},
		"404 after authentication":                   {gatewayAnswer(404, "NotFoundException", said("Not Found")), "wrong_path"},
		"wrong signature, clocks agree":              {gatewayAnswer(403, "InvalidSignatureException", said(textMismatch)), "bad_signature"},
		"answer 415 UNSUPPORTED_MEDIA_TYPE":          {gatewayAnswer(415, "BadRequestException", said("Unsupported Media Type")), "unsupported_media_type"},
		"answer 301 to a POST":                       {page(301), "redirected"},
		"answer 302 to a POST":                       {page(302), "redirected"},
		"answer 307 to a POST":                       {page(307), "redirected"},
		"answer 308 to a POST":                       {page(308), "redirected"},
		"answer 200 with HTML":                       {page(200), "unexpected_answer"},
		"answer 200 with nothing":                    {gatewayAnswer(200, "", ""), "unexpected_answer"},
		"answer 200 with a list, or half an object":  {gatewayAnswer(200, "", `[{"a":`), "unexpected_answer"},
		"answer 400 of something that is no gateway": {page(400), "unexpected_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, first(3, tc.answer), nil)
			d.noneDies()
			d.ledger.Paused(t, tc.reason, probe)
			if got := len(d.server.seen()); got != 3+5 {
				t.Errorf("%d requests, want three refused and one for each record", got)
			}
			d.report(name, proof.Pause, tc.reason, "P1 P11 P12")
		})
	}
}

func TestFaultsThatAreTriedAgain(t *testing.T) {
	t.Parallel()
	keep := func(then answers) trouble { // the function has taken it, and the answer is bad all the same
		return func(k *store, w http.ResponseWriter, r seen, n int) {
			if n == 1 {
				k.take(r)
				then(w, r, n)
				return
			}
			k.well(w, r)
		}
	}
	const internal = `{"message": "Internal server error"}`
	for name, tc := range map[string]struct {
		trouble trouble
		reason  string
		copies  int
	}{
		"500 that the gateway makes of a function":    {first(2, gatewayAnswer(500, "InternalServerErrorException", internal)), "service_error", 5},
		"502 of a function with a malformed answer":   {keep(gatewayAnswer(502, "InternalServerErrorException", internal)), "service_error", 6},
		"504 INTEGRATION_TIMEOUT, and it was taken":   {keep(gatewayAnswer(504, "InternalServerErrorException", said("Endpoint request timed out"))), "integration_timeout", 6},
		"504 INTEGRATION_FAILURE, not taken":          {first(1, gatewayAnswer(504, "InternalServerErrorException", said("Network error communicating with endpoint"))), "integration_timeout", 5},
		"200 whose body says that the function fails": {first(2, gatewayAnswer(200, "", `{"errorMessage":"boom","errorType":"Error"}`)), "function_error", 5},
		"no answer after the record was taken":        {keep(func(http.ResponseWriter, seen, int) { panic(http.ErrAbortHandler) }), "network", 6},
		"429 THROTTLED, Too Many Requests":            {first(1, gatewayAnswer(429, "TooManyRequestsException", said("Too Many Requests"))), "throttled", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deliver(t, tc.trouble, nil)
			d.noneDies()
			d.ledger.Retried(t, tc.reason)
			if got := len(d.store.all()); got != tc.copies {
				t.Errorf("%d records stored, want %d: a copy more where the outcome was unknown", got, tc.copies)
			}
			proof.Count(t, proof.Duplicates, tc.copies-5)
			proof.Count(t, proof.DuplicateBound, tc.copies-5)
			d.report(name, proof.Retry, tc.reason, "P1 P5")
		})
	}
}

func TestNoAnswerInTimeAfterItWasTaken(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	d := deliver(t, func(k *store, w http.ResponseWriter, r seen, n int) {
		if n == 1 {
			k.take(r)
			<-release
			return
		}
		k.well(w, r)
	}, func(c *Config) { c.Timeout = 400 * time.Millisecond })
	d.noneDies()
	d.ledger.Retried(t, "timeout")
	if got := len(d.store.all()); got != 6 {
		t.Errorf("%d records stored, want one twice: its first outcome was unknown", got)
	}
	d.report("no answer in time after the record was taken", proof.Retry, "timeout", "P1 P5")
}
