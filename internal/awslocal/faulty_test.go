package awslocal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	awstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awslocal/faults"
)

// inBubble runs f with a server that has these rules, in virtual time, and checks that every rule acted.
func inBubble(t *testing.T, f func(t *testing.T, v *visitor), rules ...faults.Rule) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, Options{})
		defer v.server.Close()
		if err := v.server.Arm(faults.Script{Seed: 1, Rules: rules}); err != nil {
			t.Fatal(err)
		}
		f(t, v)
		for _, c := range v.server.FaultCounts() {
			if c.Fired == 0 {
				t.Errorf("rule %d, %s, did not act", c.Rule, c.Name)
			}
		}
	})
}

func (v *visitor) wantBodies(want ...string) {
	v.t.Helper()
	got := texts(v.drain())
	slices.Sort(got)
	if !slices.Equal(got, want) {
		v.t.Errorf("the queue held %q, want %q", got, want)
	}
}

func TestFailEntries(t *testing.T) {
	no := false
	inBubble(t, func(t *testing.T, v *visitor) {
		for i, want := range []string{"", "b InternalError false, e InternalError false", "a KMS.ThrottlingException true", "a InvalidMessageContents false"} {
			out, err := v.batch(t.Context(), "1", "2", "3", "4", "5")
			if err != nil {
				t.Fatalf("batch %d: %v", i+1, err)
			}
			var failed []string
			for _, f := range out.Failed {
				failed = append(failed, fmt.Sprintf("%s %s %v", *f.Id, *f.Code, f.SenderFault))
			}
			if got := strings.Join(failed, ", "); got != want || len(out.Successful) != 5-len(failed) {
				t.Errorf("batch %d: %d done, failed %q; want %q", i+1, len(out.Successful), got, want)
			}
		}
		v.wantBodies("1", "1", "2", "2", "2", "3", "3", "3", "3", "4", "4", "4", "4", "5", "5", "5")
	},
		faults.Rule{Do: faults.FailEntries, Nth: []faults.Range{{From: 2, To: 2}}, Entries: faults.Entries{Positions: []int{2, 5}}},
		faults.Rule{Do: faults.FailEntries, Nth: []faults.Range{{From: 3, To: 3}}, Entries: faults.Entries{Positions: []int{1}}, Code: "KMS.ThrottlingException"},
		faults.Rule{Do: faults.FailEntries, Nth: []faults.Range{{From: 4, To: 4}}, Entries: faults.Entries{Positions: []int{1}}, Code: "InvalidMessageContents", SenderFault: &no},
	)
}

// TestFailedDeletion: an entry that a script fails is not deleted.
func TestFailedDeletion(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		if _, err := v.batch(t.Context(), "1", "2"); err != nil {
			t.Fatal(err)
		}
		got, err := v.take(0)
		if err != nil || len(got) != 2 {
			t.Fatalf("got %d messages, %v", len(got), err)
		}
		in := &sqs.DeleteMessageBatchInput{QueueUrl: v.url}
		for i := range got {
			in.Entries = append(in.Entries, awstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: got[i].ReceiptHandle})
		}
		out, err := v.sqs.DeleteMessageBatch(t.Context(), in)
		if err != nil || len(out.Failed) != 1 || len(out.Successful) != 1 {
			t.Fatalf("got %+v, %v; want one of each", out, err)
		}
		time.Sleep(31 * time.Second) // the visibility timeout
		v.wantBodies("2")
	}, faults.Rule{Do: faults.FailEntries, Calls: []string{"DeleteMessageBatch"}, Entries: faults.Entries{Positions: []int{2}}})
}

