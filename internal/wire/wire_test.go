package wire_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"sluice/internal/wire"
)

// listen starts a server that takes connections and reads nothing.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

// stuck writes to conn until nothing goes any more, and returns how that ended.
func stuck(conn net.Conn) <-chan error {
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = conn.Write(make([]byte, 1<<20))
		}
		ended <- err
	}()
	return ended
}

func TestReleaseEndsAStuckWrite(t *testing.T) {
	t.Parallel()
	w := wire.New(time.Second, nil)
	defer w.Shut()
	conn, err := w.Dial("tcp", listen(t))
	if err != nil {
		t.Fatal(err)
	}
	ended := stuck(conn)
	w.Release()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write ended with %v, want a deadline", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the write is still stuck")
	}
}

func TestShutIsForGood(t *testing.T) {
	t.Parallel()
	address := listen(t)
	w := wire.New(time.Second, nil)
	conn, err := w.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ended := stuck(conn)
	w.Shut()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the write ended with %v, want that the connection is closed", err)
	}
	if conn, err := w.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("there is a new connection after Shut")
	}
	w.Release() // does nothing
}
