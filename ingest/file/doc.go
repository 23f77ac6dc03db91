// Package file reads records from files that grow and are rotated: NDJSON, CSV or lines of text, plain or compressed with
// gzip or zstd.
//
// A Cursor holds a place for every file that was seen. A file is known by device and inode together with a sum of its first
// KiB and of the KiB before the place, so that a rename changes nothing, while a file that was truncated, replaced or got
// the inode of another begins anew, however long it has become meanwhile. Only complete lines are read; a line without an
// end waits until the file has not changed for DoneAfter.
//
// What happens to a file:
//
//   - renamed, within the patterns or out of them: it is read to its end, before what took its place. It is found by the
//     handle that is kept on it or, after a restart, by looking through the folder where it was. Out of the patterns it is
//     forgotten when it has been read and has not changed for DoneAfter.
//   - deleted: it is read to its end through the handle. Without one (after a restart, or beyond 64 open files) what was
//     known to be unread is reported once as file_gone, a Transient fault, and reading goes on with the others.
//   - truncated (copytruncate): it is read from its beginning. What was known to be unread is reported as file_gone. Lines
//     that were written after the last Read and before the truncation are lost to whoever does not read the copy: let the
//     patterns match it, and they come, the others once more, under the same IDs.
//   - compressed after rotation: that is another file. It is read if the patterns match it.
//   - finished (read to its end, not changed for DoneAfter): left, moved or deleted by Commit, when its records are settled.
//
// Files are read in the order of their names. One that has more than a batch keeps its turn until the place that was its
// end when the turn began, so that none keeps the others waiting by growing. What was rotated away has its turn first.
//
// A file that cannot be read is a fault, which pauses all of them: going on with the others would hide a loss. What was read
// before it is returned first. Compressed files that break off are awaited while they change.
package file
