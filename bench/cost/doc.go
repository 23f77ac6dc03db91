// Package cost turns counted billable units into USD by a dated price book, and projects what a workload would cost a month
// through each of the options: a standard or FIFO queue, a REST or HTTP API, a broker of one's own.
//
// Two prices are kept apart. Price is of what a trial was counted to use. PerMillion and Monthly are formulas for a workload
// that is described by its record size and batching. Neither knows free tiers, taxes or data transfer.
package cost
