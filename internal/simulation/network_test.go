package simulation

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A network has hosts that are reached by connections in memory, so that time can be virtual. Addresses are names only.
type network struct {
	mu    sync.Mutex
	hosts map[string]*listener
}

// serve makes h a host at address until the test ends.
func (n *network) serve(t *testing.T, address string, h http.Handler) {
	l := &listener{address: address, incoming: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	if n.hosts == nil {
		n.hosts = map[string]*listener{}
	}
	n.hosts[address] = l
	n.mu.Unlock()
	server := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
}

// dial connects to a host, or fails like a closed port.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[address]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.UnknownNetworkError(address)}
	}
	near, far := net.Pipe()
	select {
	case l.incoming <- far:
		return near, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A listener hands out the far ends.
type listener struct {
	address  string
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return name(l.address) }

// A name is an address in a network.
type name string

func (name) Network() string  { return "memory" }
func (n name) String() string { return string(n) }

// keys are those of the stand-in's user.
func keys(env map[string]string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]}, nil
	})
}
