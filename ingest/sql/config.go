package sql

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// Config is read from the environment by internal/config, prefix SLUICE_SQL.
type Config struct {
	URL    secret.Value `split_words:"true" desc:"secret: where the database is, as postgres://user:password@host:5432/database?sslmode=verify-full; what it leaves out is taken from PGHOST, PGPASSWORD, PGSSLMODE and the like"`
	Table  string       `split_words:"true" desc:"table or view to read, with its schema if it is not in the search path: sales.orders"`
	Query  string       `split_words:"true" desc:"a SELECT to read in place of a table, without ORDER BY and LIMIT"`
	Column string       `split_words:"true" desc:"column that grows with every insert, and with every update if those shall be seen: a row with a smaller value than one already read is missed. Indexed, never null"`
	Tie    string       `split_words:"true" desc:"column that tells rows with the same value in COLUMN apart, such as the primary key; unset: COLUMN is unique"`
	Start  string       `split_words:"true" desc:"value of COLUMN in the first row to read, inclusive; unset: from the smallest"`

	Lag      time.Duration `split_words:"true" default:"10s" desc:"time for slower transactions: a row is returned when its value, or a greater one, was first seen so long ago. A transaction that takes longer between the choice of its value and its commit may be missed; 0s: only where values appear in their order"`
	Interval time.Duration `split_words:"true" default:"30s" desc:"wait between two queries when there is nothing new"`
	Timeout  time.Duration `split_words:"true" default:"1m" desc:"limit for connecting and for one query"`
	Batch    int           `split_words:"true" default:"1000" desc:"rows of one query, 1 to 10,000; a batch ends after 16 MiB too"`

	MaxRecordBytes int `split_words:"true" default:"1048576" desc:"longest row as JSON, in bytes; of a longer one the key is set aside"`
}

// Default returns the Config of an empty environment.
func Default() Config {
	return Config{Lag: 10 * time.Second, Interval: 30 * time.Second, Timeout: time.Minute, Batch: 1000, MaxRecordBytes: 1 << 20}
}

// maxBatch bounds the rows of one query.
const maxBatch = 10_000

// Validate reports everything that is wrong, not only the first thing. No message shows the URL.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch _, err := c.parse(); {
	case !c.URL.IsSet():
		add("URL is not set")
	case err != nil:
		add("URL is no address of a PostgreSQL database, want postgres://user:password@host:5432/database")
	}
	switch {
	case c.Table == "" && c.Query == "":
		add("TABLE, or else SLUICE_SQL_QUERY, has to be set: it says what to read")
	case c.Table != "" && c.Query != "":
		add("both TABLE and QUERY are set; keep one")
	}
	if c.Table != "" && strings.ContainsAny(c.Table, " ()\";'") {
		add("TABLE is %q, want the name of a table such as sales.orders, without quotes; a SELECT belongs into QUERY", c.Table)
	}
	if bounded(c.Query) {
		add("QUERY ends with LIMIT, OFFSET or FETCH, so that rows behind it would never be read; leave it out, BATCH bounds each query")
	}
	if c.Column == "" {
		add("COLUMN is not set")
	}
	if c.Column != "" && c.Tie == c.Column {
		add("TIE is the same column as COLUMN; leave it unset if COLUMN is unique")
	}
	if c.Lag < 0 || c.Lag > time.Hour {
		add("LAG is %v, want 0s to 1h", c.Lag)
	}
	if c.Interval <= 0 {
		add("INTERVAL is %v, want more than 0s", c.Interval)
	}
	if c.Timeout <= 0 {
		add("TIMEOUT is %v, want more than 0s", c.Timeout)
	}
	if c.Batch < 1 || c.Batch > maxBatch {
		add("BATCH is %d, want 1 to %d", c.Batch, maxBatch)
	}
	if c.MaxRecordBytes < 1 || c.MaxRecordBytes > MaxBatchBytes {
		add("MAX_RECORD_BYTES is %d, want 1 to %d", c.MaxRecordBytes, MaxBatchBytes)
	}
	return errors.Join(errs...)
}

// aside is what of a query is text, a comment, or in parentheses without others in them.
var aside = regexp.MustCompile(`(?s)'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\([^()'"]*\)`)

// bound is what makes a query end early.
var bound = regexp.MustCompile(`(?i)\b(limit|offset|fetch)\b`)

// bounded reports whether a query itself, and not one inside it, ends after some rows.
func bounded(query string) bool {
	for {
		rest := aside.ReplaceAllString(query, " ")
		if rest == query {
			return bound.MatchString(rest)
		}
		query = rest
	}
}

// Warnings lists what is allowed and still deserves a look, one sentence each.
func (c Config) Warnings() []string {
	p, err := c.parse()
	if err != nil || c.local(p) {
		return nil
	}
	plain := p.TLSConfig == nil
	for _, f := range p.Fallbacks {
		plain = plain || f.TLSConfig == nil
	}
	switch {
	case plain:
		return []string{"SLUICE_SQL_URL: rows may travel unencrypted; add sslmode=verify-full to it"}
	case p.TLSConfig.InsecureSkipVerify && p.TLSConfig.VerifyPeerCertificate == nil && p.TLSConfig.VerifyConnection == nil:
		return []string{"SLUICE_SQL_URL: whoever answers at the address is taken for the database; add sslmode=verify-full to it"}
	}
	return nil
}

// local reports whether nothing leaves this machine on the way to the database.
func (c Config) local(p *pgx.ConnConfig) bool {
	return strings.HasPrefix(p.Host, "/") || netaddr.Loopback(p.Host)
}

func (c Config) parse() (*pgx.ConnConfig, error) { return pgx.ParseConfig(c.URL.Reveal()) }

// address is host, port and database, without credentials.
func address(p *pgx.ConnConfig) string {
	return "postgres://" + net.JoinHostPort(p.Host, fmt.Sprint(p.Port)) + "/" + p.Database
}
