package sql_test

import (
	"os"
	"strings"
	"testing"

	"sluice/ingest/sql"
)

// settings reads the example's file of settings, as plain as it is written.
func settings(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../examples/postgres/orders.env")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	return found
}

// TestExample reads the table of the example, as the user of the example, who cannot write.
func TestExample(t *testing.T) {
	d := start(t).database(t)
	table, err := os.ReadFile("../../examples/postgres/orders.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.PgConn().Exec(t.Context(), string(table)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	d.do("ALTER ROLE sluice PASSWORD '" + password + "'")
	t.Cleanup(func() { d.do("DROP OWNED BY sluice"); d.do("DROP ROLE sluice") })
	env := settings(t)
	s := open(t, strings.Replace(d.url, "owner:", "sluice:", 1), func(c *sql.Config) {
		c.Table, c.Column, c.Tie = env["SLUICE_SQL_TABLE"], env["SLUICE_SQL_COLUMN"], env["SLUICE_SQL_TIE"]
	})
	d.do("INSERT INTO sales.orders (customer, amount) VALUES ('ada', 10.50), ('bob', 7), ('ada', 1)")
	b := read(t, s, "")
	if len(b.Items) != 3 || !strings.HasPrefix(string(b.Items[0]), `{"id":1,"customer":"ada","amount":10.50,"state":"open","changed_at":"`) {
		t.Fatalf("read %s, want the three orders", texts(b))
	}
	d.do("UPDATE sales.orders SET state = 'paid' WHERE id = 2")
	if b := read(t, s, b.Next); len(b.Items) != 1 || !strings.Contains(texts(b), `"state":"paid"`) {
		t.Errorf("after a change read %s, want the order that was paid", texts(b))
	}
}
