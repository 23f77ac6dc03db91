package sqs

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/internal/backoff"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// Many batches that wait for one name are no storm at the name server: the lane asks once for each backoff, not the batches.
func TestFaultOfANameThatManyBatchesWaitFor(t *testing.T) {
	t.Parallel()
	names, k := transporttest.NewNameServer(t), &store{}
	names.Point([4]byte{127, 0, 0, 1})
	s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) { k.well(w, r) })
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Resolver = names.Resolver() })
	tr := openThrough(t, strings.Replace(s.URL, "127.0.0.1", "sqs.test", 1), client, nil)
	tr.http.CloseIdleConnections()
	names.NoSuchName()

	const batches, limit, setbacks = 40, 4, 6
	const wait = 20 * time.Millisecond
	var resolved atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{DNSStart: func(httptrace.DNSStartInfo) { resolved.Add(1) }})
	ledger := new(transporttest.Ledger)
	ledger.Then(func(n int) {
		// Those that left together are one setback; after it there is one knock for each.
		if n == limit+setbacks-1 {
			if got := int(resolved.Load()); got > n+1 {
				t.Errorf("the name was resolved %d times for %d requests", got, n)
			}
			names.Point([4]byte{127, 0, 0, 1})
		}
	})
	deliverer := &transport.Deliverer{Transport: tr, Concurrency: limit, Backoff: backoff.Policy{Min: wait / 2, Max: wait, Rand: func() float64 { return 0.999 }}}
	ledger.Keep(deliverer)
	var recs []transport.Record
	results := make([][]transport.Result, batches)
	var wg sync.WaitGroup
	for b := range batches {
		r := record(fmt.Sprint("b", b), "body")
		recs = append(recs, r)
		wg.Go(func() { results[b] = deliverer.Deliver(ctx, []transport.Record{r}) })
	}
	wg.Wait()
	var all []transport.Result
	for _, r := range results {
		all = append(all, r...)
	}
	if dead := ledger.Settled(t, recs, all, k.all()); len(dead) != 0 {
		t.Errorf("rejected: %q", dead)
	}
	if got := ledger.Failed(); got > limit+setbacks {
		t.Errorf("%d requests failed while %d batches waited, want at most %d: those that left together, and one for each backoff", got, batches, limit+setbacks)
	}
	starts := ledger.Starts()
	for i := limit; i < limit+setbacks-1; i++ {
		if apart := starts[i].Sub(starts[i-1]); apart < wait*9/10 {
			t.Errorf("knock %d came %v after the one before, want the backoff of %v between them", i, apart, wait)
		}
	}
	proof.Row{Area: "sqs", Fault: "name does not exist while many batches wait", Action: proof.Retry, Reason: "network", Promises: "P10 P11"}.Report(t)
}
