package sqs

import "crypto/md5"

// An EffectKind is what a scripted fault makes of a call.
type EffectKind uint8

// The kinds of effects.
const (
	NoEffect    EffectKind = iota
	FailEntries            // the entries of a batch fail with the effect's code; the others are carried out
	Drop                   // answered as if it were done
	Twice                  // a send: stored a second time with the same id; a receive: there again, as if never deleted
	Alter                  // a bit of the body changes, and the digests say that all is well
	WrongDigest            // the digest of the body in the answer is wrong
	Omit                   // a batch's entries are done and missing from the answer
	Ignore                 // a batch's entries are not done and missing from the answer
	Repeat                 // a batch's entries are in the answer twice
	Rename                 // a batch's entries are in the answer under ids that nobody has sent
)

// An Effect is what a scripted fault makes of one call. The zero Effect changes nothing.
type Effect struct {
	Kind  EffectKind
	Picks func(i, n int) bool // whether entry i of n is meant, counted from 0; nil: all are

	Code, Message string // FailEntries
	SenderFault   *bool  // FailEntries; nil: as the code's table says
	Change        func(body string) string
}

// on reports whether f is of kind k and means entry i of n.
func (f *Effect) on(k EffectKind, i, n int) bool {
	return f.Kind == k && (f.Picks == nil || f.Picks(i, n))
}

// failure is the error of an entry that f makes fail.
func (f *Effect) failure() error {
	e := named(f.Code, f.Message, 0)
	if f.SenderFault != nil {
		e.status = 400
		if !*f.SenderFault {
			e.status = 500
		}
	}
	return e
}

// store puts a checked message, entry i of n, into q, unless the call's effect is another.
func (e *Engine) store(q *queue, m *checked, now int64, f *Effect, i, n int) {
	if f.on(Drop, i, n) {
		e.serial++ // a FIFO queue's answer has a number of its own
		m.serial = e.serial
		if q.settings.fifo {
			m.answer.SequenceNumber = m.sequence()
		}
		return
	}
	stored := e.put(q, m, now)
	if f.on(WrongDigest, i, n) {
		m.answer.MD5OfMessageBody = hexDigest(wrongDigest(m.digest))
	}
	if !stored {
		return
	}
	if f.on(Alter, i, n) {
		m.alter(f.Change)
	}
	if f.on(Twice, i, n) {
		e.again(q, m.message, m.due, now)
	}
}

// alter changes the body of m, which keeps its length, and its digest with it.
func (m *message) alter(change func(string) string) {
	m.body = change(m.body)
	m.digest = md5.Sum([]byte(m.body))
}

// wrongDigest is a digest of something else.
func wrongDigest(digest [16]byte) [16]byte {
	digest[0] ^= 1
	return digest
}

// again stores a copy of m in q, visible from due on. It has m's id and m's count of receives, and is received and deleted
// by itself.
func (e *Engine) again(q *queue, m *message, due, now int64) {
	twin := &message{
		body: m.body, attributes: m.attributes, trace: m.trace, sender: m.sender, groupID: m.groupID, dedupID: m.dedupID,
		origin: m.origin, id: m.id, digest: m.digest, size: m.size,
		sent: m.sent, firstReceived: m.firstReceived, receives: m.receives,
	}
	e.insert(q, twin, due, now)
}

// affectReceived applies the call's effect to what a receive is about to hand over.
func (e *Engine) affectReceived(url string, f *Effect, got []delivery) error {
	n := len(got)
	for i := range got {
		if f.on(Alter, i, n) {
			got[i].alter(f.Change)
		}
		if f.on(WrongDigest, i, n) {
			got[i].digest = wrongDigest(got[i].digest)
		}
	}
	if f.Kind != Twice || n == 0 {
		return nil
	}
	return e.within(url, func(q *queue, now int64) error {
		for i := range got {
			if f.on(Twice, i, n) {
				e.again(q, &got[i].message, now, now)
			}
		}
		return nil
	})
}

// affectReply applies Omit, Repeat and Rename to the entries of a batch's answer that succeeded. id is where an entry has its.
func affectReply[T any](f *Effect, entries []T, id func(*T) *string) []T {
	out := make([]T, 0, len(entries))
	for i, entry := range entries {
		if f.on(Omit, i, len(entries)) {
			continue
		}
		if f.on(Rename, i, len(entries)) {
			*id(&entry) += "-unknown"
		}
		out = append(out, entry)
		if f.on(Repeat, i, len(entries)) {
			out = append(out, entry)
		}
	}
	return out
}
