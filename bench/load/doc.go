// Package load sends records as a workload wants them sent, through the Deliverer that the daemon uses, and notes what
// became of each. Nothing is dropped: an arrival that finds no free slot waits, keeps the moment at which it was to be
// sent, and is counted.
package load
