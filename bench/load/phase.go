package load

import "time"

// A Phase is a part of a trial: an open one with a schedule, or a closed one with so many at once.
type Phase struct {
	First int   // sequence number of its first record
	Start int64 // when it begins, on the Clock; if the sender is not ready by then, as soon as it is

	Due []time.Duration // open: intended arrivals, ascending, from Start; nil: closed

	Concurrency int           // closed: how many deliver, each as soon as its last delivery is settled
	For         time.Duration // closed: no delivery begins after so long
	MaxRate     float64       // closed: most records per second, of all senders together; 0: as many as get through
	Most        int           // closed: most records, so that memory is bounded; the phase ends when they are sent

	MaxRecords int           // that are handed over together; no more than the destination takes in a request
	Linger     time.Duration // how long a record may wait for others
	Patience   time.Duration // for what is unsettled after the last arrival; what then still is, stays so
}

// A Report is what came of a Phase.
type Report struct {
	Entries []Entry // one per record, by sequence number from Phase.First
	Start   int64   // when it began
	Ended   int64   // the last arrival was released, the time was up, or Most was reached

	Requests int64          // attempts, whether or not they came anywhere
	Bytes    int64          // of all of them, as the destination counts them
	Served   Billable       // attempts that the destination has served, or may have
	Refused  Billable       // attempts that it turned away before: throttled, or for who asked; neither of them: it saw none
	Errors   map[string]int // results that were no acceptance, by class and reason

	InSystem float64 // mean number of records between release and acceptance, or settlement, integrated over Cost.Wall
	MaxQueue int     // most of them at once
	Cost     Cost
}
