// Package sqs is the queue half of the stand-in: Amazon SQS in memory, in process, as far as producers and consumers can
// tell it apart. It speaks AWS JSON 1.0 and the older query protocol, refuses what the service refuses with the service's
// own codes and sentences, and forgets everything when the process ends.
//
// An Engine holds queues. Its state changes only while a call is being served: visibility, delay, retention and
// deduplication are compared with the clock at each call, so a test that owns the clock owns the queue. Timers exist for
// two things only: a long poll that must wake when a message falls due, and message move tasks.
//
// The package shares no code with the drivers, so that both cannot hold the same misunderstanding of the protocol. What
// it leaves out is listed in GAPS.md.
package sqs
