package farend

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sluice/bench/workload"
)

// dnsFailure is the kind of fault that a name server brings about.
const dnsFailure = "dns_failure"

// nameServerVariable tells a sender, and nobody else, which name server to ask: host:port.
const nameServerVariable = "BENCH_NAME_SERVER"

// Resolve makes this process look names up as its far end wants it: at a name server of the benchmark if the environment
// has one, and else as always. A sender calls it before it opens a transport.
func Resolve() {
	server := os.Getenv(nameServerVariable)
	if server == "" {
		return
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server)
	}}
}

// A nameServer knows one name, which stands for 127.0.0.1, and fails to answer for it when it is told to. It speaks DNS
// (RFC 1035) over UDP. Safe for concurrent use.
type nameServer struct {
	name string // without a dot at its end
	conn net.PacketConn
	done chan struct{}

	mu     sync.Mutex
	armed  time.Time
	faults []workload.Fault
	failed int // lookups, since armed
}

// startNameServer starts one on a port of its own. Close it.
func startNameServer(name string) (*nameServer, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &nameServer{name: name, conn: conn, done: make(chan struct{})}
	go n.serve()
	return n, nil
}

// close ends the server.
func (n *nameServer) close() error {
	err := n.conn.Close()
	<-n.done
	return err
}

// arm lets it fail as the faults say, from now on.
func (n *nameServer) arm(list []workload.Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.armed, n.faults, n.failed = time.Now(), list, 0
}

// striking reports whether the name cannot be found now.
func (n *nameServer) striking() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.strikes()
}

func (n *nameServer) strikes() bool {
	since := time.Since(n.armed)
	return slices.ContainsFunc(n.faults, func(f workload.Fault) bool { return since >= f.At && since < f.At+f.For })
}

// fired is how many questions for the address have failed since arm; a lookup that asks again is counted again.
func (n *nameServer) fired() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

// serve answers until the connection is closed.
func (n *nameServer) serve() {
	defer close(n.done)
	buffer := make([]byte, 1500)
	for {
		length, from, err := n.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := n.answer(buffer[:length]); answer != nil {
			_, _ = n.conn.WriteTo(answer, from) // who gets none asks again
		}
	}
}

// answer returns the answer to a question, or nil if it is none.
func (n *nameServer) answer(question []byte) []byte {
	var parser dnsmessage.Parser
	asked, err := parser.Start(question)
	if err != nil || asked.Response {
		return nil
	}
	q, err := parser.Question()
	if err != nil {
		return nil
	}
	reply := dnsmessage.Message{
		Header: dnsmessage.Header{ID: asked.ID, Response: true, RecursionDesired: asked.RecursionDesired, RecursionAvailable: true,
			RCode: n.fate(q)},
		Questions: []dnsmessage.Question{q},
	}
	if reply.RCode == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA {
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}, // no time to live: each lookup asks
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// fate says what becomes of a question. A resolver asks for addresses of both families side by side; the one that has an
// answer is counted.
func (n *nameServer) fate(q dnsmessage.Question) dnsmessage.RCode {
	if !strings.EqualFold(strings.TrimSuffix(q.Name.String(), "."), n.name) || q.Class != dnsmessage.ClassINET {
		return dnsmessage.RCodeNameError
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeAAAA:
		return dnsmessage.RCodeNameError
	case !n.strikes():
		return dnsmessage.RCodeSuccess
	case q.Type == dnsmessage.TypeA:
		n.failed++
	}
	return dnsmessage.RCodeServerFailure
}
