// Package bench measures transports with the very code that the daemon ships: what was sent, what has arrived, how long
// it took to be accepted, and what the requests would have cost.
package bench
