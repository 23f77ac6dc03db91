package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/fault"
	"sluice/transport"
)

// Send publishes all records and waits for their acknowledgements. A record that NATS would refuse or alter is rejected
// without being sent. What was published and not acknowledged when ctx ends or the connection breaks may have been
// accepted.
func (t *Transport) Send(ctx context.Context, recs []transport.Record) []transport.Result {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	results := make([]transport.Result, len(recs))
	messages := make([]*nats.Msg, len(recs)) // nil: rejected
	some := false
	for i, r := range recs {
		messages[i], results[i].Err = t.message(r)
		some = some || messages[i] != nil
	}
	if !some {
		return results
	}
	l, err := t.connected(ctx)
	if err != nil {
		for i, m := range messages {
			if m != nil {
				results[i].Err = err
			}
		}
		return results
	}
	bell := l.listen(&l.sends)
	for i, f := range t.publish(ctx, l, messages, results) {
		if f != nil {
			results[i] = t.settle(ctx, l, bell, f)
		}
	}
	return results
}

// publish sends the messages and returns what will be acknowledged. After one that cannot go none is sent, so that none
// overtakes it; but one that is too large is a fault of its own.
func (t *Transport) publish(ctx context.Context, l *link, messages []*nats.Msg, results []transport.Result) []api.PubAckFuture {
	futures := make([]api.PubAckFuture, len(messages))
	unstick := context.AfterFunc(ctx, t.wire.Release)
	defer unstick()
	var broken error
	for i, m := range messages {
		if m == nil {
			continue
		}
		if broken == nil && ctx.Err() != nil {
			broken = ended(ctx, opPublish)
		}
		if broken != nil {
			results[i].Err = broken
			continue
		}
		f, err := l.js.PublishMsgAsync(m, api.WithRetryAttempts(0), api.WithStallWait(time.Millisecond))
		if err == nil {
			futures[i] = f
			continue
		}
		e := classifyPublish(err, l.nc.LastError())
		results[i].Err = e
		if e.Class == fault.Rejected {
			continue
		}
		rest := *e
		rest.Ambiguous = false // those were never sent
		broken = &rest
	}
	return futures
}

// settle waits for one acknowledgement. An answer that is here counts, whatever else has happened.
func (t *Transport) settle(ctx context.Context, l *link, bell context.Context, f api.PubAckFuture) transport.Result {
	select {
	case ack := <-f.Ok():
		return t.accept(ack)
	case err := <-f.Err():
		return transport.Result{Err: t.classifyAck(l, err)}
	default:
	}
	select {
	case ack := <-f.Ok():
		return t.accept(ack)
	case err := <-f.Err():
		return transport.Result{Err: t.classifyAck(l, err)}
	case <-bell.Done():
		return transport.Result{Err: context.Cause(bell)}
	case <-ctx.Done():
		e := ended(ctx, opPublish)
		e.Ambiguous = true
		return transport.Result{Err: e}
	}
}

// accept is the result of a record that the stream holds, be it since an earlier attempt.
func (t *Transport) accept(ack *api.PubAck) transport.Result {
	t.accepted.Store(time.Now().UnixNano())
	return transport.Result{Receipt: fmt.Sprintf("%s:%d", ack.Stream, ack.Sequence)}
}

// disconnected reports whether err says that the connection was lost.
func disconnected(err error) bool {
	return errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, api.ErrConnectionClosed) ||
		errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrConnectionReconnecting)
}
