package sqs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/awslocal/sigv4"
)

// benchBatch is a SendMessageBatch of 10 messages of 1 KiB.
func benchBatch(url string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"QueueUrl":%q,"Entries":[`, url)
	for i := range 10 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"Id":"%d","MessageBody":"%s"}`, i, strings.Repeat("x", 1024))
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// post is one request in process: protocol and queue, without a network.
func post(b *testing.B, e *Engine, action string, body []byte) []byte {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("X-Amz-Target", targetPrefix+action)
	w := httptest.NewRecorder()
	e.ServeSQS(w, r, body, sigv4.Identity{UserID: "AIDATEST"})
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d %s", action, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func benchEngine(b *testing.B) (*Engine, string) {
	e := New(Options{Account: testAccount, Region: testRegion, MaxBytes: 8 << 30})
	b.Cleanup(e.Close)
	url, err := e.CreateQueue("q", nil)
	if err != nil {
		b.Fatal(err)
	}
	return e, url
}

// BenchmarkSendMessageBatch sends batches of 10 x 1 KiB. The queue is deleted now and then, so that memory stays bounded.
func BenchmarkSendMessageBatch(b *testing.B) {
	e, url := benchEngine(b)
	batch := benchBatch(url)
	b.SetBytes(10 * 1024)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		post(b, e, "SendMessageBatch", batch)
		if n%10_000 == 9_999 {
			e.mu.Lock()
			e.empty(e.queues["q"])
			e.mu.Unlock()
		}
	}
	b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkReceiveAndDelete takes and deletes 10 messages of 1 KiB out of a queue that holds 1,000 or 1,000,000 others.
func BenchmarkReceiveAndDelete(b *testing.B) {
	for _, backlog := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("backlog=%d", backlog), func(b *testing.B) {
			e, url := benchEngine(b)
			body := strings.Repeat("x", 1024)
			for range backlog {
				if _, err := e.Send(url, body, nil, "", ""); err != nil {
					b.Fatal(err)
				}
			}
			batch := benchBatch(url)
			receive := fmt.Appendf(nil, `{"QueueUrl":%q,"MaxNumberOfMessages":10}`, url)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				post(b, e, "SendMessageBatch", batch)
				b.StartTimer()
				var got struct {
					Messages []struct{ ReceiptHandle string }
				}
				if err := json.Unmarshal(post(b, e, "ReceiveMessage", receive), &got); err != nil {
					b.Fatal(err)
				}
				var del strings.Builder
				fmt.Fprintf(&del, `{"QueueUrl":%q,"Entries":[`, url)
				for i, m := range got.Messages {
					if i > 0 {
						del.WriteByte(',')
					}
					fmt.Fprintf(&del, `{"Id":"%d","ReceiptHandle":%q}`, i, m.ReceiptHandle)
				}
				del.WriteString("]}")
				post(b, e, "DeleteMessageBatch", []byte(del.String()))
			}
		})
	}
}
