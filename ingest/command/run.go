package command

import (
	"context"
	"errors"
	"io"
	"time"

	"sluice/ingest/format"
)

// An event is what a run tells: an item, a mark, or its end.
type event struct {
	item  []byte
	bad   error // why item is none
	line  int64 // of the output
	mark  string
	ended bool
	err   error // with ended: why it counts for nothing; nil: it is whole
}

// A run is one run of the program, and how far it was followed.
type run struct {
	cfg    Config
	proc   *process
	events chan event
	quit   chan struct{} // closed when nobody wants events any more
	done   chan struct{} // closed when nothing of it is left

	start string // the mark that it was started with
	mark  string // the last one
	again int
	whole chain  // the items since its start
	since *chain // the items since mark; nil: those of whole

	idle  *time.Timer   // nil: no limit
	spent time.Duration // in Reads
}

// begin starts a run behind the mark of at.
func begin(cfg Config, at position) (*run, error) {
	proc, err := launch(cfg, at.Mark)
	if err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, proc: proc, events: make(chan event), quit: make(chan struct{}), done: make(chan struct{}), start: at.Mark, mark: at.Mark, again: at.Again}
	if cfg.IdleTimeout > 0 {
		r.idle = time.NewTimer(cfg.IdleTimeout)
	}
	go r.decode()
	return r, nil
}

// decode turns the output into events, and ends with the process.
func (r *run) decode() {
	defer close(r.done)
	err := r.cut()
	if err != nil {
		r.proc.stop()
	}
	state := r.proc.finish()
	if err == nil && !state.Success() {
		err = failed(r.cfg, state, r.proc.stderr.said())
	}
	r.send(event{ended: true, err: err})
}

// cut sends an event for each item and mark. It returns nil at the end of the output, and what is wrong with output that cannot be used.
func (r *run) cut() error {
	items, err := format.NewDecoder(r.proc, r.cfg.options())
	if err != nil {
		return unreadable(r.cfg, 0, err)
	}
	read := r.reader()
	for {
		item, err := items.Next()
		var broken *format.Error
		switch {
		case errors.As(err, &broken), errors.Is(err, io.ErrUnexpectedEOF):
			return unreadable(r.cfg, item.Line, err)
		case err != nil:
			return nil // it has ended, and how is seen by its exit code
		}
		m, err := read(item)
		if err != nil {
			return unreadable(r.cfg, item.Line, err)
		}
		if m.item == nil && m.mark == "" {
			continue
		}
		if !r.send(event{item: m.item, bad: item.Bad, line: item.Line, mark: m.mark}) {
			return nil
		}
	}
}

// reader returns the function that understands what Format says.
func (r *run) reader() func(format.Item) (message, error) {
	switch r.cfg.Format {
	case formatSinger:
		t := &tap{stream: r.cfg.Stream, note: r.cfg.Note}
		return func(item format.Item) (message, error) {
			if item.Bad != nil {
				return t.cut(item)
			}
			return t.read(item.Data)
		}
	case formatNDJSON:
		return func(item format.Item) (message, error) { return plain(item.Data) }
	}
	return func(item format.Item) (message, error) { return message{item: item.Data}, nil }
}

// stop ends the run, without waiting for its end. It is called once.
func (r *run) stop() {
	close(r.quit)
	r.proc.stop()
}

// send hands an event over; false says that nobody wants it any more.
func (r *run) send(e event) bool {
	select {
	case r.events <- e:
		return true
	case <-r.quit:
		return false
	}
}

// errLingered ends a receive that has waited long enough.
var errLingered = errors.New("lingered")

// receive returns the next event. linger and limit may be nil.
func (r *run) receive(ctx context.Context, linger, limit <-chan time.Time) (event, error) {
	var silence <-chan time.Time
	if r.idle != nil {
		r.idle.Reset(r.cfg.IdleTimeout)
		silence = r.idle.C
	}
	select {
	case e := <-r.events:
		return e, nil
	case <-ctx.Done():
		return event{}, context.Cause(ctx)
	case <-linger:
		return event{}, errLingered
	case <-silence:
		return event{}, overdue(r.cfg, "it has printed nothing for "+r.cfg.IdleTimeout.String()+" (SLUICE_COMMAND_IDLE_TIMEOUT)")
	case <-limit:
		return event{}, overdue(r.cfg, "it runs for longer than "+r.cfg.Timeout.String()+" (SLUICE_COMMAND_TIMEOUT)")
	}
}

// limited calls read with a channel that tells when the run has used up its Timeout, which runs only within Reads: a
// program that waits for its records to be delivered does nothing wrong.
func (r *run) limited(read func(limit <-chan time.Time) error) error {
	if r.cfg.Timeout == 0 {
		return read(nil)
	}
	begun := time.Now()
	timer := time.NewTimer(max(0, r.cfg.Timeout-r.spent))
	defer timer.Stop()
	err := read(timer.C)
	r.spent += time.Since(begun)
	return err
}

// follow counts an item or a mark.
func (r *run) follow(e event) {
	if e.mark == "" {
		r.whole.add(e.item)
		if r.since != nil {
			r.since.add(e.item)
		}
		return
	}
	switch e.mark {
	case r.mark: // it says nothing new
	case r.start:
		r.mark, r.since = e.mark, nil
	default:
		r.mark, r.since, r.again = e.mark, new(chain), 0
	}
}

// position is the place behind what was followed.
func (r *run) position() position {
	c := r.since
	if c == nil {
		c = &r.whole
	}
	return position{Mark: r.mark, Items: c.n, Sums: c.all(), Again: r.again}
}
