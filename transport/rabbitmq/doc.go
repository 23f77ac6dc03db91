// Package rabbitmq delivers records to RabbitMQ (AMQP 0-9-1).
//
// A record becomes one persistent message: its Body is the body, byte for byte; its ID is the message id; its Key is the
// header sluice-key; its Headers are headers of their own names, which must not have a meaning for RabbitMQ. The
// correlation id names the copy: every attempt to deliver a record has another.
//
// The messages of a Send go out one after the other on a channel with publisher confirms, and mandatory: a record is
// accepted when the broker has confirmed it and has not returned it. Use a quorum queue: a classic one confirms what a
// single machine holds. The driver declares nothing: queues and bindings belong to those who read.
//
// The verdicts are the tables in classify.go, which docs/verdicts.md shows.
package rabbitmq