// TestFailRequest: refusals in each service's own terms; nothing is done.
func TestFailRequest(t *testing.T) {
	for _, c := range []struct {
		rule    faults.Rule
		queue   string // what the SDK reads
		gateway string
		sts     string
	}{
		{faults.Rule{}, "InternalError", `500 InternalServerErrorException {"message":"Internal server error"}`, "500 InternalFailure"},
		{faults.Rule{Code: "ThrottlingException"}, "ThrottlingException", `429 TooManyRequestsException {"message":"Too Many Requests"}`, "400 Throttling"},
		{faults.Rule{Status: 429}, "ThrottlingException", `429 TooManyRequestsException {"message":"Too Many Requests"}`, "429 Throttling"},
		{faults.Rule{Code: "RequestThrottled"}, "RequestThrottled", `429 TooManyRequestsException {"message":"Too Many Requests"}`, "400 RequestThrottled"},
		{faults.Rule{Code: "LimitExceeded"}, "LimitExceeded", `429 LimitExceededException {"message":"Limit Exceeded"}`, "400 LimitExceeded"},
		{faults.Rule{Status: 502}, "BadGateway", `502 InternalServerErrorException {"message": "Internal server error"}`, "502 BadGateway"},
		{faults.Rule{Status: 503}, "ServiceUnavailable", `503 ServiceUnavailableException {"message":"Service Unavailable"}`, "503 ServiceUnavailable"},
		{faults.Rule{Status: 504}, "GatewayTimeout", `504 InternalServerErrorException {"message":"Endpoint request timed out"}`, "504 GatewayTimeout"},
		{faults.Rule{Code: "AccessDenied"}, "AccessDenied", `403 AccessDeniedException {"Message":"User: arn:aws:sts::000000000000:assumed-role/sluice-writer/test is not authorized to perform: execute-api:Invoke`, "403 AccessDenied"},
		{faults.Rule{Code: "ExpiredToken"}, "ExpiredToken", `403 ExpiredTokenException {"message":"The security token included in the request is expired"}`, "403 ExpiredToken"},
		{faults.Rule{Code: "InvalidSignature"}, "InvalidSignature", `403 InvalidSignatureException {"message":"The request signature we calculated`, "400 InvalidSignature"},
		{faults.Rule{Code: "Forbidden"}, "Forbidden", `403 ForbiddenException {"message":"Forbidden"}`, "400 Forbidden"},
		{faults.Rule{Code: "AWS.SimpleQueueService.NonExistentQueue"}, "AWS.SimpleQueueService.NonExistentQueue", `400 AWS.SimpleQueueService.NonExistentQueueException`, "400 AWS.SimpleQueueService.NonExistentQueue"},
		{faults.Rule{Code: "KMS.ThrottlingException"}, "KMS.ThrottlingException", `400 KMS.ThrottlingException {"message":"The request was refused."}`, "400 KMS.ThrottlingException"},
		{faults.Rule{Code: "Weird", Status: 418, Message: "m"}, "Weird", `418 WeirdException {"message":"m"}`, "418 Weird"},
	} {
		c.rule.Do = faults.FailRequest
		inBubble(t, func(t *testing.T, v *visitor) {
			if _, err := v.send("x"); code(err) != c.queue {
				t.Errorf("%+v: the SDK read %q (%v), want %q", c.rule, code(err), err, c.queue)
			}
			got, err := v.record(t.Context(), "id", "{}")
			if text := fmt.Sprintf("%d %s %s", got.status, got.header.Get("X-Amzn-Errortype"), got.body); err != nil || !strings.HasPrefix(text, c.gateway) {
				t.Errorf("%+v: the gateway said %s, %v; want %s", c.rule, text, err, c.gateway)
			}
			if _, err := v.tryAssume(); err == nil || err.Error() != c.sts {
				t.Errorf("%+v: STS said %v, want %s", c.rule, err, c.sts)
			}
			if err := v.server.Arm(faults.Script{}); err != nil {
				t.Fatal(err)
			}
			v.wantBodies()
		}, c.rule)
	}
}

// TestRefusalNeedsASignature: a request that is bad itself gets its own refusal.
func TestRefusalNeedsASignature(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		v.self.SecretAccessKey += "x"
		v.use(v.self)
		if _, err := v.send("x"); code(err) != "SignatureDoesNotMatch" {
			t.Errorf("got %v, want SignatureDoesNotMatch", err)
		}
		if got, err := v.record(t.Context(), "id", "{}"); err != nil || got.header.Get("X-Amzn-Errortype") != "InvalidSignatureException" {
			t.Errorf("got %v, %v, want InvalidSignatureException", got, err)
		}
	}, faults.Rule{Do: faults.FailRequest})
}

