package readback_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/readback"
	"sluice/transport"
	"sluice/transport/sqs"
	"sluice/transport/transporttest"
)

// TestDrainFindsEverythingInLongAnswers reads back answers of several hundred kilobytes: the ones that are cut off when
// the client drops its connection early.
func TestDrainFindsEverythingInLongAnswers(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	standIn, err := awslocal.New(awslocal.Options{BaseURL: "http://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = standIn
	server.Start()
	t.Cleanup(server.Close)
	url := ""
	for _, v := range standIn.Environment() {
		t.Setenv(v.Name, v.Value)
		if v.Name == "SLUICE_SQS_QUEUE_URL" {
			url = v.Value
		}
	}
	aws, err := awscreds.Load(t.Context(), awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	tr, err := sqs.Open(t.Context(), sqs.Config{QueueURL: url, Timeout: 10 * time.Second}, aws)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })

	want := transporttest.Records(600)
	for i := range want {
		want[i].Body = append([]byte(strings.Repeat("x", 60_000)), fmt.Sprint(i)...)
	}
	want[0].Headers = map[string]string{"name": "value"}
	for i, res := range (&transport.Deliverer{Transport: tr}).Deliver(t.Context(), want) {
		if res.Err != nil {
			t.Fatalf("record %d: %v", i, res.Err)
		}
	}
	told := 0
	got, err := readback.OpenQueue(aws, url).Drain(t.Context(), func(n int) { told = n })
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]transport.Record{}
	for _, r := range got {
		bodies[r.ID] = r
	}
	if len(got) != len(want) || len(bodies) != len(want) || told != len(want) {
		t.Fatalf("read %d records with %d ids, told %d, want %d", len(got), len(bodies), told, len(want))
	}
	for _, w := range want {
		if r := bodies[w.ID]; string(r.Body) != string(w.Body) || r.Key != w.Key {
			t.Errorf("%s came back with key %q and %d bytes, want %q and %d", w.ID, r.Key, len(r.Body), w.Key, len(w.Body))
		}
	}
	if got := bodies[want[0].ID].Headers["name"]; got != "value" {
		t.Errorf("header came back as %q", got)
	}
}
