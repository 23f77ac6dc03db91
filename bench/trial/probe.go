package trial

import (
	"context"
	"time"

	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/workload"
)

// A Probe sends phases that are decided one by one, through one sender and one consumer. Its records are counted and not
// audited. Not safe for concurrent use.
type Probe struct {
	t    *trial
	stop func() error
}

// Probe starts one. Close it.
func (r *Runner) Probe(ctx context.Context, far *FarEnd, number int) (*Probe, error) {
	t := &trial{Runner: r, far: far, number: number, begun: r.Clock.Now()}
	var err error
	if t.sender, err = r.Sender(ctx, far, number); err != nil {
		return nil, err
	}
	stop, err := t.consume(ctx)
	if err != nil {
		t.sender.Close()
		return nil, err
	}
	return &Probe{t, stop}, nil
}

// Open offers rate records a second for length, independent of each other.
func (p *Probe) Open(ctx context.Context, rate float64, length time.Duration) (result.Phase, error) {
	due := workload.Poisson(p.t.Workload.Seed, p.t.next, rate, length)
	return p.send(ctx, measured{name: "search", kind: "open", length: length, calm: true, sent: load.Phase{Due: due}})
}

// Closed keeps n deliveries under way for length.
func (p *Probe) Closed(ctx context.Context, n int, length time.Duration) (result.Phase, error) {
	return p.send(ctx, measured{name: "search", kind: "closed", concurrency: n, length: length,
		sent: load.Phase{Concurrency: n, For: length, Most: maxClosed, MaxRate: p.t.Workload.Budget.MaxRPS}})
}

func (p *Probe) send(ctx context.Context, m measured) (result.Phase, error) {
	batching := p.t.batching()
	m.sent.MaxRecords, m.sent.Patience = batching.MaxRecords, p.t.Patience
	if m.kind == "open" {
		m.sent.Linger = batching.Linger
	}
	if err := p.t.phase(ctx, m, true); err != nil {
		return result.Phase{}, err
	}
	receipts, _ := p.t.receipts()
	first := firstOf(p.t.ends(receipts))
	last := &p.t.phases[len(p.t.phases)-1]
	last.see(first)
	return last.result()
}

// Close ends sender and consumer, once nothing is left at the far end.
func (p *Probe) Close(ctx context.Context) error {
	defer p.t.sender.Close()
	err := p.t.leftOver(ctx)
	if stopped := p.stop(); err == nil {
		err = stopped
	}
	return err
}
