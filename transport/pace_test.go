package transport_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backoff"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A model is a simulated server: serve waits as long as a request takes and says what comes of it. busy is the number of
// requests that it holds, this one included.
type model struct {
	mu    sync.Mutex
	busy  int
	rnd   *rand.Rand
	begin time.Time
	free  []time.Time // when each of its workers is free again
	serve func(m *model, busy int) error
	sent  int
	good  int
}

const link = 50 * time.Millisecond // what a request takes at best

func (m *model) counts() (good, sent int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.good, m.sent
}

func (m *model) float() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rnd.Float64()
}

func (m *model) exp() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rnd.ExpFloat64()
}

// queue waits until one of the workers has done the work.
func (m *model) queue(work time.Duration) {
	m.mu.Lock()
	first := 0
	for i := range m.free {
		if m.free[i].Before(m.free[first]) {
			first = i
		}
	}
	at := m.free[first]
	if now := time.Now(); at.Before(now) {
		at = now
	}
	m.free[first] = at.Add(work)
	wait := time.Until(m.free[first])
	m.mu.Unlock()
	time.Sleep(wait)
}

func (m *model) step(ctx context.Context, recs []transport.Record) []transport.Result {
	m.mu.Lock()
	m.busy++
	m.sent++
	busy := m.busy
	m.mu.Unlock()
	err := m.serve(m, busy)
	m.mu.Lock()
	m.busy-- // what it never answers it has forgotten
	m.mu.Unlock()
	if err != nil {
		if fault.From(err).Reason == "mute" { // it never answers
			return transporttest.Hang()(ctx, recs)
		}
		return transporttest.Fail(err)(ctx, recs)
	}
	m.mu.Lock()
	m.good++
	m.mu.Unlock()
	return transporttest.Accept()(ctx, recs)
}

// reset is what a cut connection leaves behind.
var reset = &fault.Error{Op: "test", Ambiguous: true}

func works(d time.Duration) error { time.Sleep(d); return nil }

