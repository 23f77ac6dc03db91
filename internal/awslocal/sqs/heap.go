package sqs

// A timeHeap keeps messages with the one whose time comes first on top; of equal times, the one that arrived first. Each
// message knows its place, so that any can be taken out in logarithmic time. Pushing in order of time costs a constant.
type timeHeap struct {
	items []*message
	at    func(*message) int64
	index func(*message) *int
}

// waitingHeap orders messages by when they become visible.
func waitingHeap() timeHeap {
	return timeHeap{at: func(m *message) int64 { return m.due }, index: func(m *message) *int { return &m.waitingIndex }}
}

// ageHeap orders messages by when they were sent.
func ageHeap() timeHeap {
	return timeHeap{at: func(m *message) int64 { return m.sent }, index: func(m *message) *int { return &m.ageIndex }}
}

// top is the message whose time comes first, or nil.
func (h *timeHeap) top() *message {
	if len(h.items) == 0 {
		return nil
	}
	return h.items[0]
}

func (h *timeHeap) push(m *message) {
	h.items = append(h.items, m)
	h.up(len(h.items) - 1)
}

// remove takes out m, which must be in h.
func (h *timeHeap) remove(m *message) {
	i, last := *h.index(m), len(h.items)-1
	moved := h.items[last]
	h.items[last] = nil
	h.items = h.items[:last]
	if i == last {
		return
	}
	h.items[i] = moved
	*h.index(moved) = i
	h.fix(moved)
}

// fix puts m back in order after its time has changed.
func (h *timeHeap) fix(m *message) {
	i := *h.index(m)
	h.up(i)
	if *h.index(m) == i {
		h.down(i)
	}
}

func (h *timeHeap) less(a, b *message) bool {
	if at, bt := h.at(a), h.at(b); at != bt {
		return at < bt
	}
	return a.serial < b.serial
}

func (h *timeHeap) up(i int) {
	m := h.items[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(m, h.items[parent]) {
			break
		}
		h.set(i, h.items[parent])
		i = parent
	}
	h.set(i, m)
}

func (h *timeHeap) down(i int) {
	m := h.items[i]
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			break
		}
		if child+1 < len(h.items) && h.less(h.items[child+1], h.items[child]) {
			child++
		}
		if !h.less(h.items[child], m) {
			break
		}
		h.set(i, h.items[child])
		i = child
	}
	h.set(i, m)
}

func (h *timeHeap) set(i int, m *message) {
	h.items[i] = m
	*h.index(m) = i
}
