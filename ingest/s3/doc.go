// Package s3 is a source that reads the objects of a bucket of S3, or of what speaks its protocol, in the order of their keys:
// NDJSON, CSV, lines or JSON, plain or compressed with gzip or zstd.
//
// A Cursor holds the key of the last object that was read to its end or, in the middle of one, its key, its ETag and how many
// bytes of its content, unpacked, were read. So it grows neither with the objects nor with their number, and an object of any
// size is read in parts: the answer to one request stays open while Reads follow one another. After a restart, or when the
// connection has broken, an object is asked for again under the condition that its ETag is still the same: from the place on
// where that is possible, else from its beginning, what was read before being passed over.
//
// What happens to an object:
//
//   - written with a key behind the last one: it is read.
//   - written with a key before the last one: it is missed, as one that is overwritten after it was read. Against writers whose
//     objects appear out of order there is a fence: no object is returned before Config.Lag has passed since it was written by
//     the clock of S3, and none behind one that is younger.
//   - overwritten while it is being read: reading goes on in the open answer, which is the old one. Where it has to be asked for
//     again, object_changed says once that the old one is gone, and the new one is read from its beginning.
//   - deleted before it was begun: it is left out. In its middle: ErrCursorGone.
//
// An object that cannot be read is a fault, which pauses reading: going on with the next would hide a loss. What was read
// before it is returned first.
package s3
