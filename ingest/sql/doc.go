// Package sql is a source that reads the rows of a PostgreSQL table or query in the order of a column that grows.
//
// A cursor is the value of that column in the last row that was returned, and that of a second column which tells apart
// rows with the same value. Values travel as text, as PostgreSQL writes them, so that no number is rounded.
//
// A row may become visible later than one with a greater value, because its transaction took longer. So no row is returned
// before Config.Lag has passed since a row with its value or a greater one was seen first: a fence. Rows of transactions
// that take longer than Lag to commit are missed; nothing in PostgreSQL tells an ordinary user about them.
package sql
