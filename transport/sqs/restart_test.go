package sqs_test

import (
	"context"
	"net"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/awscreds"
	"sluice/internal/awslocal"
	"sluice/internal/awslocal/faults"
	"sluice/internal/fault"
	"sluice/internal/proof"
	"sluice/transport"
	"sluice/transport/sqs"
)

// TestRestartInsideTheWindowMakesNoDuplicate: a FIFO queue takes a request and its answer never comes. The daemon ends
// without knowing, and the next one, which has read the same items again, sends the same records under the same IDs.
func TestRestartInsideTheWindowMakesNoDuplicate(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := awslocal.New(awslocal.Options{BaseURL: "http://" + l.Addr().String(), Queue: "records.fifo"})
	if err != nil {
		t.Fatal(err)
	}
	running, shut := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(running, l) }()
	t.Cleanup(func() {
		shut()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	script, err := faults.Parse([]byte("rules: [{call: SendMessageBatch, nth: 1, do: accept_then_hang}]"))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Arm(script); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range server.Environment() {
		env[v.Name] = v.Value
	}
	account := settings("http://"+l.Addr().String(), env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])

	// life is one life of the daemon, which ends at the latest when ctx does.
	life := func(ctx context.Context, observe func(transport.Attempt)) []transport.Result {
		parse := ingest.Naming{Stream: "orders", ID: "id", Key: "customer"}.Parser()
		var recs []transport.Record
		for _, item := range []string{`{"id":1,"customer":"a"}`, `{"id":2,"customer":"b"}`, `{"id":3,"customer":"a"}`} {
			made, err := parse([]byte(item))
			if err != nil {
				t.Fatal(err)
			}
			recs = append(recs, made...)
		}
		identity := newIdentity(t, account, awscreds.Config{ARN: env["SLUICE_ROLE_ARN"], ExternalID: env["SLUICE_ROLE_EXTERNAL_ID"]})
		tr := newDriver(t, sqs.Config{QueueURL: env["SLUICE_SQS_QUEUE_URL"]}, identity)
		defer tr.Close()
		return (&transport.Deliverer{Transport: tr, Timeout: 10 * time.Second, Observe: observe}).Deliver(ctx, recs)
	}

	first, end := context.WithCancel(t.Context())
	defer end()
	go func() { // the end comes as soon as the queue has taken the request
		defer end()
		for server.FaultCounts()[0].Fired == 0 && first.Err() == nil {
			<-time.After(time.Millisecond)
		}
	}()
	unknown := 0
	for i, r := range life(first, func(a transport.Attempt) {
		for i := range a.Records {
			if a.Outcome(i) == transport.Unknown {
				unknown++
			}
		}
	}) {
		if e := fault.From(r.Err); e == nil || e.Class == fault.Rejected {
			t.Errorf("record %d of the first life: %v, want unsettled", i, r.Err)
		}
	}
	if unknown != 3 {
		t.Errorf("%d outcomes of the first life are unknown, want those of all three records", unknown)
	}
	accepted := map[string]bool{}
	for i, r := range life(t.Context(), nil) {
		if r.Err != nil {
			t.Errorf("record %d of the second life: %v, want accepted", i, r.Err)
		}
		accepted[r.Receipt] = true
	}
	got := drain(t, account, env["SLUICE_SQS_QUEUE_URL"])
	if len(got) != 3 || len(accepted) != 3 {
		t.Errorf("the queue holds %d messages, and the second life was told of %d, want one for each of three records", len(got), len(accepted))
	}
	proof.Row{Area: "sqs", Fault: "taken by a FIFO queue, and the daemon ends before the answer", Action: proof.Retry, Promises: "P5 P6"}.Report(t)
}
