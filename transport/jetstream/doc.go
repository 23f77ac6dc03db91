// Package jetstream delivers records to a stream of NATS JetStream.
//
// A record becomes one message on the configured subject: its Body is the data, byte for byte; its ID is the header
// Nats-Msg-Id, by which the stream drops a repeat within its duplicate window; its Key is the header Sluice-Key; its
// Headers are headers of their own names, which must be names that NATS takes and must not begin with Nats- or Sluice-.
//
// A Send publishes all its records and then waits for their acknowledgements: a record is accepted when the stream has
// acknowledged it, as a duplicate too. How durable that is is for the stream to say: one that is not replicated keeps what
// it acknowledged in the memory of one machine for up to two minutes, unless the server has sync_interval: always.
//
// The verdicts are the tables in classify.go, which docs/verdicts.md shows.
package jetstream
