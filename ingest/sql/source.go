package sql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ingest"
	"sluice/internal/fault"
)

// MaxBatchBytes bounds the rows of one Read, as JSON.
const MaxBatchBytes = 16 << 20

// A Source reads the rows of a table. It keeps one connection between Reads, and the value up to which rows may be
// returned, which only ever delays them.
type Source struct {
	cfg     Config
	address string
	key     []string
	st      statement
	conn    *pgx.Conn
	fence   *string // rows up to this value of COLUMN have been visible for Lag; nil: none is known
}

// New returns a Source for a Config that is valid; it makes no connection yet.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p, err := cfg.parse()
	if err != nil {
		return nil, errors.New("URL is no address of a PostgreSQL database")
	}
	return &Source{cfg: cfg, address: address(p), key: keyOf(cfg), st: newStatement(cfg)}, nil
}

// Close ends the connection.
func (s *Source) Close() error {
	s.drop()
	return nil
}

// Stream is a stable name of what is read: the database, and the table or a hash of the query.
func (s *Source) Stream() string {
	if s.cfg.Table != "" {
		return s.address + "/" + s.cfg.Table
	}
	return s.address + "/query-" + ingest.Fingerprint(s.cfg.Query)[:8]
}

// Fingerprint changes with whatever changes the meaning of a Cursor, and with nothing else.
func (s *Source) Fingerprint() string {
	return ingest.Fingerprint("sql 1", s.address, s.cfg.Table, s.cfg.Query, s.cfg.Column, s.cfg.Tie, s.cfg.Start)
}

// Read returns the next rows after the cursor, each as a JSON object as row_to_json of PostgreSQL writes it. Where rows are
// new, it waits for Config.Lag.
func (s *Source) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	p, err := s.decode(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	if s.fence != nil {
		b, err := s.rows(ctx, p)
		if err != nil || len(b.Items) > 0 {
			return b, err
		}
	}
	newest, err := s.look(ctx, p)
	if err != nil {
		return ingest.Batch{}, err
	}
	if newest == nil {
		return ingest.Batch{Next: after, CaughtUp: true}, nil
	}
	// A transaction chooses value 5; another one chooses 6 and commits; we return 6; the first commits → 5 is lost.
	if err := sleep(ctx, s.cfg.Lag); err != nil {
		return ingest.Batch{}, s.classify(ctx, ctx, false, err)
	}
	s.fence = newest
	b, err := s.rows(ctx, p)
	if err == nil && len(b.Items) == 0 { // they have been deleted meanwhile
		b.Next = after
	}
	return b, err
}

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Check looks at the first row and says in words what is there. It is for people who try a configuration.
func (s *Source) Check(ctx context.Context) (string, error) {
	newest, err := s.look(ctx, place{})
	switch {
	case err != nil:
		return "", err
	case newest == nil:
		return fmt.Sprintf("no row in %s", s.Stream()), nil
	}
	return fmt.Sprintf("rows in %s up to %s = %s", s.Stream(), s.cfg.Column, *newest), nil
}

