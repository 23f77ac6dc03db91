package sqs

import (
	"time"
)

// SQS: about 120,000 messages of a standard queue can be in flight before ReceiveMessage answers OverLimit; of a FIFO
// queue as many, and then it just gives nothing.
const maxInflight = 120_000

// A queue is the messages under one name. All of it is guarded by the Engine's lock.
type queue struct {
	name, arn string
	uid       uint64 // tells handles of a deleted queue from those of its namesake
	settings  settings
	tags      map[string]string
	created   int64
	modified  int64
	purged    int64 // when it was last purged; 0: never

	groups   map[string]*group
	turns    ring
	waiting  timeHeap            // delayed and in flight, by when they become visible
	ages     timeHeap            // all messages, by when they were sent
	received map[uint64]*message // by serial: those that a handle may name
	ready    int
	delayed  int
	inflight int

	batches   int   // in flight; counted if the Engine admits only so many
	firstTake int64 // when the first receive found something, if batches are counted

	dedup    dedupTable
	attempts attemptTable
	polls    []*poll
	timer    *time.Timer // wakes polls when a message becomes visible
}

func newQueue(name, arn string, uid uint64, s settings, now int64) *queue {
	return &queue{
		name: name, arn: arn, uid: uid, settings: s, tags: map[string]string{}, created: now, modified: now,
		groups: map[string]*group{}, waiting: waitingHeap(), ages: ageHeap(), received: map[uint64]*message{},
	}
}

// available reports whether a receive would get a message.
func (q *queue) available() bool { return q.turns.head != nil && q.inflight < maxInflight }

// insert puts m into q, hidden until due if that is after now, and gives it its place in the order. The caller has set
// what the producer gave, and sent.
func (e *Engine) insert(q *queue, m *message, due, now int64) {
	e.serial++
	m.serial = e.serial
	m.receivesHere = 0
	g := q.groups[m.groupID]
	if g == nil {
		g = &group{id: m.groupID}
		q.groups[m.groupID] = g
	}
	m.group = g
	g.members++
	q.ages.push(m)
	e.bytes += m.cost()
	g.due = max(g.due, due)
	if due > now {
		m.state, m.due = delayed, due
		q.delayed++
		q.waiting.push(m)
		return
	}
	q.show(m)
}

// show makes m, which is in no list, visible.
func (q *queue) show(m *message) {
	m.group.insert(m)
	q.ready++
	q.offer(m.group)
}

// offer gives g a turn if it has something to give.
func (q *queue) offer(g *group) {
	if g.head != nil && (!q.settings.fifo || g.inflight == 0) {
		q.turns.add(g)
	}
}

// detach takes m out of the list or heap of its state. It stays a member of q in state gone, for the caller to place.
func (q *queue) detach(m *message) {
	g := m.group
	switch m.state {
	case ready:
		g.unlink(m)
		q.ready--
		if g.head == nil {
			q.turns.drop(g)
		}
	case delayed:
		q.waiting.remove(m)
		q.delayed--
	case inflight:
		q.waiting.remove(m)
		q.inflight--
		g.inflight--
		q.dismissed(m)
		q.offer(g) // I.e. unlocked, if that was the last of a FIFO group.
	}
	m.state = gone
}

// remove takes m out of q for good.
func (e *Engine) remove(q *queue, m *message) {
	q.detach(m)
	q.ages.remove(m)
	delete(q.received, m.serial)
	e.bytes -= m.cost()
	g := m.group
	m.group = nil
	if g.members--; g.members == 0 {
		q.turns.drop(g)
		delete(q.groups, g.id)
	}
}

// hide puts m in flight until due. m is in no list.
func (q *queue) hide(m *message, due int64) {
	m.state, m.due = inflight, due
	q.inflight++
	m.group.inflight++
	q.waiting.push(m)
	if q.settings.fifo {
		q.turns.drop(m.group)
	}
}

// settle brings q up to now: what is too old goes, what is due becomes visible, what is remembered for a time is forgotten.
func (e *Engine) settle(q *queue, now int64) {
	for m := q.ages.top(); m != nil && m.sent+q.settings.retention <= now; m = q.ages.top() {
		e.remove(q, m)
	}
	for m := q.waiting.top(); m != nil && m.due <= now; m = q.waiting.top() {
		isNew := m.state == delayed
		q.detach(m)
		if isNew && e.options.Arrive != nil && !q.settings.fifo {
			e.overtaken(q, m)
		}
		q.show(m)
	}
	e.bytes -= q.dedup.forget(now)
	q.attempts.forget(now)
}

// overtaken gives m, which nobody has received yet, a place behind those that a model has let become visible before it.
func (e *Engine) overtaken(q *queue, m *message) {
	e.serial++
	m.serial = e.serial
	q.ages.fix(m)
}

// empty removes all messages of q.
func (e *Engine) empty(q *queue) {
	for m := q.ages.top(); m != nil; m = q.ages.top() {
		e.remove(q, m)
	}
}
