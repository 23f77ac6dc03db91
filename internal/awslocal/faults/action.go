package faults

import "slices"

// An Action is what a rule does to a call.
type Action string

// The actions. Where nothing else is said, the call is carried out and answered as always.
const (
	FailEntries       Action = "fail_entries"       // entries of a batch fail, the others are carried out
	FailRequest       Action = "fail_request"       // the call is refused after its signature was verified; nothing is done
	Throttle          Action = "throttle"           // the call is refused when a token bucket is empty
	Latency           Action = "latency"            // the call waits before it is carried out
	Stall             Action = "stall"              // the call waits until the rule's window ends
	AcceptThenHang    Action = "accept_then_hang"   // carried out; no answer until the client gives up
	AcceptThenReset   Action = "accept_then_reset"  // carried out; then the connection is reset without an answer
	Reset             Action = "reset"              // the connection is reset, nothing is done
	DeliverTwice      Action = "deliver_twice"      // a message is there a second time; see docs/faults.md
	Corrupt           Action = "corrupt"            // one bit of a body changes on its way, and every digest says that all is well
	WrongMD5          Action = "wrong_md5"          // the digest of a body in the answer is wrong
	Drop              Action = "drop"               // answered like a success; nothing is done
	ClockSkew         Action = "clock_skew"         // this call meets a server whose clock is off
	ExpireCredentials Action = "expire_credentials" // #nosec G101 -- all sessions issued so far end, then the call is looked at
	Partial           Action = "partial"            // an entry is missing from a batch's answer, in it twice, or under another id

	Answer           Action = "answer"             // this answer, whatever was asked; nothing is done
	AcceptThenAnswer Action = "accept_then_answer" // carried out; then this answer in place of the right one
	Truncate         Action = "truncate"           // carried out; the answer ends too early
	Slow             Action = "slow"               // carried out; the answer comes in drops
	Bomb             Action = "bomb"               // nothing is done; a short answer that becomes a huge one when it is decompressed
)

// A spec says what an action can act on and which parameters it takes.
type spec struct {
	action Action
	calls  []string // names of calls or services; nil: every call
	takes  []string // keys of the file beside those that every rule may have
	needs  []string // of these or of the common keys
}

var (
	sends   = []string{"SendMessage", "SendMessageBatch", "POST /records", "POST /seed"}
	batches = []string{"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}
	aws     = []string{SQS, STS, APIGateway}
)

// specs is the table of actions.
var specs = []spec{
	{FailEntries, batches, []string{"entries", "code", "message", "sender_fault"}, nil},
	{FailRequest, nil, []string{"code", "status", "message", "headers"}, nil},
	{Throttle, nil, []string{"rate", "burst", "code", "status", "message", "headers"}, []string{"rate"}},
	{Latency, nil, []string{"latency", "model"}, nil},
	{Stall, nil, nil, []string{"for"}},
	{AcceptThenHang, nil, nil, nil},
	{AcceptThenReset, nil, nil, nil},
	{Reset, nil, nil, nil},
	{DeliverTwice, append(slices.Clone(sends), "ReceiveMessage"), []string{"entries"}, nil},
	{Corrupt, append(slices.Clone(sends), "ReceiveMessage"), []string{"entries"}, nil},
	{WrongMD5, []string{"SendMessage", "SendMessageBatch", "ReceiveMessage"}, []string{"entries"}, nil},
	{Drop, append(slices.Clone(sends), "DeleteMessage", "DeleteMessageBatch"), []string{"entries"}, nil},
	{ClockSkew, nil, []string{"skew"}, []string{"skew"}},
	{ExpireCredentials, aws, nil, nil},
	{Partial, batches, []string{"entries", "reply"}, []string{"reply"}},
	{Answer, nil, []string{"status", "headers", "body"}, nil},
	{AcceptThenAnswer, nil, []string{"status", "headers", "body"}, nil},
	{Truncate, nil, []string{"bytes", "framing"}, []string{"bytes"}},
	{Slow, nil, []string{"bytes_per_second"}, []string{"bytes_per_second"}},
	{Bomb, nil, []string{"bytes"}, []string{"bytes"}},
}

// parameters are the keys that only some actions take.
var parameters = []string{"entries", "code", "status", "message", "sender_fault", "rate", "burst", "latency", "model", "skew", "reply",
	"headers", "body", "bytes", "framing", "bytes_per_second"}

func (a Action) spec() (spec, bool) {
	for _, s := range specs {
		if s.action == a {
			return s, true
		}
	}
	return spec{}, false
}

// commonKeys are the keys that every rule may have.
var commonKeys = []string{"name", "call", "do", "nth", "every", "p", "after", "for", "times"}
