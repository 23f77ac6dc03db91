// Package trial runs trials: it has the records of a workload sent through one transport by a sender in another process,
// receives them at the far end, and reckons up what became of every one of them, in numbers as package result wants them.
package trial
