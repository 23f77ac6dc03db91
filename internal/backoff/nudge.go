package backoff

import "sync"

// A Nudge ends the waits of all who listen: something may have been mended, so that the next try is worth making now. The
// zero Nudge is ready for use.
type Nudge struct {
	mu   sync.Mutex
	next chan struct{}
}

// Next returns what the next call of All closes. Whoever tries something asks for it before the try: a nudge that comes
// while the try fails must not be missed.
func (n *Nudge) Next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = make(chan struct{})
	}
	return n.next
}

// All nudges everybody who has asked for Next.
func (n *Nudge) All() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}
