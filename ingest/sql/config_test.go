package sql_test

import (
	"strings"
	"testing"

	"sluice/ingest/sql"
	"sluice/internal/secret"
)

func TestAQueryThatEndsEarlyIsRefused(t *testing.T) {
	for query, refused := range map[string]bool{
		"SELECT * FROM t ORDER BY id LIMIT 3":                               true,
		"SELECT * FROM t\nlimit 3 -- all":                                   true,
		"SELECT * FROM (SELECT * FROM t) x OFFSET 10":                       true,
		"SELECT * FROM t FETCH FIRST 5 ROWS ONLY":                           true,
		"SELECT id, 'no limit' AS x, \"limit\" FROM t -- LIMIT 3":           false,
		"SELECT * FROM t WHERE id IN (SELECT id FROM u ORDER BY 1 LIMIT 5)": false,
		"SELECT f(g(1), (2)), limits FROM t /* limit */":                    false,
	} {
		c := sql.Default()
		c.URL, c.Query, c.Column = secret.New("postgres://u@h/d"), query, "id"
		err := c.Validate()
		if got := err != nil && strings.Contains(err.Error(), "LIMIT"); got != refused {
			t.Errorf("%s: %v, want it refused: %v", query, err, refused)
		}
	}
}

// TestNoProblemShowsTheURL: it holds the password.
func TestNoProblemShowsTheURL(t *testing.T) {
	for _, url := range []string{"postgres://u:c4n4ry@h:port/d", "c4n4ry", "postgres://u:c4n4ry@h/d?sslmode=maybe"} {
		c := sql.Default()
		c.URL = secret.New(url)
		err := c.Validate()
		if err == nil || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("Validate = %v, want a problem with URL and no word of it", err)
		}
	}
}
