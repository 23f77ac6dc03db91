// Package command runs a program and reads the records that it prints: JSON lines, csv, plain lines, or the messages of a
// Singer tap.
//
// A program cannot be read at any place at will, so what can be gone back to is what the program itself offers: a mark. It
// is a line in its output that says "what I have printed up to here need not come again if you show me this":
//
//   - with ndjson, the line {"sluice_cursor":"…"} and nothing else in it;
//   - with singer, the value of a STATE message.
//
// The next run is shown the mark: in a file (SLUICE_CURSOR_FILE, and {state} among the arguments) and, if it is not longer
// than 64 KiB, in SLUICE_CURSOR; {cursor} among the arguments is its text. Without a mark those variables are not set, and
// an argument with such a place in it is left out together with the flag before it. csv and lines have no marks.
//
// A Cursor is the last mark and the number of items that came behind it, with a ladder of hashes over them: over the first
// 1, 2, 4, 8 … of them, and over all. To read after a Cursor, the program is run with that mark. As long as what it prints
// has the same hashes the items are passed over; if it differs anywhere, or ends early, nothing is passed over: the
// program is run once more and all that it prints counts. So:
//
//   - A program that prints the same again and more behind it (a file that grows, an export in order of time) needs no mark.
//   - What a program without such an order prints is delivered again as far as there is no mark behind it: duplicates, with
//     the IDs that they had, and never a loss.
//   - What a program prints once and never again, such as the news of a socket, is lost with the daemon that has not yet
//     delivered it. It is no source until something stands before it that keeps it; no mark can mend that.
//
// A mark with the value of the one before says nothing new. One with the value that the run was started with says that the
// run has gone back there, and the items are counted from its start again: so a tap that repeats its last record in every
// run, as those with an inclusive bookmark do, has it delivered once and not in every run.
//
// A run that ends with exit code 0 is whole, and the origin is caught up; the next run starts after Interval. With any other
// end (exit code, signal, Timeout, IdleTimeout, output that is none) what was printed behind the last mark and not yet
// returned counts for nothing, and the Read fails. A running program is kept between Reads only if the next Read goes on
// where the last one ended. A program that does not end is read as it prints. It is the leader of a process group of its
// own, and all of the group ends with it: first SIGTERM, then SIGKILL. What a child leaves behind in its hands is not waited
// for.
//
// Memory is bounded by one Batch (at most 8 MiB and one record more), one line of the output, and the mark; the pipe holds
// back a program that prints faster than its records are delivered.
package command
