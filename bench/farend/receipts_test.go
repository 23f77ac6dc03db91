package farend

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/bench/audit"
	"sluice/bench/result"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
	"sluice/internal/readback"
)

// A function is the user's own, behind the API of a cloud: it puts what it is handed into a queue, as the documentation
// tells its author to.
type function struct {
	*cloud
	url    string                                             // of the queue
	spoil  func(n int, in *api.SendMessageInput) (copies int) // what goes wrong with the nth receipt, from 1; nil: nothing
	before func(put func())                                   // when the receipt is put: called before the reply; nil: at once
	n      atomic.Int64
	failed atomic.Pointer[error]
}

func startFunction(t *testing.T) *function {
	t.Helper()
	f := &function{}
	f.cloud = startCloudBefore(t, apigateway.Handler(f.handle).Lambda())
	f.url = f.queue(t, "receipts")
	return f
}

func (f *function) handle(ctx context.Context, ev apigateway.ProxyEvent) (apigateway.ProxyResponse, error) {
	in := &api.SendMessageInput{QueueUrl: &f.url, MessageBody: ev.Body, MessageAttributes: map[string]types.MessageAttributeValue{
		"sluice-id": {DataType: aws.String("String"), StringValue: aws.String(ev.Headers["X-Sluice-Record-Id"])}}}
	if ev.IsBase64Encoded {
		in.MessageAttributes["sluice-encoding"] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("base64")}
	}
	copies := 1
	if n := int(f.n.Add(1)); f.spoil != nil {
		copies = f.spoil(n, in)
	}
	put := func() {
		for range copies {
			if _, err := f.client.SendMessage(context.WithoutCancel(ctx), in); err != nil {
				f.failed.Store(&err)
			}
		}
	}
	if f.before != nil {
		f.before(put)
	} else {
		put()
	}
	return apigateway.ProxyResponse{StatusCode: http.StatusOK, Body: `{"done":true}`, Headers: map[string]string{"Content-Type": "application/json"}}, nil
}

// options are those of a run that is audited by the queue of f.
func (f *function) options(t *testing.T, records string) Options {
	t.Helper()
	setenv(t, f.env...)
	return optionsOf(t, `
workload: 1
transports: [apigateway]
records: {size: 200B, kind: `+records+`}
phases: [{name: steady, rate: 500/s, arrivals: constant, duration: 520ms}]
consumer: {receipts: "`+f.url+`", work: 20ms}
trials: {warmup: 0s, drain: 20s}
`, false)
}