func TestThrottle(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		count := func() (passed int) {
			for range 10 {
				got, err := v.record(t.Context(), "id", "{}")
				if err != nil || got.status != 200 && got.status != 429 {
					t.Fatalf("got %v, %v", got, err)
				}
				if got.status == 200 {
					passed++
				}
			}
			return passed
		}
		if got := count(); got != 3 {
			t.Errorf("at once %d of 10 passed, want the burst of 3", got)
		}
		time.Sleep(time.Second)
		if got := count(); got != 2 {
			t.Errorf("a second later %d of 10 passed, want 2", got)
		}
		if _, err := v.send("x"); err != nil {
			t.Errorf("a call that the rule is not about: %v", err)
		}
	}, faults.Rule{Do: faults.Throttle, Calls: []string{"POST /records"}, Rate: 2, Burst: 3})
}

// TestStallAndLatency: requests wait as long as they are told, no longer, and are carried out then, even for a client
// that has left.
func TestStallAndLatency(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		start := time.Now()
		took := func(what string, want time.Duration, f func() error) {
			t.Helper()
			began := time.Now()
			if err := f(); err != nil || time.Since(began) != want {
				t.Errorf("%s: took %v, %v; want %v", what, time.Since(began), err, want)
			}
		}
		post := func() error { _, err := v.record(t.Context(), "i", "1"); return err }
		took("before the window", 0, post)
		time.Sleep(11*time.Second - time.Since(start))
		took("in the window", 2*time.Second, post)
		took("after it", 0, post)
		took("latency", 300*time.Millisecond, func() error { _, err := v.send("2"); return err })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := v.batch(ctx, "3"); code(err) != "gave up" {
			t.Errorf("got %v, want that the client gave up", err)
		}
		v.wantBodies("1", "1", "1", "2")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait() // the two timers end at the same moment
		v.wantBodies("3")
	},
		faults.Rule{Do: faults.Stall, Calls: []string{faults.Any}, After: 10 * time.Second, For: 3 * time.Second},
		faults.Rule{Do: faults.Latency, Calls: []string{"SendMessage", "SendMessageBatch"}, Latency: 300 * time.Millisecond},
	)
}

// TestLostAnswers: what was accepted is there, whatever the client saw; what was reset before is not.
func TestLostAnswers(t *testing.T) {
	for _, c := range []struct {
		do     faults.Action
		want   string
		stored int
	}{{faults.AcceptThenHang, "gave up", 2}, {faults.AcceptThenReset, "reset", 2}, {faults.Reset, "reset", 0}} {
		inBubble(t, func(t *testing.T, v *visitor) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := v.batch(ctx, "x")
			if code(err) != c.want {
				t.Errorf("%s: SQS: got %v, want %s", c.do, err, c.want)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := v.record(ctx, "i", "x"); code(err) != c.want {
				t.Errorf("%s: gateway: got %v, want %s", c.do, err, c.want)
			}
			if got := v.drain(); len(got) != c.stored {
				t.Errorf("%s: %d messages are there, want %d", c.do, len(got), c.stored)
			}
		}, faults.Rule{Do: c.do, Calls: []string{"SendMessageBatch", "POST /records"}})
	}
}

// TestClockSkew: the Date is off and the signature refused, as by a server whose clock is.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		inBubble(t, func(t *testing.T, v *visitor) {
			if _, err := v.send("x"); code(err) != "SignatureDoesNotMatch" {
				t.Errorf("%v: SQS: got %v, want SignatureDoesNotMatch", skew, err)
			}
			got, err := v.record(t.Context(), "i", "x")
			if err != nil || got.status != 403 || got.header.Get("X-Amzn-Errortype") != "InvalidSignatureException" {
				t.Errorf("%v: gateway: got %v, %v; want InvalidSignatureException", skew, got, err)
			}
			date, err := time.Parse(time.RFC1123, got.header.Get("Date"))
			if off := time.Until(date) - skew; err != nil || off.Abs() > time.Second {
				t.Errorf("%v: the Date is off by %v, %v", skew, time.Until(date), err)
			}
			v.use(v.self) // the SDK's client has set its clock by the wrong Date
			if _, err := v.send("x"); err != nil {
				t.Errorf("%v: afterwards: %v", skew, err)
			}
		}, faults.Rule{Do: faults.ClockSkew, Skew: skew, Times: 2})
	}
	inBubble(t, func(t *testing.T, v *visitor) { // less than SigV4's five minutes
		if _, err := v.send("x"); err != nil {
			t.Errorf("a clock 4 minutes ahead: %v", err)
		}
	}, faults.Rule{Do: faults.ClockSkew, Skew: 4 * time.Minute})
}

