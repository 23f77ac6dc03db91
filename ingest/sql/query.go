package sql

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A statement is what this source asks, for its columns. Values are parameters; names are quoted.
type statement struct {
	from  string   // relation that is read, as q
	key   []string // quoted names of the columns of the key
	types []string // their types, qualified; empty before they are known
}

func newStatement(c Config) statement {
	from := strings.TrimRight(strings.TrimSpace(c.Query), "; \t\r\n")
	if c.Table != "" {
		from = "SELECT * FROM " + pgx.Identifier(strings.Split(c.Table, ".")).Sanitize()
	}
	st := statement{from: "(" + from + "\n) AS q"} // the line break ends a comment
	for _, column := range keyOf(c) {
		st.key = append(st.key, "q."+pgx.Identifier{column}.Sanitize())
	}
	return st
}

// keyOf names the columns that order the rows.
func keyOf(c Config) []string {
	if c.Tie == "" {
		return []string{c.Column}
	}
	return []string{c.Column, c.Tie}
}

// shape asks for the types of the key.
func (st statement) shape() string {
	return "SELECT " + strings.Join(st.key, ", ") + " FROM " + st.from + " LIMIT 0"
}

// whole asks for the columns of what is read.
func (st statement) whole() string { return "SELECT * FROM " + st.from + " LIMIT 0" }

// texts are the columns of the key as text.
func (st statement) texts() string { return strings.Join(st.key, "::text, ") + "::text" }

// after is the condition for the rows behind a key, whose values are parameters from $1 on.
func (st statement) after(n int) string {
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("$%d::%s", i+1, st.types[i]))
	}
	return "(" + strings.Join(st.key[:n], ", ") + ") > (" + strings.Join(values, ", ") + ")"
}

// where is the condition for what follows a place, with its parameters.
func (st statement) where(p place, start string) (condition string, args []any) {
	switch {
	case len(p.After) > 0:
		for _, v := range p.After {
			args = append(args, v)
		}
		return st.after(len(p.After)), args
	case start != "":
		return st.key[0] + " >= $1::" + st.types[0], []any{start}
	}
	return "true", nil
}

// newest asks for the greatest value of COLUMN behind a place.
func (st statement) newest(p place, start string) (string, []any) {
	where, args := st.where(p, start)
	return fmt.Sprintf("SELECT %s::text FROM %s WHERE %s ORDER BY %s DESC LIMIT 1", st.key[0], st.from, where, st.key[0]), args
}

// nulls asks for a row that has no place in the order.
func (st statement) nulls() string {
	return "SELECT EXISTS (SELECT FROM " + st.from + " WHERE " + strings.Join(st.key, " IS NULL OR ") + " IS NULL)"
}

// rows asks for the rows behind a place up to a value of COLUMN: their key, how long they are as JSON, and the JSON itself
// if it is not longer than most bytes, or else the key as JSON.
func (st statement) rows(p place, start, upTo string, most, limit int) (string, []any) {
	where, args := st.where(p, start)
	args = append(args, upTo)
	var names []string
	for _, column := range st.key {
		names = append(names, column+" AS "+strings.TrimPrefix(column, "q."))
	}
	return fmt.Sprintf(`SELECT %[1]s, octet_length(j.t),
  CASE WHEN octet_length(j.t) <= %[2]d THEN j.t ELSE (SELECT row_to_json(k.*)::text FROM (SELECT %[3]s) AS k) END
FROM %[4]s, LATERAL (SELECT row_to_json(q.*)::text AS t) AS j
WHERE %[5]s AND %[6]s <= $%[7]d::%[8]s ORDER BY %[9]s LIMIT %[10]d`,
		st.texts(), most, strings.Join(names, ", "), st.from, where, st.key[0], len(args), st.types[0], strings.Join(st.key, ", "), limit), args
}
