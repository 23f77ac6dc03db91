// Package stats turns the numbers of paired trials into ratios, intervals and verdicts. It is pure: no clock, no files, no
// randomness.
//
// The unit of evidence is the trial, never the request. Requests of one trial share the state of the machine, the network
// and the service; an interval computed from pooled requests ignores what varies between trials, and such a nominal 95 %
// interval covers the truth about a third of the time. So every trial yields one number per metric, the numbers of a block
// form a pair, and all inference is about the pairs' log ratios.
package stats