// TestLimitSettlesWhereTheServerWorksBest sends without end to simulated servers, and looks at the limit and at what
// arrives once it has settled.
func TestLimitSettlesWhereTheServerWorksBest(t *testing.T) {
	t.Parallel()
	const ceiling = 16
	perSecond := func(atOnce float64, each time.Duration) float64 { return atOnce / each.Seconds() }
	for name, c := range map[string]struct {
		serve    func(m *model, busy int) error
		workers  int
		least    float64 // mean limit
		most     float64
		best     float64       // requests per second that the server can do
		share    float64       // of best, at least
		requests float64       // made for each that passes, at most
		from, to time.Duration // the time that is looked at; zero: the second minute
	}{
		"constant link": {least: 15.8, most: 16, best: perSecond(16, link), share: 0.98, requests: 1.001,
			serve: func(*model, int) error { return works(link) }},
		"link with jitter": {least: 15, most: 16, best: perSecond(16, 70*time.Millisecond), share: 0.9, requests: 1.001,
			serve: func(m *model, _ int) error {
				return works(30*time.Millisecond + time.Duration(m.exp()*float64(40*time.Millisecond)))
			}},
		"one in a hundred takes a hundred times as long": {least: 15, most: 16, best: perSecond(16, link*199/100), share: 0.9, requests: 1.001,
			serve: func(m *model, _ int) error {
				if m.float() < 0.01 {
					return works(100 * link)
				}
				return works(link)
			}},
		"four workers and a queue": {workers: 4, least: 6, most: 14, best: perSecond(4, link), share: 0.98, requests: 1.001,
			serve: func(m *model, _ int) error { m.queue(link); return nil }},
		"one worker and a queue": {workers: 1, least: 1, most: 4, best: perSecond(1, link), share: 0.95, requests: 1.001,
			serve: func(m *model, _ int) error { m.queue(link); return nil }},
		"throttles above eight at once": {least: 3, most: 9, best: perSecond(8, link), share: 0.5, requests: 1.1,
			serve: func(_ *model, busy int) error {
				if busy > 8 {
					return slower(0)
				}
				return works(link)
			}},
		"throttles above a hundred a second": {workers: 1, least: 2, most: 12, best: 100, share: 0.5, requests: 1.2,
			serve: func(m *model, _ int) error {
				m.mu.Lock()
				now := time.Now()
				if m.free[0].Before(now.Add(-100 * time.Millisecond)) {
					m.free[0] = now.Add(-100 * time.Millisecond) // ten may come at once
				}
				early := m.free[0].After(now)
				if !early {
					m.free[0] = m.free[0].Add(10 * time.Millisecond)
				}
				m.mu.Unlock()
				if early {
					return slower(0)
				}
				return works(link)
			}},
		// The requests that it never answers keep their permits until the timeout, so that it has eight at once to work on.
		"never answers those above eight at once": {least: 8, most: 16, best: perSecond(8, link), share: 0.9, requests: 1.02,
			serve: func(_ *model, busy int) error {
				if busy > 8 {
					return &fault.Error{Reason: "mute", Op: "test"}
				}
				return works(link)
			}},
		"cuts the connection of those above eight at once": {least: 3, most: 9, best: perSecond(8, link), share: 0.5, requests: 1.1,
			serve: func(_ *model, busy int) error {
				if busy > 8 {
					return reset
				}
				return works(link)
			}},
		// That is no word about its load: who is refused waits, and the others go on.
		"answers 503 above eight at once": {least: 8, most: 16, best: perSecond(8, link), share: 0.95, requests: 1.6,
			serve: func(_ *model, busy int) error {
				if busy > 8 {
					return down
				}
				return works(link)
			}},
		"answers 503 to one in twenty": {least: 15, most: 16, best: perSecond(16, link), share: 0.9, requests: 1.1,
			serve: func(m *model, _ int) error {
				time.Sleep(link)
				if m.float() < 0.05 {
					return down
				}
				return nil
			}},
		// A minute at full speed, ten minutes at a tenth, a minute at full speed: the limit is right nearly all the time.
		"ten times slower for ten minutes": {least: 14, most: 16, best: (1*16/0.05 + 10*16/0.5 + 1*16/0.05) / 12, share: 0.93, requests: 1.001, to: 13 * time.Minute,
			serve: func(m *model, _ int) error {
				if at := time.Since(m.begin); at > 2*time.Minute && at < 12*time.Minute {
					return works(10 * link)
				}
				return works(link)
			}},
		"slow, then well, then four workers and a queue": {workers: 4, least: 6, most: 14, best: perSecond(4, link), share: 0.98, requests: 1.001,
			from: 4 * time.Minute, to: 5 * time.Minute,
			serve: func(m *model, _ int) error {
				switch at := time.Since(m.begin); {
				case at > 10*time.Second && at < time.Minute:
					return works(10 * link)
				case at < 3*time.Minute:
					return works(link)
				}
				m.queue(link)
				return nil
			}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.from, c.to = max(c.from, time.Minute), max(c.to, 2*time.Minute)
				m := &model{rnd: rand.New(rand.NewPCG(1, 2)), begin: time.Now(), serve: c.serve, free: make([]time.Time, c.workers)}
				tr := &silent{step: m.step}
				seeded := rand.New(rand.NewPCG(3, 4))
				d := &transport.Deliverer{Transport: tr, Concurrency: ceiling, Timeout: 10 * time.Second,
					Backoff: backoff.Policy{Rand: func() float64 { m.mu.Lock(); defer m.mu.Unlock(); return seeded.Float64() }}}
				ctx, cancel := context.WithTimeout(t.Context(), c.to)
				defer cancel()
				var all sync.WaitGroup
				for range 2 * ceiling {
					all.Go(func() {
						for ctx.Err() == nil {
							d.Deliver(ctx, make([]transport.Record, 1))
						}
					})
				}
				time.Sleep(c.from)
				good, sent := m.counts()
				var sum, looks float64
				for ctx.Err() == nil {
					sum += float64(d.Status().Limit)
					looks++
					time.Sleep(70 * time.Millisecond)
				}
				all.Wait()
				goodNow, sentNow := m.counts()
				good, sent = goodNow-good, sentNow-sent
				rate := float64(good) / (c.to - c.from).Seconds()
				mean, tries := sum/looks, float64(sent)/float64(good)
				t.Logf("mean limit %.1f, %.0f a second of %.0f (%.0f %%), %.2f requests for one that passes", mean, rate, c.best, 100*rate/c.best, tries)
				if mean < c.least || mean > c.most {
					t.Errorf("the limit is %.1f in the mean, want %v to %v", mean, c.least, c.most)
				}
				if rate < c.share*c.best {
					t.Errorf("%.1f requests a second pass, want at least %.0f %% of %.1f", rate, 100*c.share, c.best)
				}
				if tries > c.requests {
					t.Errorf("%.3f requests for each that passes, want at most %v", tries, c.requests)
				}
			})
		})
	}
}

// A silent Transport takes the same Step for every Send and notes nothing.
type silent struct{ step transporttest.Step }

func (s *silent) Capabilities() transport.Capabilities { return transport.Capabilities{MaxRecords: 1} }
func (s *silent) Size(transport.Record) int            { return 1 }
func (s *silent) Close() error                         { return nil }
func (s *silent) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	return s.step(ctx, recs)
}
