package sql_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/ingest/sql"
)

// A table is one that the suite of all sources is run over. In update, where and ahead $i is the number of the row, and $k
// counts from 1.
type table struct {
	columns string
	insert  string // of the rows $1 to $2, i each
	where   string // the row
	update  string // of the row
	set     func(*sql.Config)
	item    string // of row %[1]d and the fraction of a second %[2]s
	changed string
	ahead   string // a row before all others, the $kth of them
	first   string // that row as an item
	ties    int
	lacks   map[string]string
	stays   bool // an update leaves the value that orders the rows as it was
}

// timed is a table whose rows have equal times in groups.
func timed(page, ties int) table {
	return table{
		columns: "at timestamptz NOT NULL, id int",
		insert:  fmt.Sprintf("SELECT '2026-01-01'::timestamptz + (i / %d) * interval '1 microsecond', i", ties),
		where:   "id = $i", update: "at = '2026-02-01'::timestamptz + $k * interval '1 second'", ahead: "'2025-01-01', -$k",
		set:     func(c *sql.Config) { c.Column, c.Tie, c.Batch = "at", "id", page },
		item:    `{"at":"2026-01-01T00:00:00%[2]s+00:00","id":%[1]d}`,
		changed: `{"at":"2026-02-01T00:00:%02[2]d+00:00","id":%[1]d}`, first: `{"at":"2025-01-01T00:00:00+00:00","id":-%[1]d}`,
		ties: ties,
	}
}

// tables are the contract's. The reader sees what an update moves behind it, and no row that is put before it.
var tables = map[string]table{
	"a serial number": {
		columns: "id bigint PRIMARY KEY", insert: "SELECT i", where: "id = $i", update: "id = 1000 + $k", ahead: "-$k",
		set:  func(c *sql.Config) { c.Batch = 7 },
		item: `{"id":%[1]d}`, changed: `{"id":10%02[2]d}`, first: `{"id":-%[1]d}`, lacks: map[string]string{"Tied": "no two rows are equal"},
	},
	"equal times at every boundary": timed(1, 5),
	"texts, one batch": {
		columns: "name varchar(9)", insert: "SELECT 'n' || lpad(i::text, 5, '0')", where: "name = 'n' || lpad('$i', 5, '0')",
		update: "name = 'x' || lpad('$k', 5, '0')", ahead: "'a$k'",
		set:  func(c *sql.Config) { c.Column = "name" },
		item: `{"name":"n%05[1]d"}`, changed: `{"name":"x%05[2]d"}`, first: `{"name":"a%[1]d"}`,
		lacks: map[string]string{"Tied": "no two rows are equal", "Pages": "one batch holds all"},
	},
	"a query": {
		columns: "id numeric, v int", insert: "SELECT i + 0.25, 0", where: "id = $i + 0.25", update: "v = 1", ahead: "0.25 - $k, 0",
		set: func(c *sql.Config) {
			c.Table, c.Query, c.Batch = "", "SELECT id, 9007199254740993 AS big, v FROM items -- the rest;", 3
		},
		item: `{"id":%[1]d.25,"big":9007199254740993,"v":0}`, changed: `{"id":%[1]d.25,"big":9007199254740993,"v":1}`,
		first: `{"id":-%[1]d.75,"big":9007199254740993,"v":0}`, lacks: map[string]string{"Tied": "no two rows are equal"}, stays: true,
	},
}

// TestContract runs the suite of all sources against PostgreSQL.
func TestContract(t *testing.T) {
	server := start(t)
	for name, tab := range tables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := server.database(t)
			h := tab.harness(d)
			if tab.lacks["Tied"] == "" {
				h.Tied = func(page, ties int) sourcetest.Harness { return timed(page, ties).harness(d) }
			}
			sourcetest.Run(t, h)
		})
	}
}

// harness is the suite's view of such tables in d.
func (tab table) harness(d *database) sourcetest.Harness {
	h := sourcetest.Harness{
		Item:    tab.row,
		Garbage: []ingest.Cursor{`{"v":1}`, `{"v":1,"after":[]}`, `{"v":1,"after":["x","y","z"]}`, `{"after":["1"],"v":1}`, `{"v":2,"after":["1"]}`},
		Lacks: map[string]string{
			"Forget": "a place is a value, which a table cannot forget",
			"Loop":   "rows are asked for in the order of the place",
			"Twice":  "rows are asked for in the order of the place",
		},
		Misses: map[sourcetest.Disturbance]string{sourcetest.InsertedBefore: "what has a lower value than the place is not asked for"},
	}
	for hook, why := range tab.lacks {
		h.Lacks[hook] = why
	}
	if tab.stays {
		h.Misses[sourcetest.ChangedBefore] = "a row comes again if the column changes with it"
	}
	h.New = func(t testing.TB, n int) sourcetest.Origin { return tab.origin(t, d, n) }
	return h
}

// row is row i as an item.
func (tab table) row(i int) []byte {
	fraction := ""
	if tab.ties > 0 && i >= tab.ties {
		fraction = strings.TrimRight(fmt.Sprintf(".%06d", i/tab.ties), "0")
	}
	return fmt.Appendf(nil, tab.item, i, fraction)
}

// origin makes a table with n rows.
func (tab table) origin(t testing.TB, d *database, n int) sourcetest.Origin {
	d.do("DROP TABLE IF EXISTS items; CREATE TABLE items (" + tab.columns + ")")
	have, k := 0, 0
	do := func(statement string, i int) {
		d.do(strings.NewReplacer("$i", strconv.Itoa(i), "$k", strconv.Itoa(k)).Replace(statement))
	}
	add := func(n int) {
		d.do("INSERT INTO items SELECT * FROM (SELECT r.* FROM generate_series($1::int, $2::int) AS i, LATERAL ("+tab.insert+") AS r) AS x", have, have+n-1)
		have += n
	}
	add(n)
	return sourcetest.Origin{
		Source: open(t, d.url, tab.set),
		Reopen: func() ingest.Source { return open(t, d.url, tab.set) },
		Append: add,
		Hang: func() {
			d.do("BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
			t.Cleanup(func() { d.do("ROLLBACK") })
		},
		Delete: func(i int) { do("DELETE FROM items WHERE "+tab.where, i) },
		Change: func(i int) []byte {
			k++
			do("UPDATE items SET "+tab.update+" WHERE "+tab.where, i)
			return fmt.Appendf(nil, tab.changed, i, k)
		},
		Insert: func() []byte {
			k++
			do("INSERT INTO items VALUES ("+tab.ahead+")", 0)
			return fmt.Appendf(nil, tab.first, k)
		},
	}
}
