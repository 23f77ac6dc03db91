package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/ingest"
	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// samples returns the series of own metrics whose name begins with one of prefixes, as "name{labels} value".
func samples(t *testing.T, m *Monitor, prefixes ...string) []string {
	t.Helper()
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range families {
		for _, prefix := range prefixes {
			if !strings.HasPrefix(f.GetName(), prefix) {
				continue
			}
			for _, s := range f.GetMetric() {
				var labels []string
				for _, l := range s.GetLabel() {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
				value := fmt.Sprint(s.GetCounter().GetValue() + s.GetGauge().GetValue())
				if h := s.GetHistogram(); h != nil {
					value = fmt.Sprintf("%d/%v", h.GetSampleCount(), h.GetSampleSum())
				}
				out = append(out, fmt.Sprintf("%s{%s} %s", f.GetName(), strings.Join(labels, ","), value))
			}
		}
	}
	return out
}

func TestMetricsAreWellNamed(t *testing.T) {
	m := New(Options{Source: "http", Transport: "sqs", Build: Build{Version: "v1", Go: "go1"}})
	problems, err := testutil.GatherAndLint(m.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if got := samples(t, m, "sluice_"); len(got) < 30 {
		t.Errorf("%d series before anything has happened, want all of them: %q", len(got), got)
	}
}

func TestSendsAreCounted(t *testing.T) {
	m := New(Options{Source: "http", Transport: "sqs"})
	rejected, throttled := failure(fault.Rejected, "too_big", "canary"), failure(fault.Throttled, "slow", "canary")
	whole := &fault.Error{Class: fault.Rejected, Whole: true, Err: errors.New("canary")}
	lost := &fault.Error{Class: fault.Transient, Ambiguous: true, Err: errors.New("canary")}
	for _, errs := range [][]error{{nil, nil}, {nil, rejected, throttled}, {lost, lost}, {whole, whole}} {
		a := transport.Attempt{Took: 2 * time.Second, Bytes: 100}
		for _, err := range errs {
			a.Records = append(a.Records, transport.Record{ID: "canary", Key: "canary", Body: []byte("canary")})
			a.Results = append(a.Results, transport.Result{Err: err, Receipt: "canary"})
		}
		m.Observe(a)
	}
	want := []string{
		"sluice_send_duration_seconds{transport=sqs} 4/8",
		"sluice_send_records_total{result=accepted,transport=sqs} 3",
		"sluice_send_records_total{result=blocked,transport=sqs} 0",
		"sluice_send_records_total{result=rejected,transport=sqs} 1",
		"sluice_send_records_total{result=split,transport=sqs} 2",
		"sluice_send_records_total{result=throttled,transport=sqs} 1",
		"sluice_send_records_total{result=transient,transport=sqs} 0",
		"sluice_send_records_total{result=unknown,transport=sqs} 2",
		"sluice_send_request_bytes{transport=sqs} 4/400",
		"sluice_send_request_records{transport=sqs} 4/9",
		"sluice_send_requests_total{result=accepted,transport=sqs} 1",
		"sluice_send_requests_total{result=blocked,transport=sqs} 0",
		"sluice_send_requests_total{result=rejected,transport=sqs} 2",
		"sluice_send_requests_total{result=throttled,transport=sqs} 0",
		"sluice_send_requests_total{result=transient,transport=sqs} 1",
		"sluice_send_retried_records_total{transport=sqs} 5",
	}
	got := samples(t, m, "sluice_send_")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	m.Observer().Read(1, 1, time.Second, fmt.Errorf("canary: %w", rejected))
	m.Observer().Saved("canary")
	m.Report(&fault.Error{Class: fault.Blocked, Reason: "canary", Err: errors.New("canary")})
	if all := strings.Join(samples(t, m, ""), "\n"); strings.Contains(all, "canary") {
		t.Errorf("an id, a body or an error text became a label:\n%s", all)
	}
	s := m.Status().Transport
	if s.Requests != 4 || s.Bytes != 400 || s.Retried != 5 || s.Unknown != 2 {
		t.Errorf("status = %+v, want 4 requests, 400 bytes, 5 retried, 2 unknown", s)
	}
}

func TestProgressIsTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{Source: "http", Transport: "sqs"})
		o := m.Observer()
		tick := func() { time.Sleep(time.Second) } // virtual
		check := func(when string, wantAge float64, wantUnsettled int) {
			t.Helper()
			if c := m.Status().Checkpoint; c.Age != wantAge || c.Unsettled != wantUnsettled {
				t.Errorf("%s: age %v, %d unsettled; want %v, %d", when, c.Age, c.Unsettled, wantAge, wantUnsettled)
			}
		}
		o.Read(0, 0, time.Second, nil)
		o.Read(0, 0, time.Second, errors.New("x"))
		tick()
		check("nothing was read", 0, 0)
		o.Read(10, 1000, time.Second, nil)
		tick()
		o.Read(20, 2000, time.Second, nil)
		tick()
		check("two batches wait", 2, 2)
		o.Settled(20, 0, 0)
		check("the second is settled", 2, 1)
		tick()
		o.Settled(5, 3, 2)
		check("both are settled, nothing saved", 3, 0)
		o.Saved("c")
		check("saved", 0, 0)
		tick()
		check("later", 0, 0)
		o.Settled(0, 0, 0) // an empty batch
		o.Read(1, 1, time.Second, nil)
		o.Read(1, 1, time.Second, nil)
		tick()
		o.Settled(1, 0, 0)
		o.Saved("d")
		tick()
		check("one of two is saved", 1, 1)

		want := []string{"sluice_delivery_latency_seconds{transport=sqs} 3/5"} // 2 + 2 + 1, in whatever order they settle
		if diff := cmp.Diff(want, samples(t, m, "sluice_delivery")); diff != "" {
			t.Errorf("latency (-want +got):\n%s", diff)
		}
		s := m.Status()
		if s.Source.Records != 32 || s.Source.Bytes != 3002 || s.Source.Reads != 6 || s.Source.FailedReads != 1 || s.Transport.Accepted != 26 || s.Transport.Filtered != 2 || s.Transport.SetAside != 3 || s.Checkpoint.Saves != 2 {
			t.Errorf("status = %+v", s)
		}
		if p50 := s.Transport.LatencyP50; p50 < 1.9 || p50 > 2.1 {
			t.Errorf("median latency = %v, want 2 s", p50)
		}
	})
}

func TestRateIsThatOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rate
		began := time.Now()
		check := func(want float64) {
			t.Helper()
			if got := r.perSecond(time.Now(), began); got != want {
				t.Errorf("after %v: rate = %v, want %v", time.Since(began), got, want)
			}
		}
		check(0)
		r.add(time.Now(), 100)
		check(0) // the second is not over
		time.Sleep(time.Second)
		check(100)
		for range 59 {
			r.add(time.Now(), 40)
			time.Sleep(time.Second)
		}
		check((100 + 59*40) / 60.0)
		time.Sleep(time.Second)
		check(59 * 40 / 60.0)
		time.Sleep(time.Hour)
		check(0)
		r.add(time.Now().Add(-time.Hour), 60) // a clock set back must not break anything
		r.add(time.Now(), 60)
		time.Sleep(time.Second)
		if got := r.perSecond(time.Now(), began); got < 1 || got > 2 {
			t.Errorf("rate after a clock was set back = %v, want 1 to 2", got)
		}
	})
}

// A list is a Source of n batches of ten items; every third Read fails first.
type list struct{ n, calls int }

func (l *list) Read(_ context.Context, after ingest.Cursor) (ingest.Batch, error) {
	l.calls++
	if l.calls%3 == 0 {
		return ingest.Batch{}, errors.New("hiccup")
	}
	at := len(after)
	if at == l.n {
		return ingest.Batch{}, io.EOF
	}
	b := ingest.Batch{Next: after + "x"}
	for i := range 10 {
		b.Items = append(b.Items, fmt.Appendf(nil, "%d-%d", at, i))
	}
	return b, nil
}

type nowhere struct{}

func (nowhere) Load(context.Context) (ingest.Cursor, error) { return "", nil }
func (nowhere) Save(context.Context, ingest.Cursor) error   { return nil }
func (nowhere) Put(context.Context, ingest.Refused) error   { return nil }
func parse(item []byte) ([]transport.Record, error) {
	if strings.HasSuffix(string(item), "-7") {
		return nil, errors.New("seven")
	}
	return []transport.Record{{ID: string(item), Body: item}}, nil
}

func TestMonitorOfARealPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batches = 40
		m := New(Options{Source: "http", Transport: "memory"})
		d := &transport.Deliverer{Transport: &memory.Transport{Limits: transport.Capabilities{MaxRecords: 4}}, Observe: m.Observe, Report: m.Report}
		m.Watch(d)
		watched := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() { // readers must never wait for the Deliverer while it waits for us
			defer close(watched)
			for ctx.Err() == nil {
				_ = m.Status()
				_, _ = m.Registry().Gather()
				time.Sleep(50 * time.Millisecond) // virtual
			}
		}()
		p := &ingest.Pipeline{Source: &list{n: batches}, Parse: parse, Deliverer: d, Checkpoint: nowhere{}, DeadLetter: nowhere{},
			InFlight: 4, Once: true, MaxDeadShare: 1, Observe: m.Observer()}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop()
		<-watched
		s := m.Status()
		if s.Source.Records != batches*10 || s.Transport.Accepted != batches*9 || s.Transport.SetAside != batches || s.Checkpoint.Unsettled != 0 || !s.Ready {
			t.Errorf("status = %+v, want %d read, %d accepted, %d set aside, ready", s, batches*10, batches*9, batches)
		}
		if s.Source.FailedReads == 0 || s.Transport.Requests < batches*3 || s.Transport.Limit == 0 || s.Checkpoint.Age != 0 {
			t.Errorf("status = %+v, want failed reads, 3 requests a batch, a limit, no checkpoint waiting", s)
		}
	})
}

func TestLaneInTroubleShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{Source: "http", Transport: "sqs"})
		missing := &fault.Error{Class: fault.Blocked, Reason: "queue_missing", Op: "sqs.Send", Err: errors.New("no queue")}
		d := &transport.Deliverer{Transport: transporttest.Script(transporttest.Fail(missing), transporttest.Accept()), Observe: m.Observe, Report: m.Report, Probe: time.Minute}
		m.Watch(d)
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.Deliver(t.Context(), []transport.Record{{ID: "a", Body: []byte("x")}})
		}()
		synctest.Wait()
		s := m.Status()
		if got := summary(m); len(got) != 2 || got[1] != "destination queue_missing 0s" {
			t.Errorf("reasons = %q, want the missing queue", got)
		}
		if wait := time.Until(s.Transport.RetryAt); wait != time.Minute {
			t.Errorf("next try in %v, want a minute", wait)
		}
		if got := samples(t, m, "sluice_trouble"); got[1] != "sluice_trouble{part=deadletter} 0" || got[2] != "sluice_trouble{part=destination} 1" {
			t.Errorf("series = %q, want 1 for the destination only", got)
		}
		<-done
		if got := summary(m); len(got) != 1 {
			t.Errorf("reasons after the probe = %q, want none but starting", got)
		}
	})
}

// The Deliverer calls Report under the lock of its lane, and Status waits for that lock.
func TestReportAndStatusDoNotWaitForEachOther(t *testing.T) {
	m := New(Options{Source: "http", Transport: "sqs"})
	var sends atomic.Int64
	odd := &fault.Error{Class: fault.Blocked, Err: errors.New("odd")}
	tr := transporttest.Script(transporttest.Each(func(transport.Record) error { // the last step repeats
		if sends.Add(1)%2 == 1 {
			return odd
		}
		return nil
	}))
	d := &transport.Deliverer{Transport: tr, Observe: m.Observe, Report: m.Report, Probe: time.Nanosecond, Backoff: backoff.Policy{Min: 1, Max: 1}}
	m.Watch(d)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var readers sync.WaitGroup
	delivered := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-delivered:
					return
				default:
					_ = m.Status()
				}
			}
		})
	}
	go func() {
		defer close(delivered)
		for range 1000 {
			d.Deliver(ctx, []transport.Record{{ID: "a", Body: []byte("x")}})
		}
	}()
	select {
	case <-delivered:
		readers.Wait()
	case <-ctx.Done():
		t.Fatal("the Deliverer and a reader of the status wait for each other")
	}
	if got := m.Status().Transport; got.Requests != 2000 || len(m.Readiness().Reasons) != 1 {
		t.Errorf("status = %+v with reasons %q, want 2000 requests and nothing but starting", got, summary(m))
	}
}

func TestReloadsAreCounted(t *testing.T) {
	m := New(Options{})
	m.Reloaded(errors.New("x"))
	m.Reloaded(nil)
	m.Reloaded(nil)
	got := samples(t, m, "sluice_config_reloads")
	if want := []string{"sluice_config_reloads_total{result=failed} 1", "sluice_config_reloads_total{result=ok} 2"}; cmp.Diff(want, got) != "" {
		t.Errorf("series = %q, want %q", got, want)
	}
}
