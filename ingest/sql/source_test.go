package sql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/ingest/sql"
	"sluice/internal/fault"
	"sluice/internal/secret"
)

// open makes a Source of a table named items.
func open(t testing.TB, url string, change func(*sql.Config)) *sql.Source {
	t.Helper()
	c := sql.Default()
	c.URL, c.Table, c.Column, c.Lag, c.Timeout = secret.New(url), "items", "id", 0, 30*time.Second
	if change != nil {
		change(&c)
	}
	s, err := sql.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// read reads one batch.
func read(t testing.TB, s *sql.Source, after ingest.Cursor) ingest.Batch {
	t.Helper()
	b, err := s.Read(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestARowThatIsCommittedLateIsNotMissed(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int PRIMARY KEY)")
	slow, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(context.Background())
	if _, err := slow.Exec(t.Context(), "BEGIN; INSERT INTO items VALUES (5)"); err != nil {
		t.Fatal(err)
	}
	d.do("INSERT INTO items VALUES (6)")
	s := open(t, d.url, func(c *sql.Config) { c.Lag = time.Second })
	got := make(chan ingest.Batch)
	go func() {
		b, err := s.Read(t.Context(), "")
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	d.looked() // only then may the slow one commit
	if _, err := slow.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	b := <-got
	if want := `{"id":5} {"id":6}`; texts(b) != want {
		t.Errorf("read %s, want %s", texts(b), want)
	}
}

// TestNewRowsWaitForTheLag: none is returned before others with smaller values have had that long to be committed.
func TestNewRowsWaitForTheLag(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int PRIMARY KEY)")
	d.do("INSERT INTO items VALUES (6)")
	const lag = 500 * time.Millisecond
	s, begun := open(t, d.url, func(c *sql.Config) { c.Lag = lag }), time.Now()
	if b := read(t, s, ""); len(b.Items) != 1 || time.Since(begun) < lag {
		t.Errorf("read %s after %v, want the row after %v at the earliest", texts(b), time.Since(begun), lag)
	}
}

// TestARowOfTheWaitHasAWaitOfItsOwn: a row that comes while others are waited for may have one before it that is not there yet.
func TestARowOfTheWaitHasAWaitOfItsOwn(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int PRIMARY KEY)")
	d.do("INSERT INTO items VALUES (6)")
	s := open(t, d.url, func(c *sql.Config) { c.Lag = time.Second })
	got := make(chan ingest.Batch)
	go func() {
		b, err := s.Read(t.Context(), "")
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	d.looked()
	d.do("INSERT INTO items VALUES (8)")
	b := <-got
	if want := `{"id":6}`; texts(b) != want {
		t.Fatalf("first came %s, want %s", texts(b), want)
	}
	d.do("INSERT INTO items VALUES (7)")
	if b, want := read(t, s, b.Next), `{"id":7} {"id":8}`; texts(b) != want {
		t.Errorf("then came %s, want %s", texts(b), want)
	}
}

func texts(b ingest.Batch) string {
	var all []string
	for _, item := range b.Items {
		all = append(all, string(item))
	}
	return strings.Join(all, " ")
}

func TestValuesStayAsPostgreSQLWritesThem(t *testing.T) {
	d := start(t).database(t)
	d.do(`CREATE TABLE items (id bigint, n numeric, f float8, at timestamp, j jsonb, raw bytea, t text, none int)`)
	d.do(`INSERT INTO items VALUES (9223372036854775807, 12345678901234567890.10, 0.1, '2026-02-03 04:05:06.000007', '{"a":[1,2.50]}', '\x00ff', E'a"\u00e9\n', NULL)`)
	b := read(t, open(t, d.url, nil), "")
	want := `{"id":9223372036854775807,"n":12345678901234567890.10,"f":0.1,"at":"2026-02-03T04:05:06.000007","j":{"a": [1, 2.50]},"raw":"\\x00ff","t":"a\"é\n","none":null}`
	if texts(b) != want {
		t.Errorf("got\n%s\nwant\n%s", texts(b), want)
	}
}

// TestColumnsMayHaveAnyName: those that the query gives to its own parts as well, and a row as the value of one.
func TestColumnsMayHaveAnyName(t *testing.T) {
	d := start(t).database(t)
	d.do(`CREATE TYPE pair AS (id int, n int)`)
	d.do(`CREATE TABLE items (k int PRIMARY KEY, q pair, j int, t text)`)
	d.do(`INSERT INTO items VALUES (1, (7, 8), 2, 'short'), (2, NULL, 3, repeat('x', 3000))`)
	b := read(t, open(t, d.url, func(c *sql.Config) { c.Column, c.MaxRecordBytes = "k", 1000 }), "")
	if want := `{"k":1,"q":{"id":7,"n":8},"j":2,"t":"short"} {"k":2}`; texts(b) != want {
		t.Errorf("read %s, want %s", texts(b), want)
	}
}

func TestUpdatedRowsComeAgain(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int PRIMARY KEY, changed int, v text)")
	d.do("INSERT INTO items VALUES (1, 10, 'a'), (2, 11, 'b')")
	s := open(t, d.url, func(c *sql.Config) { c.Column, c.Tie, c.Start = "changed", "id", "11" })
	b := read(t, s, "")
	if want := `{"id":2,"changed":11,"v":"b"}`; texts(b) != want {
		t.Fatalf("from START: read %s, want %s", texts(b), want)
	}
	d.do("UPDATE items SET v = 'c', changed = 12 WHERE id = 1")
	if b, want := read(t, s, b.Next), `{"id":1,"changed":12,"v":"c"}`; texts(b) != want {
		t.Errorf("after the update: read %s, want %s", texts(b), want)
	}
}

func TestALongRowLeavesItsKey(t *testing.T) {
	d := start(t).database(t)
	d.do(`CREATE TABLE items (id int, "the tie" text, v text)`)
	d.do(`INSERT INTO items VALUES (1, 'x', 'short'), (1, 'y', repeat('é', 3000)), (2, 'z', 'short')`)
	b := read(t, open(t, d.url, func(c *sql.Config) { c.Tie, c.MaxRecordBytes = "the tie", 1000 }), "")
	want := `{"id":1,"the tie":"x","v":"short"} {"id":1,"the tie":"y"} {"id":2,"the tie":"z","v":"short"}`
	if texts(b) != want {
		t.Fatalf("read %s, want %s", texts(b), want)
	}
	if len(b.Bad) != 1 || b.Bad[1] == nil || !strings.Contains(b.Bad[1].Error(), "6029 bytes") {
		t.Errorf("Bad = %v, want item 1 with its 6029 bytes", b.Bad)
	}
}

func TestABatchEndsAtItsBytes(t *testing.T) {
	d := start(t).database(t)
	d.do(`CREATE TABLE items (id int, v text)`)
	d.do(`INSERT INTO items SELECT i, repeat('x', 1000000) FROM generate_series(1, 40) AS i`)
	s := open(t, d.url, nil)
	seen, after := 0, ingest.Cursor("")
	for {
		b := read(t, s, after)
		if len(b.Items) == 0 {
			break
		}
		if len(b.Items) > 16 {
			t.Fatalf("%d rows of a megabyte in one batch, want at most 16", len(b.Items))
		}
		seen, after = seen+len(b.Items), b.Next
	}
	if seen != 40 {
		t.Errorf("%d rows, want 40", seen)
	}
}

func TestWhatAPersonHasToMend(t *testing.T) {
	server := start(t)
	for _, tc := range []struct {
		name, table, insert string
		change              func(*sql.Config)
		class               fault.Class
		reason, says        string
	}{
		{"equal keys", "id int", "VALUES (1), (2), (2)", nil, fault.Blocked, "no_order", "SLUICE_SQL_TIE"},
		{"a key that is null", "id int", "VALUES (1), (NULL)", nil, fault.Blocked, "no_order", "has no value"},
		{"a tie that is null", "id int, tie int", "VALUES (1, NULL)", func(c *sql.Config) { c.Tie = "tie" }, fault.Blocked, "no_order", "has no value"},
		{"infinity", "id timestamptz", "VALUES ('infinity')", nil, fault.Blocked, "no_order", "infinity"},
		{"no such table", "id int", "VALUES (1)", func(c *sql.Config) { c.Table = "nowhere" }, fault.Blocked, "not_found", "SLUICE_SQL_TABLE"},
		{"no such schema", "id int", "VALUES (1)", func(c *sql.Config) { c.Table = "no.items" }, fault.Blocked, "not_found", "SLUICE_SQL_TABLE"},
		{"no such column", "id int", "VALUES (1)", func(c *sql.Config) { c.Column = "nothing" }, fault.Blocked, "bad_query", "SLUICE_SQL_COLUMN"},
		{"a start of another type", "id int", "VALUES (1)", func(c *sql.Config) { c.Start = "yesterday" }, fault.Blocked, "bad_query", "SLUICE_SQL_START"},
		{"a query that is none", "id int", "VALUES (1)", func(c *sql.Config) { c.Table, c.Query = "", "SELEC 1" }, fault.Blocked, "bad_query", "SLUICE_SQL_QUERY"},
		{"a join with a name twice", "id int", "VALUES (1)", func(c *sql.Config) { c.Table, c.Query = "", "SELECT a.id, 1 AS n, 2 AS n FROM items AS a" }, fault.Blocked, "bad_query", `two columns are named "n"`},
		{"a join with the key twice", "id int", "VALUES (1)", func(c *sql.Config) {
			c.Table, c.Query = "", "SELECT * FROM items AS a JOIN items AS b USING (id), items AS c"
		}, fault.Blocked, "bad_query", `two columns are named "id"`},
		{"a query that writes", "id int", "VALUES (1)", func(c *sql.Config) { c.Table, c.Query = "", "SELECT nextval('counter')::int AS id" }, fault.Blocked, "bad_query", "read-only"},
		{"a query that breaks out", "id int", "VALUES (1)", func(c *sql.Config) { c.Table, c.Query = "", "SELECT 1 AS id) AS q; DROP TABLE items; --" }, fault.Blocked, "bad_query", "SLUICE_SQL_QUERY"},
		{"a wrong password", "id int", "VALUES (1)", func(c *sql.Config) { c.URL = swap(c.URL, password, "wrong-canary") }, fault.Blocked, "unauthorized", "SLUICE_SQL_URL"},
		{"no such database", "id int", "VALUES (1)", func(c *sql.Config) { c.URL = swap(c.URL, "?", "x?") }, fault.Blocked, "not_found", "SLUICE_SQL_URL"},
		{"nobody at the port", "id int", "VALUES (1)", func(c *sql.Config) {
			c.URL = swap(c.URL, fmt.Sprintf(":%d/", server.port), ":1/")
		}, fault.Transient, "network", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := server.database(t)
			d.do("CREATE TABLE items (" + tc.table + ")")
			d.do("CREATE SEQUENCE counter")
			d.do("INSERT INTO items " + tc.insert)
			b, err := open(t, d.url, tc.change).Read(t.Context(), "")
			if err == nil {
				t.Fatalf("read %s and no error", texts(b))
			}
			f := fault.From(err)
			if f.Class != tc.class || f.Reason != tc.reason || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v (%v, %s), want %v, %s, and a word of %q", err, f.Class, f.Reason, tc.class, tc.reason, tc.says)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error shows the password or has more than one line: %v", err)
			}
			var left int
			if err := d.QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&left); err != nil {
				t.Errorf("the table is gone: %v", err)
			}
		})
	}
}

