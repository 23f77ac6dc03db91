// Package ingest is the daemon's loop: read a batch after a cursor, parse it, deliver it until every record is settled,
// save the next cursor. The Pipeline runs it; sources, parsers, checkpoints and dead letters plug into it.
//
// Five invariants hold; the line of code that upholds one names it.
//
//	I1  No loss. A cursor is saved only when every item before it is accepted by the destination or durably set aside.
//	I2  Monotonic. The saved cursor never goes back, and a crash leaves the old one or the new one, whole.
//	I3  One fate each. Every record of every attempt gets exactly one result. Nothing is inferred from silence.
//	I4  No blame by mistake. A record is set aside only if it is unacceptable itself, never for the state of the
//	    destination or of its neighbours.
//	I5  Bounded. Memory is bounded by (InFlight + 1) batches; when sending stops, reading stops.
package ingest
