package ingest

import (
	"context"
	"errors"

	"sluice/transport"
)

// A Cursor is a place in a Source, opaque to all others; the empty Cursor is the beginning. Valid UTF-8.
type Cursor string

// A Batch is what one Read returned.
type Batch struct {
	Items [][]byte // raw, before parsing; owned by the caller
	Next  Cursor   // the place after Items
	// CaughtUp says that the origin had nothing more after Next when it was read, so that there is no need to ask
	// again before the interval is over. An empty Batch whose Next is the cursor it was read from says the same.
	CaughtUp bool
	// Bad says of Items, by index, why they are no records of their format, such as a row with too few columns. They are
	// the bytes as they came, and go to the dead letters. nil: each is what it should be.
	Bad map[int]error
	// Position says in words where the Item with an index came from, such as "orders.csv, line 12". It holds no data and
	// no secret, and may be called until the Batch is settled. nil: nobody can tell.
	Position func(i int) string
}

// A Source is where records come from.
//
// Read returns the data that follows after. It has no effect on the origin, and repeating it is always allowed: reading
// from an old Cursor returns the same items again, unless the origin has forgotten them; then it fails with
// ErrCursorGone, a Blocked fault, or, where only the name of the place is gone, goes on with what came before it once more.
// It waits for data if it can; io.EOF itself, not wrapped, means never more. Errors carry a fault.Class, and with an error the
// Batch counts for nothing. Next differs from after if there are Items. Reads do not overlap. When ctx ends, Read returns soon
// with an error.
type Source interface {
	Read(ctx context.Context, after Cursor) (Batch, error)
}

// A Committer is a Source that acts on what is settled, such as one that moves files away that were read.
//
// Commit is called with every Cursor that was saved, and at the start with the one that was loaded: what is before it will
// not be asked for again. It may be called with a Cursor again, runs beside Read, and calls do not overlap. When it fails,
// delivery goes on, and it is called again with the next Cursor that is saved or when the source is caught up.
type Committer interface {
	Commit(ctx context.Context, c Cursor) error
}

// ErrCursorGone says that the origin no longer has the data after a Cursor.
var ErrCursorGone = errors.New("the origin has forgotten the data after this cursor")

// A Parser turns a raw item into the Records that it holds: none if it is to be left out. Pure: the same item makes the
// same Records, IDs included, and no two of them have one ID. An error means that the item can never be delivered as it
// stands, and goes with it, whole, to the dead letters; then the Records are those whose ID and Key could be told, so that
// nothing of their Keys overtakes them.
type Parser func(item []byte) ([]transport.Record, error)

// A Checkpoint is the durable copy of a Cursor.
type Checkpoint interface {
	// Load returns the Cursor saved last, or the empty one if none ever was. It fails rather than guess: a damaged
	// or foreign checkpoint is never taken for the beginning.
	Load(ctx context.Context) (Cursor, error)
	// Save makes c durable, whole or not at all (I2). Calls do not overlap.
	Save(ctx context.Context, c Cursor) error
}

// A Refused item is one that is set aside.
type Refused struct {
	Item     []byte
	Position string // where it came from, in words; empty: nobody can tell
	Stage    Stage  // how far it came
	Reason   error
}

// A DeadLetter keeps what cannot be delivered.
type DeadLetter interface {
	// Put makes an item durable together with the reason before it returns. Safe for concurrent use.
	Put(ctx context.Context, r Refused) error
}