// TestEqualKeysWhereABatchEnds: the second row would be behind the cursor of the first.
func TestEqualKeysWhereABatchEnds(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int)")
	d.do("INSERT INTO items VALUES (1), (2), (2)")
	b, err := open(t, d.url, func(c *sql.Config) { c.Batch = 2 }).Read(t.Context(), "")
	if f := fault.From(err); err == nil || f.Class != fault.Blocked || f.Reason != "no_order" || !strings.Contains(err.Error(), "SLUICE_SQL_TIE") {
		t.Errorf("Read = %s, %v; want a Blocked fault: no_order, with a word of SLUICE_SQL_TIE", texts(b), err)
	}
}

func swap(v secret.Value, from, to string) secret.Value {
	return secret.New(strings.Replace(v.Reveal(), from, to, 1))
}

func TestItGoesOnWhenTheServerIsBack(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int)")
	d.do("INSERT INTO items VALUES (1)")
	s := open(t, d.url, nil)
	b := read(t, s, "")
	d.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sluice'")
	d.do("INSERT INTO items VALUES (2)")
	_, err := s.Read(t.Context(), b.Next)
	if err == nil || fault.From(err).Class != fault.Transient {
		t.Fatalf("Read through a connection that the server has ended = %v, want a Transient fault", err)
	}
	if got := texts(read(t, s, b.Next)); got != `{"id":2}` {
		t.Errorf("the Read after it returned %s, want row 2", got)
	}
}

func TestASlowQueryIsATimeout(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int)")
	d.do("BEGIN")
	d.do("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
	_, err := open(t, d.url, func(c *sql.Config) { c.Timeout = 300 * time.Millisecond }).Read(t.Context(), "")
	if f := fault.From(err); err == nil || f.Class != fault.Transient || f.Reason != "timeout" {
		t.Errorf("Read of a locked table = %v, want a Transient timeout", err)
	}
}

func TestCheckTellsWhatIsThere(t *testing.T) {
	d := start(t).database(t)
	d.do("CREATE TABLE items (id int)")
	s := open(t, d.url, nil)
	if got, err := s.Check(t.Context()); err != nil || !strings.HasPrefix(got, "no row in ") {
		t.Errorf("Check of an empty table = %q, %v", got, err)
	}
	d.do("INSERT INTO items VALUES (1), (7)")
	if got, err := s.Check(t.Context()); err != nil || !strings.HasSuffix(got, "up to id = 7") || strings.Contains(got, password) {
		t.Errorf("Check = %q, %v", got, err)
	}
}
