// Package report shows the results of a benchmark run: as a table for a terminal, as one HTML page, and as CSV. All of it is
// computed from the file alone, so that everyone who has the file can make the report again.
package report