// TestExpireCredentials: sessions end, keys of users and new sessions do not.
func TestExpireCredentials(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		if _, err := v.send("1"); err != nil {
			t.Fatalf("before: %v", err)
		}
		if _, err := v.send("2"); code(err) != "ExpiredToken" {
			t.Errorf("SQS: got %v, want ExpiredToken", err)
		}
		if got, err := v.record(t.Context(), "i", "x"); err != nil || got.header.Get("X-Amzn-Errortype") != "ExpiredTokenException" {
			t.Errorf("gateway: got %v, %v, want ExpiredTokenException", got, err)
		}
		v.use(v.assume())
		if _, err := v.send("3"); err != nil {
			t.Errorf("a new session: %v", err)
		}
		v.wantBodies("1", "3")
	}, faults.Rule{Do: faults.ExpireCredentials, Calls: []string{"SendMessage"}, Nth: []faults.Range{{From: 2, To: 2}}})
}

// TestArmBeginsAnew: counters and times begin with Arm; a script that makes no sense changes nothing.
func TestArmBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		third := faults.Script{Rules: []faults.Rule{{Do: faults.FailRequest, Calls: []string{"SendMessage"}, Nth: []faults.Range{{From: 3, To: 3}}, After: time.Minute}}}
		for range 2 {
			if err := v.server.Arm(third); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			for i := range 4 {
				if _, err := v.send("x"); (err != nil) != (i == 2) {
					t.Errorf("send %d: got %v", i+1, err)
				}
			}
		}
		if err := v.server.Arm(faults.Script{Rules: []faults.Rule{{Do: "nothing"}}}); err == nil {
			t.Error("a script with an unknown action was armed")
		}
		if got := v.server.FaultCounts()[0].Fired; got != 1 {
			t.Errorf("fired %d times since the last Arm, want 1", got)
		}
		if _, err := New(Options{BaseURL: "http://127.0.0.1:1", Faults: faults.Script{Rules: []faults.Rule{{Do: "nothing"}}}}); err == nil {
			t.Error("a server was made with such a script")
		}
	})
}

// TestCloseWakesThoseWhoWait: a server that closes lets nobody wait, neither by a fault nor by a hang.
func TestCloseWakesThoseWhoWait(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		done := make(chan string, 2)
		go func() { _, err := v.send("1"); done <- code(err) }()
		go func() { _, err := v.batch(t.Context(), "2"); done <- code(err) }()
		synctest.Wait()
		start := time.Now()
		v.server.Close()
		got := []string{<-done, <-done}
		slices.Sort(got)
		if !slices.Equal(got, []string{"", "reset"}) || time.Since(start) != 0 {
			t.Errorf("got %q after %v, want one answer and one reset at once", got, time.Since(start))
		}
	},
		faults.Rule{Do: faults.Latency, Calls: []string{"SendMessage"}, Latency: time.Hour},
		faults.Rule{Do: faults.AcceptThenHang, Calls: []string{"SendMessageBatch"}},
	)
}

func TestCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, v *visitor) {
		for range 3 {
			_, _ = v.send("x") // refused, reset or done: each is a call
		}
		if _, err := v.record(t.Context(), "i", "x"); err != nil {
			t.Fatal(err)
		}
		r := v.newRequest(t.Context(), "/", "Action=No_Such%3Cthing&Version=2012-11-05")
		r.Header.Set("Content-Type", formType)
		if _, err := v.do(r); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"AssumeRole": 1, "SendMessage": 3, "POST /records": 1, "other": 1}
		got := v.server.Calls()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for i := range maxCallNames {
			r := v.newRequest(t.Context(), fmt.Sprintf("/v1/%d", i), "")
			if _, err := v.do(r); err != nil {
				t.Fatal(err)
			}
		}
		if got := v.server.Calls(); len(got) > maxCallNames || got["other"] < 2 {
			t.Errorf("got %d names and %d others, want at most %d names", len(got), got["other"], maxCallNames)
		}
	},
		faults.Rule{Do: faults.Reset, Calls: []string{"SendMessage"}, Nth: []faults.Range{{From: 2, To: 2}}},
		faults.Rule{Do: faults.FailRequest, Calls: []string{"SendMessage"}, Nth: []faults.Range{{From: 3, To: 3}}},
	)
}