// held is how many messages the queue has.
func (f *function) held(t *testing.T) int {
	t.Helper()
	out, err := f.client.GetQueueAttributes(t.Context(), &api.GetQueueAttributesInput{QueueUrl: &f.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	return held(out.Attributes)
}

func (f *function) put(t *testing.T, body string) {
	t.Helper()
	if _, err := f.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &f.url, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

func TestReceiptsOfTheUsersOwnFunction(t *testing.T) {
	whole(t)
	nth := func(spoil func(in *api.SendMessageInput) int) func(int, *api.SendMessageInput) int {
		return func(n int, in *api.SendMessageInput) int {
			if n%1000 != 100 {
				return 1
			}
			return spoil(in)
		}
	}
	for _, c := range []struct {
		name, records, env string
		spoil              func(n int, in *api.SendMessageInput) int
		wrong              func(audit.Matrix) int // must be 1, and everything else right; nil: nothing may be wrong
		unexpected         string
		missing            bool // one receipt never comes
	}{
		{name: "text as it is", records: "json"},
		{name: "bytes in base64", records: "binary", env: "SLUICE_APIGATEWAY_CONTENT_TYPE=application/octet-stream"},
		{name: "forgets one in 1,000", records: "json", spoil: nth(func(*api.SendMessageInput) int { return 0 }),
			wrong: func(m audit.Matrix) int { return m.Lost }, unexpected: "lost is 1", missing: true},
		{name: "puts one twice", records: "json", spoil: nth(func(*api.SendMessageInput) int { return 2 }),
			wrong: func(m audit.Matrix) int { return m.Duplicates.Total }, unexpected: "duplicates.unexplained is 1"},
		{name: "alters one", records: "json", spoil: nth(func(in *api.SendMessageInput) int {
			in.MessageBody = aws.String(strings.Replace(*in.MessageBody, `"data"`, `"Data"`, 1))
			return 1
		}), wrong: func(m audit.Matrix) int { return m.Corrupt }, unexpected: "corrupt is 1"},
		{name: "calls one by another name", records: "json", spoil: nth(func(in *api.SendMessageInput) int {
			in.MessageAttributes["sluice-id"] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("somebody else's")}
			return 1
		}), wrong: func(m audit.Matrix) int { return m.Ghosts }, unexpected: "ghosts is 1", missing: true},
		{name: "says base64 of what is none", records: "json", spoil: nth(func(in *api.SendMessageInput) int {
			in.MessageBody = aws.String("/" + base64.StdEncoding.EncodeToString([]byte(*in.MessageBody)))
			in.MessageAttributes["sluice-encoding"] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("base64")}
			return 1
		}), wrong: func(m audit.Matrix) int { return m.Corrupt }, unexpected: "corrupt is 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := startFunction(t)
			f.spoil = c.spoil
			if c.env != "" {
				f.env = append(f.env, c.env)
			}
			o := f.options(t, c.records)
			if c.missing {
				o.Workload.Trials.Drain = 3 * time.Second // in vain
			}
			far, err := Open(t.Context(), "apigateway", o)
			if err != nil {
				t.Fatal(err)
			}
			if far.Target.Consumer != "receipts" || far.Target.Kind != result.Local {
				t.Errorf("%+v, want an address of this machine that is audited by receipts", far.Target)
			}
			got := deliver(t, far, o)
			shut(t, far)
			if err := f.failed.Load(); err != nil {
				t.Fatal(*err)
			}
			a := got.Audit
			if a.Sent != 260 || a.Accepted != a.Sent || got.Units.Send+got.Units.Receive+got.Units.Delete > 0 || got.Units.Calls < 260 {
				t.Errorf("%d of %d accepted, billed as %+v; want 260 by the gateway, and no queue", a.Accepted, a.Sent, got.Units)
			}
			if p := got.Phases[0]; p.Processed != 260 || p.HDR.Processed != p.HDR.Accept {
				t.Errorf("%d processed, at most %v after they were due; want 260 with their replies, at most %v", p.Processed, p.Latency.Processed.Max, p.Latency.Accept.Max)
			}
			if n := f.held(t); n > 0 {
				t.Errorf("%d receipts are left", n)
			}
			if c.wrong == nil {
				wantDelivered(t, far, got)
				return
			}
			if c.wrong(a) != 1 || !slices.ContainsFunc(got.Unexpected, func(s string) bool { return strings.HasPrefix(s, c.unexpected) }) {
				t.Errorf("%+v, unexpected %q; want one that is wrong, and %q", a, got.Unexpected, c.unexpected)
			}
		})
	}
}

