package sqs

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/fault"
	"sluice/transport"
)

// codes returns the reason of each result, "" for accepted.
func codes(results []transport.Result) []string {
	out := make([]string, len(results))
	for i, r := range results {
		if r.Err != nil {
			out[i] = fault.From(r.Err).Code()
		}
	}
	return out
}

func wantCodes(t *testing.T, results []transport.Result, want ...string) {
	t.Helper()
	if got := codes(results); !reflect.DeepEqual(got, want) {
		t.Errorf("results = %q, want %q", got, want)
	}
}

func TestStandardQueueMessage(t *testing.T) {
	s := newServer(t)
	tr := openOn(t, s, nil)
	r := transport.Record{ID: "id-1", Key: "a key", Body: []byte("grün \U0001F30A\t\r\n"), Headers: map[string]string{"unit": "°C"}}
	results := tr.Send(t.Context(), []transport.Record{r})
	wantCodes(t, results, "")
	if results[0].Receipt != "message-0" {
		t.Errorf("receipt = %q, want the message id", results[0].Receipt)
	}
	m := s.of("SendMessageBatch")[0].Entries[0]
	if m.Body != string(r.Body) || m.Group != "" || m.Dedup != "" {
		t.Errorf("body %q, group %q, deduplication id %q; want the body and nothing else", m.Body, m.Group, m.Dedup)
	}
	for name, want := range map[string]string{"sluice-id": "id-1", "sluice-key": "a key", "unit": "°C"} {
		if got := m.Attributes[name]; got.StringValue != want || got.DataType != "String" {
			t.Errorf("attribute %s = %+v, want String %q", name, got, want)
		}
	}
	if len(m.Attributes) != 3 {
		t.Errorf("%d attributes, want 3", len(m.Attributes))
	}
}

func TestGroups(t *testing.T) {
	long := strings.Repeat("k", 129)
	hashed := "sha256-" // of the key
	for name, tc := range map[string]struct {
		queue     string
		fair      bool
		key       string
		group     string
		dedup     string
		attribute string
	}{
		"FIFO":                     {"q.fifo", false, "k1", "k1", "id-1", ""},
		"FIFO without a key":       {"q.fifo", false, "", "sluice", "id-1", ""},
		"FIFO, key with a space":   {"q.fifo", false, "k 1", hashed, "id-1", "k 1"},
		"FIFO, key too long":       {"q.fifo", false, long, hashed, "id-1", long},
		"FIFO, key not ASCII":      {"q.fifo", false, "grün", hashed, "id-1", "grün"},
		"fair queue":               {"q", true, "k1", "k1", "", ""},
		"fair queue without a key": {"q", true, "", "sluice", "", ""},
		"standard":                 {"q", false, "k1", "", "", "k1"},
		"standard without a key":   {"q", false, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			tr := openOn(t, s, func(c *Config) { c.QueueURL, c.FairQueue = s.URL+"/1/"+tc.queue, tc.fair })
			r := transport.Record{ID: "id-1", Key: tc.key, Body: []byte("x"), Headers: map[string]string{"unit": "°C", "n": "1"}}
			wantCodes(t, tr.Send(t.Context(), []transport.Record{r}), "")
			m := s.of("SendMessageBatch")[0].Entries[0]
			if tc.group == hashed {
				if !strings.HasPrefix(m.Group, hashed) || len(m.Group) != len(hashed)+64 {
					t.Errorf("group = %q, want sha256-<hash>", m.Group)
				}
			} else if m.Group != tc.group {
				t.Errorf("group = %q, want %q", m.Group, tc.group)
			}
			if m.Dedup != tc.dedup {
				t.Errorf("deduplication id = %q, want %q", m.Dedup, tc.dedup)
			}
			if got := m.Attributes["sluice-key"].StringValue; got != tc.attribute {
				t.Errorf("sluice-key = %q, want %q", got, tc.attribute)
			}
			size := len(m.Body)
			for name, a := range m.Attributes {
				size += len(name) + len(a.DataType) + len(a.StringValue)
			}
			if got := tr.Size(r); got != size {
				t.Errorf("Size = %d, SQS counts %d", got, size)
			}
		})
	}
}

