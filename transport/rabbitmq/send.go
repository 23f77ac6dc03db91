package rabbitmq

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/transport"
)

// A letter is a record that was published.
type letter struct {
	index   int // of the record
	copy    string
	confirm *amqp.DeferredConfirmation
}

// Send publishes all records on one channel and waits for their confirms. A record that RabbitMQ would refuse is rejected
// without being sent. What was published and not confirmed when ctx ends or the connection breaks may have been accepted.
func (t *Transport) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	results := make([]transport.Result, len(recs))
	l, c, err := t.ready(ctx)
	if err != nil {
		for i, r := range recs {
			if _, results[i].Err = t.message(r, ""); results[i].Err == nil { // what is rejected is so without a broker
				results[i].Err = err
			}
		}
		return results
	}
	letters := t.publish(ctx, l, c, recs, results)
	confirmed := true
	for _, p := range letters {
		select {
		case <-p.confirm.Done():
		case <-ctx.Done():
			confirmed = confirmed && p.isConfirmed()
		}
	}
	t.settle(ctx, l, c, letters, results)
	if confirmed {
		l.put(c)
	} else {
		t.background.Go(func() { _ = c.Close() }) // ends with the connection at the latest
	}
	return results
}

// ready returns a connection that takes messages, and a channel.
func (t *Transport) ready(ctx context.Context) (*line, *channel, error) {
	if ctx.Err() != nil {
		return nil, nil, ended(ctx, opPublish)
	}
	l, err := t.connected(ctx)
	if err != nil {
		return nil, nil, err
	}
	if l.blocked.Load() {
		return nil, nil, &fault.Error{Class: alarmed.class, Reason: alarmed.reason, Op: opPublish,
			Err: errors.New("the broker takes no messages for now; " + alarmed.todo)}
	}
	c, err := t.channel(ctx, l)
	return l, c, err
}

// publish sends the records and returns what will be confirmed. After one that cannot go none is sent, so that none
// overtakes it.
func (t *Transport) publish(ctx context.Context, l *line, c *channel, recs []transport.Record, results []transport.Result) []letter {
	letters := make([]letter, 0, len(recs))
	unstick := context.AfterFunc(ctx, t.wire.Release)
	defer unstick()
	var broken error
	for i, r := range recs {
		p := letter{index: i, copy: l.copyName()}
		m, err := t.message(r, p.copy)
		switch {
		case err != nil:
			results[i].Err = err
			continue
		case broken == nil && ctx.Err() != nil:
			broken = ended(ctx, opPublish)
		}
		if broken != nil {
			results[i].Err = broken
			continue
		}
		if p.confirm, err = c.PublishWithDeferredConfirm(t.cfg.Exchange, t.cfg.route(), true, false, m); err == nil {
			letters = append(letters, p)
			continue
		}
		results[i].Err, broken = t.cutOff(c, err)
	}
	return letters
}

// cutOff is the verdict on a record that could not be written to the channel, and on those after it.
func (t *Transport) cutOff(c *channel, err error) (first, rest *fault.Error) {
	rest = t.lost(c, err)
	rest.Whole = rest.Class == fault.Rejected // I4: that is about one that went before
	half := *rest
	half.Ambiguous = !errors.Is(err, amqp.ErrClosed) // else a part of it may be on its way, the last one too
	return &half, rest
}

func (p letter) isConfirmed() bool {
	select {
	case <-p.confirm.Done():
		return true
	default:
		return false
	}
}

// settle gives each published record its result. The order of looking counts. A message that leads nowhere is returned
// before it is confirmed; and when a channel is closed, what is outstanding is called not acknowledged only after that.
func (t *Transport) settle(ctx context.Context, l *line, c *channel, letters []letter, results []transport.Result) {
	done := make([]bool, len(letters))
	left := 0 // not acknowledged
	for i, p := range letters {
		if done[i] = p.isConfirmed(); !p.confirm.Acked() {
			left++
		}
	}
	returned := c.returned()
	var gone *fault.Error
	if c.IsClosed() {
		gone = t.lost(c, amqp.ErrClosed)
	}
	for i, p := range letters {
		res := &results[p.index]
		back, isBack := returned[p.copy]
		switch {
		case isBack:
			res.Err = t.unroutable(back)
		case done[i] && p.confirm.Acked():
			res.Receipt = p.copy
		case gone != nil:
			res.Err = outstanding(gone, left, len(letters))
		case done[i]:
			res.Err = &fault.Error{Class: nacked.class, Reason: nacked.reason, Op: opPublish, Err: errors.New("the broker could not store the message; " + nacked.todo)}
		default:
			e := ended(ctx, opPublish)
			e.Ambiguous = true
			if l.blocked.Load() {
				e.Class, e.Reason = alarmed.class, alarmed.reason
			}
			res.Err = e
		}
	}
}

// outstanding is the verdict on one of left messages that were not confirmed when the channel was closed.
func outstanding(gone *fault.Error, left, all int) *fault.Error {
	e := *gone
	refused := e.Class == fault.Rejected || e.Class == fault.Blocked
	e.Ambiguous = !refused || left > 1             // where there is but one, it is the one that was refused
	e.Whole = e.Class == fault.Rejected && all > 1 // I4: the broker does not say which it means
	return &e
}

// returned takes the messages that came back, by the name of the copy.
func (c *channel) returned() map[string]amqp.Return {
	back := map[string]amqp.Return{}
	for {
		select {
		case r, ok := <-c.returns:
			if !ok {
				return back
			}
			back[r.CorrelationId] = r
		default:
			return back
		}
	}
}
