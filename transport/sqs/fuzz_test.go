package sqs

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/transport"
)

// codesOfSQS are those that a fuzzed answer chooses from, beside what the fuzzer makes up.
var codesOfSQS = []string{"InternalError", "InvalidMessageContents", "RequestThrottled", "KMS.ThrottlingException", "QueueDoesNotExist", "Flurb", ""}

// Whatever ids and codes an answer has, each record has one fate, and only one that the answer names once, as accepted, with
// its own digest, is accepted.
func FuzzSQSResult(f *testing.F) {
	f.Add(uint8(10), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []byte{}, "x", false)
	f.Add(uint8(10), []byte{0, 1, 2}, []byte{3, 3, 4, 200, 2}, "Throttled", true)
	f.Add(uint8(3), []byte{0, 0, 1, 9, 255}, []byte{2}, "", true)
	f.Add(uint8(1), []byte{}, []byte{0, 0}, "Kms", false)
	s := newServer(f)
	tr := openOn(f, s, nil)
	f.Fuzz(func(t *testing.T, n uint8, good, bad []byte, code string, digest bool) {
		count := int(n)%10 + 1
		recs := ten()[:count]
		entries := make([]types.SendMessageBatchRequestEntry, count)
		for i, r := range recs {
			var err error
			if entries[i], err = tr.entry(strconv.Itoa(i), r); err != nil {
				t.Fatal(err)
			}
		}
		named, wrong := map[string]int{}, map[string]bool{}
		out := &sqs.SendMessageBatchOutput{}
		for k, b := range good {
			id := strconv.Itoa(int(b) % 16)
			e := types.SendMessageBatchResultEntry{Id: aws.String(id), MessageId: aws.String("m")}
			if i := int(b) % 16; i < count {
				e.MD5OfMessageBody = aws.String(bodyMD5(*entries[i].MessageBody))
				if digest && k%3 == 0 {
					e.MD5OfMessageBody, wrong[id] = aws.String("0"), true
				}
			}
			if b == 255 {
				e.Id, id = nil, ""
			}
			named[id]++
			out.Successful = append(out.Successful, e)
		}
		refused := map[string]bool{}
		for k, b := range bad {
			id := strconv.Itoa(int(b) % 16)
			c := code
			if i := k % (len(codesOfSQS) + 1); i < len(codesOfSQS) {
				c = codesOfSQS[i]
			}
			named[id]++
			refused[id] = true
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: aws.String(id), Code: aws.String(c), SenderFault: digest != (k%2 == 0)})
		}
		results := make([]transport.Result, count)
		for i := range results {
			results[i].Err = errUntouched
		}
		tr.settle(out, entries, results)
		for i, r := range results {
			id := strconv.Itoa(i)
			want := named[id] == 1 && !refused[id] && !wrong[id]
			if r.Err == errUntouched || (r.Err == nil) != want {
				t.Fatalf("record %d: %v; named %d times, refused %v, wrong digest %v", i, r.Err, named[id], refused[id], wrong[id])
			}
			if r.Err == nil {
				continue
			}
			e := fault.From(r.Err)
			known, ok := fault.ReasonOf(e.Reason)
			if !ok || !slices.Contains(known.Classes, e.Class) {
				t.Errorf("record %d: verdict %v %q is not in the catalogue", i, e.Class, e.Reason)
			}
			if doubt := named[id] != 1 || wrong[id]; e.Ambiguous != doubt {
				t.Errorf("record %d: Ambiguous = %v, want %v", i, e.Ambiguous, doubt)
			}
		}
	})
}

// errUntouched stands where the driver has not said anything.
var errUntouched = &fault.Error{Reason: "untouched"}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "7", "0.5", "-3", "soon", "1e300", "NaN", "-Inf", "0x7f", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, seconds, milliseconds string) {
		if got := awscreds.RetryAfter(http.Header{"Retry-After": {seconds}, "X-Amz-Retry-After": {milliseconds}}); got < 0 || got > time.Hour {
			t.Errorf("Retry-After %q, x-amz-retry-after %q: %v, want up to an hour", seconds, milliseconds, got)
		}
	})
}