func TestWhatSQSWouldRefuseOrAlterIsNotSent(t *testing.T) {
	many := map[string]string{}
	for i := range 10 {
		many[fmt.Sprintf("h%d", i)] = "v"
	}
	header := func(name, value string) transport.Record {
		return transport.Record{ID: "x", Body: []byte("x"), Headers: map[string]string{name: value}}
	}
	for name, tc := range map[string]struct {
		rec  transport.Record
		want string
	}{
		"no UTF-8":                     {record("x", "bad\xffutf8"), "invalid_characters"},
		"UTF-8 cut short":              {record("x", "bad\xe2\x82"), "invalid_characters"},
		"surrogate":                    {record("x", "\xed\xa0\x80"), "invalid_characters"},
		"overlong":                     {record("x", "\xc0\x80"), "invalid_characters"},
		"NUL":                          {record("x", "a\x00b"), "invalid_characters"},
		"escape":                       {record("x", "a\x1bb"), "invalid_characters"},
		"U+FFFE":                       {record("x", "a\uFFFEb"), "invalid_characters"},
		"U+FFFF":                       {record("x", "a\uFFFFb"), "invalid_characters"},
		"empty":                        {record("x", ""), "empty_body"},
		"too large":                    {record("x", strings.Repeat("x", maxBytes)), "record_too_large"},
		"empty header":                 {header("h", ""), "invalid_attribute"},
		"header without a name":        {header("", "v"), "invalid_attribute"},
		"header with a space":          {header("a b", "v"), "invalid_attribute"},
		"header with a slash":          {header("a/b", "v"), "invalid_attribute"},
		"header not ASCII":             {header("grün", "v"), "invalid_attribute"},
		"header beginning with period": {header(".a", "v"), "invalid_attribute"},
		"header ending with period":    {header("a.", "v"), "invalid_attribute"},
		"header with two periods":      {header("a..b", "v"), "invalid_attribute"},
		"header of AWS":                {header("aWs.x", "v"), "invalid_attribute"},
		"header of Amazon":             {header("Amazon.x", "v"), "invalid_attribute"},
		"header name too long":         {header(strings.Repeat("h", 257), "v"), "invalid_attribute"},
		"header value with a NUL":      {header("h", "\x00"), "invalid_attribute"},
		"header value no UTF-8":        {header("h", "\xff"), "invalid_attribute"},
		"header named as ours":         {header("sluice-id", "v"), "invalid_attribute"},
		"too many headers":             {transport.Record{ID: "x", Body: []byte("x"), Headers: many}, "invalid_attribute"},
		"no ID":                        {record("", "x"), "invalid_attribute"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			results := openOn(t, s, nil).Send(t.Context(), []transport.Record{record("a", "A"), tc.rec, record("c", "C")})
			wantCodes(t, results, "", tc.want, "")
			if e := fault.From(results[1].Err); e.Class != fault.Rejected || e.Whole {
				t.Errorf("got %+v, want Rejected for itself", e)
			}
			if got := len(s.of("SendMessageBatch")[0].Entries); got != 2 {
				t.Errorf("%d entries were sent, want the two neighbours", got)
			}
		})
	}
}

func TestTheWholeRangeOfCharacters(t *testing.T) {
	for _, legal := range []string{"\t\n\r", " ~\u007f", "\u0080\u009f", "\uD7FF\uE000\uFFFD", "\U00010000\U0010FFFF", "�"} {
		if at := firstIllegal(legal); at >= 0 {
			t.Errorf("%q is refused at byte %d, want taken", legal, at)
		}
	}
	for c := rune(0); c <= 0x110000; c++ {
		legal := c == 0x9 || c == 0xA || c == 0xD || c >= 0x20 && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000 && c <= 0x10FFFF
		if c >= 0xD800 && c <= 0xDFFF || c > 0x10FFFF {
			continue // Go cannot write them
		}
		if got := firstIllegal("x" + string(c)); got >= 0 == legal {
			t.Fatalf("U+%04X: illegal at %d, want legal = %v", c, got, legal)
		}
	}
}

func TestEachEntryHasItsOwnFate(t *testing.T) {
	s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, _ int) {
		wrong := accepted(r.Entries[3])
		wrong["MD5OfMessageBody"] = strings.Repeat("0", 32)
		wrongAttributes := accepted(r.Entries[4])
		wrongAttributes["MD5OfMessageAttributes"] = strings.Repeat("0", 32)
		answer{
			Successful: []map[string]any{accepted(r.Entries[0]), wrong, wrongAttributes, accepted(r.Entries[5]), accepted(r.Entries[7]), accepted(r.Entries[7]),
				{"MessageId": "without an id"}, {"Id": "99", "MessageId": "of nobody"}},
			Failed: []map[string]any{failed("1", "InternalError", false), failed("2", "InvalidMessageContents", true), failed("5", "InternalError", false)},
		}.write(w)
	})
	var recs []transport.Record
	for i := range 8 {
		recs = append(recs, record(fmt.Sprint("r", i), fmt.Sprint("body ", i)))
	}
	results := openOn(t, s, nil).Send(t.Context(), recs)
	wantCodes(t, results, "", "service_error", "invalid_characters", "checksum_mismatch", "checksum_mismatch", "unexpected_answer", "no_answer", "unexpected_answer")
	for i, want := range []bool{false, false, false, true, true, true, true, true} {
		if e := fault.From(results[i].Err); e != nil && e.Ambiguous != want {
			t.Errorf("record %d: Ambiguous = %v, want %v", i, e.Ambiguous, want)
		}
	}
}