// A queue may hand out a message twice. That is the duplicate of a receipt, of which the API knows nothing.
func TestAReceiptThatIsHandedOutTwiceIsOne(t *testing.T) {
	whole(t)
	f := startFunction(t)
	script, err := faults.ByKind(faults.KindDuplicateDelivery, faults.Params{P: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	script.Rules[0].Calls = []string{"SendMessage"} // and not those of the API, whose function would really run twice
	standIn := f.Config.Handler.(*awslocal.Server)
	if err := standIn.Arm(script); err != nil {
		t.Fatal(err)
	}
	o := f.options(t, "json")
	far, err := Open(t.Context(), "apigateway", o)
	if err != nil {
		t.Fatal(err)
	}
	got := deliver(t, far, o)
	if got.Audit.Duplicates.Total > 0 || got.Audit.OK != 260 {
		t.Errorf("%+v, want 260 ok and no duplicates", got.Audit)
	}
	if c := standIn.FaultCounts(); len(c) == 0 || c[0].Fired == 0 {
		t.Errorf("%+v: the queue handed out nothing twice", c)
	}
	shut(t, far)
}

// TestSlowReceiptsAreWaitedFor: they come long after the replies, all at once.
func TestSlowReceiptsAreWaitedFor(t *testing.T) {
	whole(t)
	f := startFunction(t)
	var mu sync.Mutex
	var late []func()
	var all sync.WaitGroup
	f.before = func(put func()) {
		mu.Lock()
		defer mu.Unlock()
		if late = append(late, put); len(late) == 260 {
			for _, put := range late {
				all.Go(put)
			}
		}
	}
	o := f.options(t, "json")
	far, err := Open(t.Context(), "apigateway", o)
	if err != nil {
		t.Fatal(err)
	}
	got := deliver(t, far, o)
	all.Wait()
	wantDelivered(t, far, got)
	if p := got.Phases[0]; got.Audit.OK != 260 || p.HDR.Processed != p.HDR.Accept {
		t.Errorf("%d ok, at most %v after they were due; want 260 with their replies, at most %v", got.Audit.OK, p.Latency.Processed.Max, p.Latency.Accept.Max)
	}
	shut(t, far)
}

func TestAQueueOfReceiptsThatIsInUseIsRefused(t *testing.T) {
	f := startFunction(t)
	f.put(t, "somebody else's")
	o := f.options(t, "json")
	far, err := Open(t.Context(), "apigateway", o)
	if err == nil || far != nil || !strings.Contains(err.Error(), "consumer.receipts: the queue "+f.url+" holds 1 records") {
		t.Errorf("got %v, want that it holds 1 record", err)
	}
	if n := f.held(t); n != 1 {
		t.Errorf("%d messages are there, want the one of somebody else's", n)
	}
}

func TestAQueueOfReceiptsThatIsNotThereIsRefused(t *testing.T) {
	f := startFunction(t)
	f.url += "-of-nobody"
	far, err := Open(t.Context(), "apigateway", f.options(t, "json"))
	if err == nil || far != nil || !strings.Contains(err.Error(), "consumer.receipts: look at the queue: ") {
		t.Errorf("got %v, want that it cannot be looked at", err)
	}
}

// TestWhatIsNotOursStays: a run that has not begun has put nothing into the queue.
func TestWhatIsNotOursStays(t *testing.T) {
	f := startFunction(t)
	far, err := Open(t.Context(), "apigateway", f.options(t, "json"))
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, "somebody else's")
	shut(t, far)
	if n := f.held(t); n != 1 {
		t.Errorf("%d messages are there, want the one of somebody else's", n)
	}
}

// TestAnInterruptedRunLeavesNoReceipts: what comes after the trial has ended is removed at the end.
func TestAnInterruptedRunLeavesNoReceipts(t *testing.T) {
	whole(t)
	f := startFunction(t)
	o := f.options(t, "json")
	far, err := Open(t.Context(), "apigateway", o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var late []func()
	f.before = func(put func()) {
		mu.Lock()
		defer mu.Unlock()
		if late = append(late, put); len(late) == 100 {
			stop()
		}
	}
	if _, err := trialOf(t, ctx, far, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was interrupted", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, put := range late {
		put()
	}
	if n := f.held(t); n < 100 {
		t.Fatal(strconv.Itoa(n) + " receipts are left over, want 100 or more")
	}
	shut(t, far)
	if n := f.held(t); n > 0 {
		t.Errorf("%d receipts are left", n)
	}
}

// TestReceiptsAreDatedByTheQueue: it hands them out in another order than that in which it got them.
func TestReceiptsAreDatedByTheQueue(t *testing.T) {
	t.Parallel()
	put, here := time.UnixMilli(1_700_000_000_000), time.Now()
	for name, c := range map[string]struct{ stored, want time.Time }{"dated": {put, put}, "without a date": {time.Time{}, here}} {
		if got := receipt(readback.Delivery{Stored: c.stored, Arrived: here}); !got.Arrived.Equal(c.want) {
			t.Errorf("%s: it comes at %v, want %v", name, got.Arrived, c.want)
		}
	}
}
