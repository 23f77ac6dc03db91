package rabbitmq

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// Verdicts is the table of this driver: reply codes of AMQP 0-9-1, then what else can come in place of a confirm, then
// connecting.
func Verdicts() []fault.Verdict {
	var all []fault.Verdict
	line := func(says string, v verdict, ambiguous bool) {
		all = append(all, fault.Verdict{Says: says, Class: v.class, Reason: v.reason, Whole: v == messageRefused, Ambiguous: ambiguous, Todo: v.todo})
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
		line("channel or connection closed with reply code "+strings.Join(codes[v], ", ")+"; what else is unconfirmed may have been taken", v, true)
	}
	line("closed with reply code 404, and an exchange is set", exchangeMissing, true)
	line("closed with reply code 404", queueMissing, true)
	line("closed with any other reply code, or the connection breaks", gone, true)
	line("returned, and an exchange is set: no queue for the routing key", unroutable, false)
	line("returned: no such queue", queueMissing, false)
	line("nack: the broker could not store the message", nacked, false)
	line("no confirm in time", silent, true)
	line("connection blocked by an alarm of the broker", alarmed, false)
	line("no confirm in time, and the connection is blocked by then", alarmed, true)
	line("too many channels", tooMany, false)
	line("connection: user or password refused", authRefused, false)
	line("connection: no such virtual host", vhostMissing, false)
	line("connection: TLS fails", tlsFailed, false)
	line("connection: what answers is no broker", noBroker, false)
	line("connection: anything else", noServer, false)
	return all
}