func TestAnswerThatNamesNobody(t *testing.T) {
	for name, body := range map[string]string{"empty object": "{}", "nothing": ""} {
		s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, _ request, _ int) { fmt.Fprint(w, body) })
		results := openOn(t, s, nil).Send(t.Context(), three())
		for _, r := range results {
			if e := fault.From(r.Err); e == nil || e.Class != fault.Transient || !e.Ambiguous {
				t.Errorf("%s: got %v, want Transient and ambiguous", name, r.Err)
			}
		}
	}
}

func TestConnectionThatBreaks(t *testing.T) {
	for name, h := range map[string]func(http.ResponseWriter, request, int){
		"before the answer": func(http.ResponseWriter, request, int) { panic(http.ErrAbortHandler) },
		"within the answer": func(w http.ResponseWriter, _ request, _ int) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"Successful":[{"Id":"0"`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"within an error": func(w http.ResponseWriter, _ request, _ int) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type":"com.ama`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t).on("SendMessageBatch", h)
			for _, r := range openOn(t, s, nil).Send(t.Context(), three()) {
				if e := fault.From(r.Err); e == nil || e.Class != fault.Transient || !e.Ambiguous || e.Reason != "network" {
					t.Errorf("got %v (%+v), want Transient network, ambiguous", r.Err, e)
				}
				wantPlain(t, r.Err, "the connection was closed before the answer was complete")
			}
			if got := len(s.of("SendMessageBatch")); got != 1 {
				t.Errorf("%d requests arrived for one Send, want 1", got)
			}
		})
	}
}

func TestOneRefusedEntryBesideOneThatWasNotSent(t *testing.T) {
	s := newServer(t).on("SendMessageBatch", fail(400, "BatchRequestTooLong", ""))
	tr := openOn(t, s, nil)
	// I4: the two that were sent are not to be rejected for each other's size.
	results := tr.Send(t.Context(), []transport.Record{record("a", "A"), record("b", "\x00"), record("c", "C")})
	for i, whole := range []bool{true, false, true} {
		if got := fault.From(results[i].Err); got.Class != fault.Rejected || got.Whole != whole {
			t.Errorf("record %d: %v, Whole %v, want Rejected, Whole %v", i, got.Class, got.Whole, whole)
		}
	}
	results = tr.Send(t.Context(), []transport.Record{record("a", "A"), record("b", "\x00")})
	if e := fault.From(results[0].Err); e.Class != fault.Rejected || e.Whole {
		t.Errorf("a single entry refused: %+v, want Rejected for itself", e)
	}
}

// A source of keys KEY1, KEY2, ...
func numbered() (aws.CredentialsProvider, *atomic.Int32) {
	n := new(atomic.Int32)
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: fmt.Sprint("KEY", n.Add(1)), SecretAccessKey: "s", SessionToken: "t", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
	}), n
}

func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	for name, code := range map[string]string{"expired": "ExpiredToken", "expired, long": "ExpiredTokenException", "unknown": "InvalidClientTokenId"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) {
				if r.Key == "KEY1" {
					fail(403, code, "")(w, r, n)
					return
				}
				s.well(w, r, n)
			})
			source, fetched := numbered()
			tr, err := Open(t.Context(), Config{QueueURL: s.URL + "/1/q", Timeout: 5 * time.Second}, credentials(t, s.URL, source))
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			wantCodes(t, tr.Send(t.Context(), three()), "", "", "")
			sent := s.of("SendMessageBatch")
			if len(sent) != 2 || sent[0].Key != "KEY1" || sent[1].Key != "KEY2" || !reflect.DeepEqual(sent[0].Entries, sent[1].Entries) {
				t.Errorf("requests = %v, want the same one with KEY1 and KEY2", sent)
			}
			if got := fetched.Load(); got != 2 {
				t.Errorf("credentials were fetched %d times, want 2", got)
			}
		})
	}
}

func TestTokenThatIsAlwaysExpiredCostsTwoRequests(t *testing.T) {
	s := newServer(t).on("SendMessageBatch", fail(403, "ExpiredToken", ""))
	source, _ := numbered()
	tr, err := Open(t.Context(), Config{QueueURL: s.URL + "/1/q", Timeout: 5 * time.Second}, credentials(t, s.URL, source))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	wantCodes(t, tr.Send(t.Context(), three()), "expired_token", "expired_token", "expired_token")
	if got := len(s.of("SendMessageBatch")); got != 2 {
		t.Errorf("%d requests, want 2", got)
	}
}

func TestNoAnswerWithinTheTimeout(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t).on("SendMessageBatch", func(http.ResponseWriter, request, int) { <-release })
	defer close(release)
	tr := openOn(t, s, func(c *Config) { c.Timeout = time.Second })
	for _, r := range tr.Send(t.Context(), three()) {
		if e := fault.From(r.Err); e == nil || e.Class != fault.Transient || e.Reason != "timeout" || !e.Ambiguous {
			t.Errorf("got %v, want Transient timeout, ambiguous", r.Err)
		}
		wantPlain(t, r.Err, "/q\" in eu-west-1: no answer within 1s (SLUICE_SQS_TIMEOUT)")
	}
}