// look returns the greatest value of COLUMN behind p; nil if there is no row.
func (s *Source) look(ctx context.Context, p place) (newest *string, err error) {
	err = s.ask(ctx, len(p.After) > 0, func(ctx context.Context, tx pgx.Tx) error {
		var unordered bool
		if err := tx.QueryRow(ctx, s.st.nulls()).Scan(&unordered); err != nil {
			return err
		}
		if unordered {
			return &fault.Error{Class: fault.Blocked, Reason: "no_order", Op: op, Err: fmt.Errorf(
				"%s: a row has no value in %v (SLUICE_SQL_COLUMN, SLUICE_SQL_TIE), so that it has no place in the order; fill it, choose another column, or leave such rows out with SLUICE_SQL_QUERY", s.address, s.key)}
		}
		query, args := s.st.newest(p, s.cfg.Start)
		err := tx.QueryRow(ctx, query, args...).Scan(&newest)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return newest, err
}

// rows returns the rows behind p up to the fence.
func (s *Source) rows(ctx context.Context, p place) (b ingest.Batch, err error) {
	err = s.ask(ctx, len(p.After) > 0, func(ctx context.Context, tx pgx.Tx) error {
		query, args := s.st.rows(p, s.cfg.Start, *s.fence, s.cfg.MaxRecordBytes, s.cfg.Batch+1)
		found, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer found.Close()
		b, err = s.gather(found)
		return err
	})
	return b, err
}

// gather makes a Batch of rows. One more row than fits is asked for, so that a key that occurs twice is seen also where
// one batch ends and the next begins.
func (s *Source) gather(found pgx.Rows) (ingest.Batch, error) {
	var b ingest.Batch
	key, last := make([]string, len(s.key)), make([]string, len(s.key))
	total := 0
	for found.Next() {
		var size int
		var text []byte
		into := make([]any, 0, len(key)+2)
		for i := range key {
			into = append(into, &key[i])
		}
		if err := found.Scan(append(into, &size, &text)...); err != nil {
			return ingest.Batch{}, err
		}
		if err := s.check(key, last, len(b.Items) > 0); err != nil {
			return ingest.Batch{}, err
		}
		if total += len(text); len(b.Items) == s.cfg.Batch || total > MaxBatchBytes && len(b.Items) > 0 {
			break
		}
		if size > s.cfg.MaxRecordBytes {
			b.Bad = mark(b.Bad, len(b.Items), fmt.Errorf("the row has %d bytes as JSON, at most %d are allowed (SLUICE_SQL_MAX_RECORD_BYTES); this is its key", size, s.cfg.MaxRecordBytes))
		}
		b.Items = append(b.Items, text)
		copy(last, key)
	}
	found.Close()
	if err := found.Err(); err != nil {
		return ingest.Batch{}, err
	}
	if len(b.Items) == 0 {
		return b, nil
	}
	var err error
	b.Next, err = place{cursorVersion, last}.Encode()
	return b, err
}

func mark(bad map[int]error, i int, err error) map[int]error {
	if bad == nil {
		bad = map[int]error{}
	}
	bad[i] = err
	return bad
}

// check refuses a row whose key cannot serve as a place, or is that of the row before.
func (s *Source) check(key, last []string, follows bool) error {
	err := checkKey(key)
	same := follows
	for i := range key {
		same = same && key[i] == last[i]
	}
	if err == nil && same {
		err = fmt.Errorf("two rows have the same value in %v, and one of them could be missed; set SLUICE_SQL_TIE to a column that tells them apart, such as the primary key", s.key)
	}
	if err == nil {
		return nil
	}
	return &fault.Error{Class: fault.Blocked, Reason: "no_order", Op: op, Err: fmt.Errorf("%s: %w", s.address, err)}
}

// ask runs do in a transaction that can only read, with settings by which values look the same on every server. A password
// that was changed in its file is read again.
func (s *Source) ask(ctx context.Context, begun bool, do func(context.Context, pgx.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err := s.try(limited, do)
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "28P01" && s.cfg.URL.Refresh(legalURL) {
		s.drop()
		if err = s.try(limited, do); err == nil {
			return nil
		}
	}
	s.drop()
	return s.classify(ctx, limited, begun, err)
}

// legalURL reports whether a secret that was read again can be an address.
func legalURL(text string) bool {
	_, err := pgx.ParseConfig(text)
	return err == nil
}

func (s *Source) try(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	if s.conn == nil || s.conn.IsClosed() {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	tx, err := s.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// In the transaction and not for the connection, which a pooler may lend to others in between.
	settings := fmt.Sprintf("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; "+
		"SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = %d", s.cfg.Timeout.Milliseconds())
	if _, err := s.conn.PgConn().Exec(ctx, settings).ReadAll(); err != nil {
		return err
	}
	if s.st.types == nil {
		if s.st.types, err = s.learn(ctx, tx); err != nil {
			return err
		}
	}
	return do(ctx, tx)
}

// connect opens the connection. It prepares no statements, which poolers that change connections do not keep.
func (s *Source) connect(ctx context.Context) error {
	p, err := s.cfg.parse()
	if err != nil {
		return err
	}
	p.DefaultQueryExecMode = pgx.QueryExecModeExec
	p.ConnectTimeout = s.cfg.Timeout
	if p.RuntimeParams["application_name"] == "" {
		p.RuntimeParams["application_name"] = "sluice"
	}
	s.conn, err = pgx.ConnectConfig(ctx, p)
	return err
}

// drop ends the connection, whatever state it is in.
func (s *Source) drop() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	s.conn = nil
}

// distinct refuses columns of one name, as a join brings them: a JSON object would have that name twice, and most readers
// drop one of the values.
func (s *Source) distinct(ctx context.Context, tx pgx.Tx) error {
	found, err := tx.Query(ctx, s.st.whole())
	if err != nil {
		return err
	}
	found.Close()
	if err := found.Err(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, field := range found.FieldDescriptions() {
		if seen[field.Name] {
			return &fault.Error{Class: fault.Blocked, Reason: "bad_query", Op: op, Err: errors.New(s.hide(fmt.Sprintf(
				"%s: two columns are named %q, and a record can have a name only once; list the columns in SLUICE_SQL_QUERY, one of them with AS and another name", s.address, field.Name)))}
		}
		seen[field.Name] = true
	}
	return nil
}

// learn returns the types of the key, so that the values of a cursor, which are text, are compared as what they are.
func (s *Source) learn(ctx context.Context, tx pgx.Tx) ([]string, error) {
	if err := s.distinct(ctx, tx); err != nil {
		return nil, err
	}
	found, err := tx.Query(ctx, s.st.shape())
	if err != nil {
		return nil, err
	}
	found.Close()
	if err := found.Err(); err != nil {
		return nil, err
	}
	var types []string
	for _, field := range found.FieldDescriptions() {
		var name string
		err := tx.QueryRow(ctx, "SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = $1",
			field.DataTypeOID).Scan(&name)
		if err != nil {
			return nil, err
		}
		types = append(types, name)
	}
	return types, nil
}
