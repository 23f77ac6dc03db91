package farend

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/bench/cost"
	"sluice/bench/result"
)

func TestConfiguredJetStream(t *testing.T) {
	whole(t)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		Username: "bench", Password: canary})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("bench", canary))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OWN", Subjects: []string{"own"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	env := []string{"SLUICE_JETSTREAM_URL=" + s.ClientURL(), "SLUICE_JETSTREAM_USERNAME=bench", "SLUICE_JETSTREAM_PASSWORD=" + canary}
	for _, c := range []struct {
		name       string
		env        []string
		durability string
	}{
		{"made for the run", nil, "in the stream's file, one replica, not synced one by one"},
		{"by name", []string{"SLUICE_JETSTREAM_SUBJECT=own", "SLUICE_JETSTREAM_STREAM=OWN"}, "in the stream's memory, one replica"},
	} {
		t.Run(c.name, func(t *testing.T) {
			setenv(t, append(slices.Clone(env), c.env...)...)
			o := optionsOf(t, few, false)
			far, err := Open(t.Context(), "jetstream", o)
			if err != nil {
				t.Fatal(err)
			}
			if far.Target.Kind != result.Local || far.Target.Durability != c.durability {
				t.Errorf("%+v, want a server of this machine that keeps records %s", far.Target, c.durability)
			}
			wantDelivered(t, far, deliver(t, far, o))
			shut(t, far)
			var left []string
			for info := range js.ListStreams(t.Context()).Info() {
				left = append(left, fmt.Sprint(info.Config.Name, " with consumers: ", info.State.Consumers))
			}
			if !slices.Equal(left, []string{"OWN with consumers: 0"}) {
				t.Errorf("there are the streams %q, want the one that was there", left)
			}
		})
	}
}

// broker returns the address of a RabbitMQ: that of TEST_RABBITMQ_URL, or one of the script of this repository.
func broker(t *testing.T) string {
	t.Helper()
	if address := os.Getenv("TEST_RABBITMQ_URL"); address != "" {
		return address
	}
	folder := t.TempDir()
	script := func(what string) (string, error) {
		c := exec.Command("../../.ci/rabbitmq", what)
		c.Env = append(os.Environ(), "RABBITMQ_FOLDER="+folder)
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	address, err := script("start")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), t.Name()) {
			t.Fatalf("MUST_RUN names %s, but .ci/rabbitmq starts no broker: %v", t.Name(), err)
		}
		t.Skipf("SKIPPED: .ci/rabbitmq starts no broker here: %v", err)
	}
	t.Cleanup(func() { _, _ = script("stop") })
	return address
}

func TestRabbitMQ(t *testing.T) {
	whole(t)
	address := broker(t)
	for _, embedded := range []bool{true, false} {
		t.Run(fmt.Sprint("embedded ", embedded), func(t *testing.T) {
			setenv(t, "SLUICE_RABBITMQ_URL="+address)
			o := optionsOf(t, few, embedded)
			o.Broker = address
			far, err := Open(t.Context(), "rabbitmq", o)
			if err != nil {
				t.Fatal(err)
			}
			if far.Target.Kind != result.Local || far.Option != cost.RabbitMQ || far.Target.Settings["version"] == "" {
				t.Errorf("%+v billed as %s, want a broker of this machine, with its version", far.Target, far.Option)
			}
			wantDelivered(t, far, deliver(t, far, o))
			shut(t, far)
			cfg, err := brokerAt(address)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := cfg.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ch, err := conn.Channel()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ch.QueueDeclarePassive(o.made(), true, false, false, false, nil); err == nil {
				t.Errorf("the queue %s is left", o.made())
			}
		})
	}
}
