// Package readback reads destinations back, to compare what has arrived with what was sent: Drain empties an SQS queue
// once, a Consumer reads for as long as it is asked to. It also makes and deletes the queues and streams that a benchmark
// uses. It is for tests, the demonstration and the benchmark; the daemon never reads what it has delivered.
package readback
