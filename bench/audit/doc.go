// Package audit finds out what became of every record of a trial: it compares what the sender says of each record with
// what the consumer has seen.
package audit
