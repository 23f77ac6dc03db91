package sqs

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
)

func TestCapabilitiesComeFromTheQueue(t *testing.T) {
	s := newServer(t)
	s.limit = 2048
	got := openOn(t, s, func(c *Config) { c.QueueURL += ".fifo" }).Capabilities()
	want := transport.Capabilities{MaxRecords: 10, MaxBytes: 1 << 20, MaxRecordBytes: 2048, Ordered: true, Dedup: 5 * time.Minute}
	if got != want {
		t.Errorf("FIFO queue: %+v, want %+v", got, want)
	}
	s.on("GetQueueAttributes", fail(403, "AccessDeniedException", "AccessDenied"))
	got = openOn(t, s, nil).Capabilities()
	want = transport.Capabilities{MaxRecords: 10, MaxBytes: 1 << 20, MaxRecordBytes: 1 << 20}
	if got != want {
		t.Errorf("attributes denied: %+v, want %+v", got, want)
	}
}

func TestQueueThatAppearsLater(t *testing.T) {
	s := newServer(t)
	s.on("GetQueueUrl", func(w http.ResponseWriter, r request, n int) {
		if n <= 3 { // Open, Check, the first Send
			fail(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")(w, r, n)
			return
		}
		s.well(w, r, n)
	})
	tr := openOn(t, s, func(c *Config) { c.QueueURL, c.QueueName = "", "later" })
	if err := tr.Check(t.Context()); !fault.Is(err, fault.Blocked) {
		t.Errorf("Check = %v, want Blocked", err)
	}
	results := tr.Send(t.Context(), three())
	wantCodes(t, results, "queue_missing", "queue_missing", "queue_missing")
	if !strings.Contains(results[0].Err.Error(), `"later"`) {
		t.Errorf("the name of the queue is not in: %v", results[0].Err)
	}
	for range 3 {
		wantCodes(t, tr.Send(t.Context(), three()), "", "", "")
	}
	if got := len(s.of("GetQueueUrl")); got != 4 {
		t.Errorf("the address was asked for %d times, want 4: it is remembered once known", got)
	}
	if got := s.of("SendMessageBatch")[0].QueueUrl; got != s.URL+"/123456789012/found" {
		t.Errorf("sent to %q, want the address found", got)
	}
	if err := tr.Check(t.Context()); err != nil {
		t.Errorf("Check of a queue that exists: %v", err)
	}
}

// I4: an error of another call is no verdict on the records.
func TestNoRecordIsRejectedForTheNameOfTheQueue(t *testing.T) {
	s := newServer(t).on("GetQueueUrl", fail(400, "InvalidParameterValueException", "InvalidParameterValue"))
	tr := openOn(t, s, func(c *Config) { c.QueueURL, c.QueueName = "", "name" })
	if e := fault.From(tr.Send(t.Context(), three())[0].Err); e.Class != fault.Blocked {
		t.Errorf("got %v, want Blocked", e.Class)
	}
}

func TestUnreachable(t *testing.T) {
	s := newServer(t)
	s.Close()
	for _, r := range openOn(t, s, nil).Send(t.Context(), three()) {
		if e := fault.From(r.Err); e == nil || e.Class != fault.Transient || e.Ambiguous {
			t.Errorf("got %v, want Transient, not ambiguous", r.Err)
		}
		wantPlain(t, r.Err, "/q\" in eu-west-1: dial tcp 127.0.0.1:")
		wantPlain(t, r.Err, "connection refused")
	}
}

// wantPlain reports an error that does not say want, or is the SDK's text.
func wantPlain(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("no %q in: %v", want, err)
		return
	}
	for _, soup := range []string{"operation error", "RequestID", "StatusCode", "deadline exceeded", "canceled", "request send failed"} {
		if strings.Contains(err.Error(), soup) {
			t.Errorf("%q in: %v", soup, err)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  Config
		want []string
	}{
		"nothing set":       {Config{}, []string{"QUEUE_URL is not set", "TIMEOUT is"}},
		"both set":          {Config{QueueURL: "https://h/1/q", QueueName: "q", Timeout: 1}, []string{"both set"}},
		"no address":        {Config{QueueURL: "queue", Timeout: 1}, []string{"QUEUE_URL is"}},
		"no path":           {Config{QueueURL: "https://sqs.eu-west-1.amazonaws.com/", Timeout: 1}, []string{"QUEUE_URL is"}},
		"bad name":          {Config{QueueName: "a b", Timeout: 1}, []string{"QUEUE_NAME is"}},
		"name too long":     {Config{QueueName: strings.Repeat("q", 81), Timeout: 1}, []string{"QUEUE_NAME is"}},
		"fair FIFO":         {Config{QueueName: "q.fifo", FairQueue: true, Timeout: 1}, []string{"FAIR_QUEUE"}},
		"good by address":   {Config{QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", Timeout: 1}, nil},
		"good by name":      {Config{QueueName: strings.Repeat("q", 80), Timeout: 1, FairQueue: true}, nil},
		"good FIFO by name": {Config{QueueName: strings.Repeat("q", 75) + ".fifo", Timeout: 1}, nil},
	} {
		err := tc.cfg.Validate()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want errors: %v", name, err, tc.want)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in %v", name, want, err)
			}
		}
	}
}

func TestRegionOfTheAddressCountsFirst(t *testing.T) {
	for address, want := range map[string]string{
		"https://sqs.eu-north-1.amazonaws.com/123456789012/q":    "eu-north-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q": "cn-north-1",
		"http://127.0.0.1:4566/123456789012/q":                   "eu-west-1",
	} {
		tr, err := Open(t.Context(), Config{QueueURL: address, Timeout: 1}, static(t, "http://127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		if tr.region != want {
			t.Errorf("%s: region %q, want %q", address, tr.region, want)
		}
		_ = tr.Close()
	}
}
