package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/fault"
)

// op is the name of what fails, in every error of this package.
const op = "sql.SELECT"

// classify is the only place that decides what an answer of PostgreSQL means: by its SQLSTATE (documentation of PostgreSQL,
// appendix A). begun says that the request held a cursor. ctx is the caller's, limited the one with the timeout.
func (s *Source) classify(ctx, limited context.Context, begun bool, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	class, reason, advice := fault.Transient, "network", ""
	var answer *pgconn.PgError
	switch {
	case ctx.Err() != nil:
		return &fault.Error{Reason: "stopped", Op: op, Err: fmt.Errorf("stopped while reading: %w", ctx.Err())}
	case errors.As(err, &answer):
		class, reason, advice = verdict(answer.Code, begun)
		err = fmt.Errorf("%s (SQLSTATE %s)", answer.Message, answer.Code)
	case limited.Err() != nil:
		reason = "timeout"
		err = fmt.Errorf("no whole answer within %v (SLUICE_SQL_TIMEOUT)", s.cfg.Timeout)
	}
	text := s.address + ": " + strings.Join(strings.Fields(err.Error()), " ")
	if advice != "" {
		text += "; " + advice
	}
	return &fault.Error{Class: class, Reason: reason, Op: op, Err: errors.New(s.hide(text))}
}

// verdict is what a SQLSTATE means.
func verdict(state string, begun bool) (class fault.Class, reason, advice string) {
	switch {
	case state == "57014": // query_canceled: by statement_timeout or by an administrator
		return fault.Transient, "timeout", "if it lasts, create an index on SLUICE_SQL_COLUMN, or raise SLUICE_SQL_TIMEOUT"
	case state == "28P01", state == "28000":
		return fault.Blocked, "unauthorized", "set SLUICE_SQL_URL to a user and a password that are valid"
	case state == "42501":
		return fault.Blocked, "forbidden", "grant SELECT to the user in SLUICE_SQL_URL"
	case state == "3D000":
		return fault.Blocked, "not_found", "check the database in SLUICE_SQL_URL"
	case state == "42P01", state == "3F000":
		return fault.Blocked, "not_found", "check SLUICE_SQL_TABLE"
	case strings.HasPrefix(state, "22") && begun:
		return fault.Blocked, "bad_cursor", "look at the cursor with sluice checkpoint show, or start over with sluice checkpoint reset"
	case strings.HasPrefix(state, "22"):
		return fault.Blocked, "bad_query", "check SLUICE_SQL_START and SLUICE_SQL_QUERY"
	case strings.HasPrefix(state, "42"), strings.HasPrefix(state, "25"), strings.HasPrefix(state, "0A"):
		return fault.Blocked, "bad_query", "check SLUICE_SQL_TABLE, SLUICE_SQL_QUERY, SLUICE_SQL_COLUMN and SLUICE_SQL_TIE"
	case strings.HasPrefix(state, "53"): // insufficient resources: too many connections, disk full
		return fault.Throttled, "throttled", ""
	}
	return fault.Transient, "server_error", ""
}

// hide takes the password out of a text.
func (s *Source) hide(text string) string {
	p, err := s.cfg.parse()
	if err == nil && len(p.Password) >= minHidden {
		text = strings.ReplaceAll(text, p.Password, "***")
	}
	return text
}

// minHidden is the length of a password from which on it is looked for in texts: a shorter one would tear words apart.
const minHidden = 4
