package jetstream

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// Verdicts is the table of this driver: error codes of JetStream, then what else can come in place of an acknowledgement,
// then connecting.
func Verdicts() []fault.Verdict {
	var all []fault.Verdict
	line := func(says string, v verdict, ambiguous bool) {
		all = append(all, fault.Verdict{Says: says, Class: v.class, Reason: v.reason, Ambiguous: ambiguous, Todo: v.todo})
	}
	codes := map[verdict][]string{}
	var order []verdict
	for _, code := range slices.Sorted(maps.Keys(verdicts)) {
		v := verdicts[code]
		if codes[v] == nil {
			order = append(order, v)
		}
		codes[v] = append(codes[v], fmt.Sprint(code))
	}
	for _, v := range order {
		line("error code "+strings.Join(codes[v], ", "), v, false)
	}
	line("any other error with status 5xx", broken, false)
	line("any other error with status 429", throttled, false)
	line("any other error", unclear, false)
	line(fmt.Sprintf("no responder to the subject within %v of an accepted message, while a leader may be elected", electing), leaderless, false)
	line("no responder to the subject", streamMissing, false)
	line("an answer that is no acknowledgement", stranger, false)
	line("an acknowledgement marked as a duplicate: accepted, be it since an earlier attempt", verdict{}, false)
	line("no acknowledgement in time", silent, true)
	line("connection lost before the acknowledgement", cut, true)
	line("message above the server's maximum", tooLarge, false)
	line("too many acknowledgements outstanding", pending, false)
	line("permission to publish, or to hear answers, refused", denied, true)
	line("connection: user, password, token or certificate refused", authRefused, false)
	line("connection: too many of them", connections, false)
	line("connection: TLS fails", tlsFailed, false)
	line("connection: anything else", noServer, false)
	return all
}
