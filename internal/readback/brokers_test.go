package readback_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/readback"
)

// startNATS starts a server with JetStream and returns a connection to it.
func startNATS(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server takes no connections")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// skip skips aloud, or fails where MUST_RUN, a list of names, demands the test.
func skip(t *testing.T, why string) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), name) {
		t.Fatalf("MUST_RUN names %s, but %s", name, why)
	}
	t.Skipf("SKIPPED: %s", why)
}

const brokerScript = "../../.ci/rabbitmq"

// broker is the address of a RabbitMQ: that of TEST_RABBITMQ_URL, or one of these tests' own.
var broker = sync.OnceValues(func() (url string, err error) {
	if url := os.Getenv("TEST_RABBITMQ_URL"); url != "" {
		return url, nil
	}
	folder, err := os.MkdirTemp("", "readback")
	if err != nil {
		return "", err
	}
	ownBroker = folder
	out, err := script("start")
	return strings.TrimSpace(out), err
})

var ownBroker string // its folder, if there is one

func script(command string) (string, error) {
	c := exec.Command(brokerScript, command)
	c.Env = append(os.Environ(), "RABBITMQ_FOLDER="+ownBroker)
	out, err := c.Output()
	return string(out), err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if ownBroker != "" {
		_, _ = script("stop")
		_ = os.RemoveAll(ownBroker)
	}
	os.Exit(code)
}

// dialRabbitMQ returns a way to connect to a broker, which it starts if need be.
func dialRabbitMQ(t *testing.T) readback.Dial {
	t.Helper()
	url, err := broker()
	if err != nil {
		skip(t, "there is no TEST_RABBITMQ_URL, and .ci/rabbitmq starts no broker here: "+err.Error())
	}
	return func(context.Context) (*amqp.Connection, error) { return amqp.Dial(url) }
}
