package transport

import (
	"context"
	"time"
)

// A Transport hands records to one destination. It makes ONE attempt and reports what happened; packing, pacing,
// retrying and measuring are the Deliverer's business. SDK and client retries are off. Safe for concurrent use.
type Transport interface {
	// Capabilities says what one Send may carry. Constant for the life of the Transport.
	Capabilities() Capabilities

	// Size is the number of bytes that r takes up in a request as the destination counts them: encoded, with headers.
	Size(r Record) int

	// Send makes one request and returns exactly one Result per record, in order (I3). It needs at least one record
	// and no more than Capabilities allows. It keeps no reference to recs after it has returned. When ctx ends, it
	// returns soon, and what may have been accepted all the same is Ambiguous.
	Send(ctx context.Context, recs []Record) []Result

	// Close frees connections and waits for goroutines. No Send may follow or be in progress.
	Close() error
}

// Capabilities are the limits of one Send. Zero means no limit.
type Capabilities struct {
	MaxRecords     int           // records in one Send
	MaxBytes       int           // sum of Size in one Send
	MaxRecordBytes int           // Size of one record
	MaxInFlight    int           // Sends at the same time
	Ordered        bool          // keeps the order of consecutive Sends
	Dedup          time.Duration // window in which a repeated ID is dropped; 0: never
}

// A Result is the fate of one record in one Send.
type Result struct {
	Receipt string // what the destination calls the record, for people; may be empty
	Err     error  // nil if, and only if, the destination has durably accepted it; else its fault.Class is the driver's verdict
}
