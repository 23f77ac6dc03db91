// Package format cuts a stream of bytes into the items that records are made of, as a stream: what is held of it is one
// buffer of 64 KiB and one item of at most MaxItemBytes, whatever the stream contains.
//
// The kinds, and what an Item's Data is:
//
//   - ndjson: a line, its bytes untouched. Blank lines are no items. Whether it is JSON is for the Parser to say.
//   - lines: the JSON object {"line":"…"}. An empty line is an item too. A line that is not UTF-8 is Bad.
//   - csv: RFC 4180. A row becomes a JSON object of strings in the order of the columns; quoted fields may hold line
//     breaks, which stay as they are (CRLF too). Empty rows are no items. A row with another number of fields, with a
//     quote where none may be, or that is not UTF-8 is Bad. Quoting that runs beyond MaxItemBytes ends at the next line
//     break, so that one stray quote does not swallow all that follows.
//   - json: the values of the stream, one after the other, each with its exact bytes; of an array, its elements. What is
//     between brackets is not looked at: a malformed element is for the Parser to refuse.
//   - xml: every element with the local name Element, as a JSON object: attributes as "@name", text as "#text", an
//     element inside under its local name (a string if it has nothing but text), one that is repeated as an array. Text
//     between elements is left out if it is blank. Elements more than 64 deep are Bad. Entities other than those of XML
//     itself are an Error, and nothing is ever fetched. A single piece of markup or text longer than MaxItemBytes plus
//     64 KiB is an Error, because it cannot be skipped.
//
// A byte order mark of UTF-8 at the beginning of the stream is left out in every kind, and lines may end with CRLF.
//
// An item longer than MaxItemBytes is Bad; its Data is the first MaxItemBytes of its raw bytes, and the rest is read past.
// Other Bad items hold their raw bytes whole, without the line end.
//
// ndjson, lines, json (outside of an array) and csv (with Columns) can be gone on with at the End of any item: a Decoder
// that starts there, with Offset set to it, returns the rest.
//
// For sources that read many streams, a Batch gathers their items with their places, and a Packing unpacks them.
package format
