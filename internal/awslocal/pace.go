package awslocal

import (
	"context"
	"net/http"
	"time"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/model"
	"sluice/internal/awslocal/sqs"
)

// Describe names the models in use and their seed, or says that there is none. Results of a benchmark carry it.
func (s *Server) Describe() string { return s.options.Models.String() }

// paceQueues puts the models of queues into their options.
func paceQueues(set model.Set, o *sqs.Options) {
	delivery := set.Sampler(model.Delivery)
	switch {
	case set.Has(model.Disorder):
		chaos := model.NewChaos(set.Seed)
		o.Arrive = func() (time.Duration, bool) {
			late, twice := chaos.Next()
			return late + delivery.Next(), twice
		}
	case delivery != nil:
		o.Arrive = func() (time.Duration, bool) { return delivery.Next(), false }
	}
	if set.Has(model.Batches) {
		o.Batches = func(since time.Duration) int {
			return min(model.RampStart+int(since.Minutes()*model.RampPerMinute), model.RampMax)
		}
	}
}

// paceGateway puts the models of the gateway into its options.
func paceGateway(set model.Set, o *apigateway.Options) {
	if trip := set.Sampler(model.RoundTrip); trip != nil {
		o.Pace = func() (before, after time.Duration) {
			d := trip.Next()
			return d / 2, d - d/2
		}
	}
	if handler := set.Sampler(model.Handler); handler != nil {
		o.Pace = func() (before, after time.Duration) { return handler.Next(), 0 }
	}
	if cold := set.Sampler(model.ColdStart); cold != nil {
		o.ColdStart = func() time.Duration { return model.ColdSandbox + cold.Next() }
		o.IdleLife = model.IdleLife
	}
	if set.Has(model.Account) {
		o.Throttle = apigateway.Throttle{Rate: model.AccountRate, Burst: model.AccountBurst}
	}
	if set.Has(model.Concurrent) {
		o.Concurrency = model.Concurrency
	}
}

// lateWriter holds an answer back until its time has come.
type lateWriter struct {
	http.ResponseWriter
	wait func()
}

// WriteHeader is called once, by every answer of SQS.
func (w *lateWriter) WriteHeader(status int) {
	w.wait()
	w.ResponseWriter.WriteHeader(status)
}

// paced returns w, or a writer that answers only when the model of replies says so. The time counts from now.
func (s *Server) paced(ctx context.Context, w http.ResponseWriter, call string) http.ResponseWriter {
	if s.replies == nil || call != "SendMessage" && call != "SendMessageBatch" {
		return w
	}
	until := time.Now().Add(s.replies.Next())
	return &lateWriter{w, func() { s.pause(ctx, time.Until(until)) }}
}

// pause waits for d, until ctx ends or until the server closes.
func (s *Server) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.done:
	}
}
