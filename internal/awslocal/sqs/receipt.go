package sqs

import (
	"encoding/base64"
	"encoding/binary"
	"hash/maphash"
	"strings"
)

// handlePrefix is how SQS's own handles begin, for the eye.
const handlePrefix = "AQEB"

// A receipt is what a receipt handle says: which receive of which message of which queue.
type receipt struct {
	queue, message uint64
	number         uint32
}

// handle writes r in a form that only this Engine can have made.
func (e *Engine) handle(r receipt) string {
	var b [28]byte
	binary.BigEndian.PutUint64(b[0:], r.queue)
	binary.BigEndian.PutUint64(b[8:], r.message)
	binary.BigEndian.PutUint32(b[16:], r.number)
	binary.BigEndian.PutUint64(b[20:], maphash.Bytes(e.seed, b[:20]))
	return handlePrefix + base64.StdEncoding.EncodeToString(b[:])
}

// receipt reads a handle of q. A handle that this Engine did not make, or made for another queue, is invalid.
func (e *Engine) receipt(q *queue, handle string) (receipt, error) {
	if handle == "" {
		return receipt{}, errMissingParameter("ReceiptHandle")
	}
	text, ok := strings.CutPrefix(handle, handlePrefix)
	b, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) != 28 || binary.BigEndian.Uint64(b[20:]) != maphash.Bytes(e.seed, b[:20]) {
		return receipt{}, errReceiptHandle(handle)
	}
	r := receipt{queue: binary.BigEndian.Uint64(b), message: binary.BigEndian.Uint64(b[8:]), number: binary.BigEndian.Uint32(b[16:])}
	if r.queue != q.uid {
		return receipt{}, errReceiptHandle(handle)
	}
	return r, nil
}
