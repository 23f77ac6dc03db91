package sqs

// A group is the messages of a queue with one MessageGroupId; those without one are the group "". In a FIFO queue it is
// the unit of order and is locked while one of its messages is in flight. In a standard queue it is a tenant: groups take
// turns in a receive, so that a long backlog of one does not hold up the others.
type group struct {
	id         string
	head, tail *message // ready messages in order of arrival
	members    int      // messages in any state
	due        int64    // when the last of them that has arrived becomes visible for the first time
	inflight   int

	listed     bool // in the queue's ring
	prev, next *group
}

// insert puts a ready message at its place in the order of arrival. New messages go to the end at once; a returned one
// passes only over others that were returned.
func (g *group) insert(m *message) {
	m.state = ready
	if g.tail == nil || g.tail.serial < m.serial {
		m.prev, m.next = g.tail, nil
		if g.tail == nil {
			g.head = m
		} else {
			g.tail.next = m
		}
		g.tail = m
		return
	}
	at := g.head
	for at.serial < m.serial {
		at = at.next
	}
	m.prev, m.next = at.prev, at
	if at.prev == nil {
		g.head = m
	} else {
		at.prev.next = m
	}
	at.prev = m
}

// unlink takes a ready message out of the list.
func (g *group) unlink(m *message) {
	if m.prev == nil {
		g.head = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		g.tail = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.prev, m.next = nil, nil
}

// A ring is the groups that have something to give, in the order of their turns.
type ring struct{ head, tail *group }

// add gives g a turn after all others, unless it has one.
func (r *ring) add(g *group) {
	if g.listed {
		return
	}
	g.listed = true
	g.prev, g.next = r.tail, nil
	if r.tail == nil {
		r.head = g
	} else {
		r.tail.next = g
	}
	r.tail = g
}

// drop takes g's turn away, if it has one.
func (r *ring) drop(g *group) {
	if !g.listed {
		return
	}
	g.listed = false
	if g.prev == nil {
		r.head = g.next
	} else {
		g.prev.next = g.next
	}
	if g.next == nil {
		r.tail = g.prev
	} else {
		g.next.prev = g.prev
	}
	g.prev, g.next = nil, nil
}
