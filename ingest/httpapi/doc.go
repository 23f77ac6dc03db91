// Package httpapi reads records from an HTTP API: page after page of JSON, NDJSON, CSV, XML or lines, again and again.
//
// A sweep runs from its first page to its end; the Batch that ends it has CaughtUp set. Everything that is needed to go
// on is in the Cursor, so that a sweep survives a restart at any page, and reading from an older Cursor gives the same
// again. What a sweep starts from depends on the configuration:
//
//   - With SinceParam, every sweep asks for what is at least as new as the newest value that the sweep before has seen.
//     The value is fixed for a whole sweep. The bound is inclusive, and the items that were seen at it are remembered and
//     skipped: records with equal values on both sides of the bound are neither lost nor repeated.
//   - With windows, every sweep covers a window of time that begins where the one before has ended, fixed in the cursor for
//     all its pages. Without anything to be read in the present window, no request is made.
//   - Without, a sweep starts where the one before has ended: its last page is read again, the items that it held are
//     skipped, and further pages are followed. So new records have to come behind the old ones. A single page
//     (Pagination none) is read whole each time, and yields what is new in it or has changed.
//
// An item is remembered as a hash of its bytes, so a changed record is a new item. What is remembered is bounded;
// beyond the bound reading stops with a Blocked fault rather than lose or repeat.
//
// An API that removes or inserts records before the place being read makes page numbers and offsets shift. No client can
// see that; with SinceParam and ascending order the next sweep finds what was inserted at or after its bound. What appears before it,
// late, is asked for by nobody: choose a value that the origin sets when a record becomes visible, or a look-back longer than
// records are late. Within the look-back everything is read again, and skipped if it was returned before.
//
// Where pages are numbered, what is added lands on the last one, which may have been read already. It is read again when the
// next one turns out to hold records.
//
// A page larger than MaxPageBytes is read in parts, in which the Cursor counts its records.
//
// A list may lead to further requests: to the detail of each new record, or, if it is one of parents, to the pages of each
// parent, which then has a state of its own in the cursor.
package httpapi
