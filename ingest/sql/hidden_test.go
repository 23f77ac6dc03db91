package sql_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/internal/fault"
)

// TestAServerThatRepeatsThePasswordIsNotRepeated: what a server, or a pooler before it, says is shown without the password.
func TestAServerThatRepeatsThePasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() { ended <- gossip(l) }()
	s := open(t, "postgres://me:"+password+"@"+l.Addr().String()+"/x?sslmode=disable", nil)
	_, err = s.Read(t.Context(), "")
	if gossiped := <-ended; gossiped != nil {
		t.Fatal(gossiped)
	}
	if f := fault.From(err); err == nil || f.Class != fault.Blocked || f.Reason != "unauthorized" {
		t.Fatalf("Read = %v, want a Blocked fault: unauthorized", err)
	}
	if text := err.Error(); strings.Contains(text, password) || !strings.Contains(text, "the password *** is wrong") {
		t.Errorf("the error is %q, want what the server said without the password", text)
	}
}

// gossip is a server that asks one client for its password in the clear, and repeats it.
func gossip(l net.Listener) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	server := pgproto3.NewBackend(conn, conn)
	if _, err := server.ReceiveStartupMessage(); err != nil {
		return err
	}
	server.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := errors.Join(server.Flush(), server.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
		return err
	}
	msg, err := server.Receive()
	if err != nil {
		return err
	}
	given, ok := msg.(*pgproto3.PasswordMessage)
	if !ok {
		return errors.New("the client has sent no password")
	}
	server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "the password " + given.Password + " is wrong"})
	return server.Flush()
}
