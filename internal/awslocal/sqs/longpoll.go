package sqs

import (
	"context"
	"slices"
	"time"
)

// A poll is a receive that waits for a message. It is answered under the lock, by whoever makes a message visible.
type poll struct {
	request
	answer chan []delivery // room for one
}

// wait receives from the queue, for up to wait if there is nothing yet. It ends early with nothing when ctx ends, when the
// queue is deleted or when the Engine is closed.
func (e *Engine) wait(ctx context.Context, url string, r func(q *queue) (request, time.Duration)) ([]delivery, error) {
	var (
		out []delivery
		p   *poll
		on  *queue
		d   time.Duration
	)
	err := e.within(url, func(q *queue, now int64) error {
		if !q.settings.fifo && q.inflight >= maxInflight {
			return errOverLimit("Too many messages in flight for this queue.")
		}
		var req request
		req, d = r(q)
		if out = e.receive(q, req, now); len(out) == 0 && d > 0 && !e.closed {
			p, on = &poll{request: req, answer: make(chan []delivery, 1)}, q
			q.polls = append(q.polls, p)
		}
		return nil
	})
	if err != nil || p == nil {
		return out, err
	}
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case out = <-p.answer:
		return out, nil
	case <-timeout.C:
	case <-ctx.Done():
	case <-e.done:
	}
	return e.leave(on, p), nil
}

// leave ends a poll. What it was given in the meantime is not lost.
func (e *Engine) leave(q *queue, p *poll) []delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	q.polls = slices.DeleteFunc(q.polls, func(other *poll) bool { return other == p })
	q.arm(e)
	select {
	case out := <-p.answer:
		return out
	default:
		return nil
	}
}

// touch notes that polls on q may find something now; flush looks.
func (e *Engine) touch(q *queue) { e.touched = append(e.touched, q) }

// flush answers polls, first come first served, as long as there are messages. Serving one queue may move messages into
// another; that one is then served too.
func (e *Engine) flush(now int64) {
	for len(e.touched) > 0 {
		q := e.touched[len(e.touched)-1]
		e.touched = e.touched[:len(e.touched)-1]
		for len(q.polls) > 0 && q.available() {
			out := e.receive(q, q.polls[0].request, now)
			if len(out) == 0 {
				break
			}
			q.polls[0].answer <- out
			q.polls = slices.Delete(q.polls, 0, 1)
		}
		q.arm(e)
	}
}

// arm sets the timer for the next message that becomes visible while polls wait, and stops it otherwise.
func (q *queue) arm(e *Engine) {
	next, now := q.waiting.top(), e.now()
	waits := q.available() && e.full(q, now)
	if len(q.polls) == 0 || next == nil && !waits || e.closed {
		q.stopTimer()
		return
	}
	d := rampStep
	if next != nil && (!waits || time.Duration(next.due-now) < d) {
		d = max(time.Duration(next.due-now), time.Millisecond) // A clock that stands still must not make the timer spin.
	}
	if q.timer != nil {
		q.timer.Reset(d)
		return
	}
	q.timer = time.AfterFunc(d, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		now := e.now()
		e.settle(q, now)
		e.touch(q)
		e.flush(now)
	})
}

func (q *queue) stopTimer() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

// dismiss answers all polls of a queue that is being deleted.
func (q *queue) dismiss() {
	for _, p := range q.polls {
		p.answer <- nil
	}
	q.polls = nil
	q.stopTimer()
}
