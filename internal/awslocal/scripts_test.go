package awslocal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	awstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/awslocal/faults"
)

// TestDocumentedScripts runs every script in docs/faults.md and in examples/faults in virtual time, with a client that
// makes all kinds of calls, until each of its rules has acted.
func TestDocumentedScripts(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for i, block := range strings.Split(string(page), "```yaml\n")[1:] {
		scripts[fmt.Sprintf("block %d of docs/faults.md", i+1)], _, _ = strings.Cut(block, "```")
	}
	if len(scripts) < 4 {
		t.Errorf("docs/faults.md has %d scripts, want 4 at least", len(scripts))
	}
	files, err := filepath.Glob("../../examples/faults/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("examples/faults has %d scripts, %v; want 10 at least", len(files), err)
	}
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scripts[name] = string(doc)
	}
	for name, doc := range scripts {
		t.Run(name, func(t *testing.T) {
			script, err := faults.Parse([]byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				v := visit(t, Options{})
				defer v.server.Close()
				if err := v.server.Arm(script); err != nil {
					t.Fatal(err)
				}
				if idle := exercise(v, 1500); idle != "" {
					t.Errorf("after 1,500 rounds this rule has not acted: %s", idle)
				}
			})
		})
	}
}

// exercise makes calls of all kinds, round after round, until every rule has acted, and returns the name of one that has
// not after so many rounds. Refusals are what it is about, so it goes on after them; a session that has ended it renews.
func exercise(v *visitor, rounds int) (idle string) {
	ctx := v.t.Context()
	for range rounds {
		idle = ""
		for _, c := range v.server.FaultCounts() {
			if c.Fired == 0 {
				idle = c.Name
			}
		}
		if idle == "" {
			return ""
		}
		v.round(ctx)
		time.Sleep(20 * time.Millisecond)
	}
	return idle
}

func (v *visitor) round(ctx context.Context) {
	patient := func(f func(ctx context.Context)) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		f(ctx)
	}
	patient(func(ctx context.Context) {
		if got, err := v.record(ctx, "id", "{}"); err == nil && strings.HasPrefix(got.header.Get("X-Amzn-Errortype"), "ExpiredToken") {
			if c, err := v.tryAssume(); err == nil {
				v.use(c)
			}
		}
	})
	patient(func(ctx context.Context) { _, _ = v.batch(ctx, "1", "2", "3", "4", "5") })
	patient(func(ctx context.Context) {
		_, _ = v.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: v.url})
	})
	if _, err := v.send("x"); code(err) == "ExpiredToken" {
		v.use(v.assume())
	}
	if got, err := v.take(0); err == nil && len(got) > 0 {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: v.url}
		for i := range got {
			in.Entries = append(in.Entries, awstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: got[i].ReceiptHandle})
		}
		patient(func(ctx context.Context) { _, _ = v.sqs.DeleteMessageBatch(ctx, in) })
	}
	_, _ = v.tryAssume()
	patient(func(ctx context.Context) {
		r := v.newRequest(ctx, "/fdsnws/event/1/query", "")
		r.Method = http.MethodGet
		pages := &http.Client{Transport: inProcess{v.server.Source(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))}}
		if res, err := pages.Do(r); err == nil {
			_ = res.Body.Close()
		}
	})
}
