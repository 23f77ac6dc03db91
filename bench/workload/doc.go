// Package workload reads the file that describes one experiment: which records, arriving when, batched and consumed how,
// through which transports, with which faults, how often, and for how much money at most.
//
// Everything that chance decides (arrivals, sizes, keys, contents, the order of the transports) follows from the seed in
// the file and is computed before a trial begins, so that both members of a pair meet the same arrivals and the same bytes,
// and a run can be repeated. The same file and the same samples give the same schedule and the same records in every
// process of one architecture; another architecture may round a time by a nanosecond.
package workload
