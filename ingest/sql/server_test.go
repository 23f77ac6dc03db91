package sql_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const password = "tr0ub4dor-canary"

// skip skips the test with a word, or fails it where MUST_RUN, a list of names, demands it.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
		t.Fatalf("must run: %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

// A server is a PostgreSQL of the tests' own.
type server struct {
	bin, data string
	port      int
	as        *syscall.Credential
}

// one is the server that the tests of this package share; TestMain stops it.
var one struct {
	sync.Once
	*server
	why error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if one.server != nil {
		_ = one.run("pg_ctl", "-D", one.data, "-m", "immediate", "stop")
		_ = os.RemoveAll(filepath.Dir(one.data))
	}
	os.Exit(code)
}

// start returns the shared server, or skips the test where no PostgreSQL is installed.
func start(t *testing.T) *server {
	t.Helper()
	one.Do(func() { one.server, one.why = launch() })
	if errors.Is(one.why, errMissing) {
		skip(t, one.why.Error())
	}
	if one.why != nil {
		t.Fatal(one.why)
	}
	return one.server
}

var errMissing = errors.New("PostgreSQL is not installed; apt-get install postgresql")

func launch() (*server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		return nil, errMissing
	}
	folder, err := os.MkdirTemp("", "sql-test")
	if err != nil {
		return nil, err
	}
	s := &server{bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(folder, "data")}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)} //nolint:gosec // an ID of the system
		if err := os.Chown(folder, uid, gid); err != nil {
			return nil, err
		}
	}
	secret := filepath.Join(folder, "password")
	if err := os.WriteFile(secret, []byte(password), 0o644); err != nil {
		return nil, err
	}
	if err := s.run("initdb", "-D", s.data, "-U", "owner", "-A", "scram-sha-256", "--pwfile="+secret, "-N", "-E", "UTF8", "--locale=C"); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	return s, s.up()
}

func (s *server) up() error {
	return s.run("pg_ctl", "-D", s.data, "-w", "-l", filepath.Join(filepath.Dir(s.data), "log"), "-o",
		fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c autovacuum=off", s.port), "start")
}

func (s *server) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	if program == "pg_ctl" { // what it starts keeps its output open
		return cmd.Run()
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// url is the address of a database.
func (s *server) url(user, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, password, s.port, database)
}

// A database is one of a test's own.
type database struct {
	*pgx.Conn
	t   testing.TB
	url string
}

// database makes an empty one.
func (s *server) database(t testing.TB) *database {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin, err := pgx.Connect(ctx, s.url("owner", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	d := &database{t: t, url: s.url("owner", name)}
	if d.Conn, err = pgx.Connect(ctx, d.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

// do runs a statement.
func (d *database) do(statement string, args ...any) {
	d.t.Helper()
	if _, err := d.Exec(context.Background(), statement, args...); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}

// looked waits until the Source has looked for new rows: until its first transaction has ended.
func (d *database) looked() {
	d.t.Helper()
	for {
		var ended int
		err := d.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sluice' AND query = 'rollback' AND state = 'idle'").Scan(&ended)
		if err != nil {
			d.t.Fatal(err)
		}
		if ended > 0 {
			return
		}
	}
}
