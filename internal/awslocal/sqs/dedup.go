package sqs

import "time"

const (
	dedupWindow   = int64(5 * time.Minute) // SQS: from the first accepted send; a duplicate does not extend it
	dedupOverhead = 160                    // bytes a record costs beside its key, roughly
)

// A dedupRecord is what a FIFO queue answers to a repeated deduplication id.
type dedupRecord struct {
	id       [16]byte
	sequence string
}

// A dedupTable remembers the deduplication ids of the last five minutes, whatever has become of their messages.
type dedupTable struct {
	records map[string]dedupRecord
	order   expiring[string]
}

// find returns the first message sent under key, if the window is still open.
func (t *dedupTable) find(key string) (dedupRecord, bool) {
	r, ok := t.records[key]
	return r, ok
}

// add opens a window for key and returns the bytes it costs.
func (t *dedupTable) add(key string, r dedupRecord, now int64) int64 {
	if t.records == nil {
		t.records = map[string]dedupRecord{}
	}
	t.records[key] = r
	t.order.push(key, now+dedupWindow)
	return dedupCost(key)
}

// forget closes the windows that have ended and returns the bytes that are free again.
func (t *dedupTable) forget(now int64) (freed int64) {
	for key, ok := t.order.pop(now); ok; key, ok = t.order.pop(now) {
		delete(t.records, key)
		freed += dedupCost(key)
	}
	return freed
}

// cost is what the whole table takes of the Engine's byte limit.
func (t *dedupTable) cost() (n int64) {
	for key := range t.records {
		n += dedupCost(key)
	}
	return n
}

func dedupCost(key string) int64 { return int64(len(key)) + dedupOverhead }

// key is what makes two messages of q duplicates: the id, and the group where DeduplicationScope says so.
func (q *queue) dedupKey(groupID, dedupID string) string {
	if q.settings.scope == scopeGroup {
		return groupID + "\x00" + dedupID // NUL is in neither
	}
	return dedupID
}

// An expiring is a line of values, each with a time after which it leaves. Times are pushed in order.
type expiring[T any] struct {
	items []expiry[T]
	first int
}

type expiry[T any] struct {
	value T
	at    int64
}

func (x *expiring[T]) push(value T, at int64) { x.items = append(x.items, expiry[T]{value, at}) }

// pop takes out the first value if its time has come.
func (x *expiring[T]) pop(now int64) (value T, ok bool) {
	if x.first == len(x.items) || x.items[x.first].at > now {
		return value, false
	}
	value = x.items[x.first].value
	x.items[x.first] = expiry[T]{}
	x.first++
	if x.first >= 1024 && x.first*2 >= len(x.items) {
		x.items = append(x.items[:0:0], x.items[x.first:]...)
		x.first = 0
	}
	return value, true
}
