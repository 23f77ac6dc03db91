// Package sqs delivers records to a queue of Amazon SQS.
//
// A record becomes one message. Its Body is the message body, byte for byte; SQS takes only text, so a body that is not
// UTF-8 or holds a character outside of XML's is rejected before it is sent. Its Headers become message attributes of
// type String. Two attributes are added, so that a reader can name what it reads and drop repeats: sluice-id, the ID, and
// sluice-key, the Key, where the group does not say it. SQS allows ten attributes in all.
//
// On a FIFO queue (its name ends in .fifo) the Key is the message group and the ID the deduplication id: SQS drops a
// repeat within five minutes. Records without a Key share the group "sluice". A Key that SQS does not allow as a group
// (over 128 characters, a space, not ASCII) is replaced by "sha256-" and its hash, and travels as sluice-key. The same
// goes for a standard queue with Config.FairQueue.
//
// The verdicts are the tables in rules.go, which docs/verdicts.md shows; package awscreds has those for credentials and network.
package sqs
