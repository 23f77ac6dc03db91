package readback_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/awscreds"
	"sluice/internal/readback"
	"sluice/transport/transporttest"
)

// A destination is one kind of destination as the tests of consumers need it.
type destination struct {
	put  func(id string) // a message with this ID, the key "k", the header h=v and the body "body of <id>"
	open func(readback.Options) readback.Consumer
	drop func() // deletes it
	cut  func() // breaks all connections of the consumers

	ordered bool
	stored  bool // says when it took a message
	first   bool // says when it first handed one out
}

func onSQS(queue string) func(*testing.T) destination {
	return func(t *testing.T) destination {
		who, _ := standIn(t, "another")
		url, err := readback.CreateSQSQueue(t.Context(), who, queue, map[string]string{"VisibilityTimeout": "2"})
		if err != nil {
			t.Fatal(err)
		}
		c := client.NewFromConfig(who.Config())
		p := transporttest.NewProxy(t, strings.TrimPrefix(aws.ToString(who.Config().BaseEndpoint), "http://"))
		cfg := who.Config()
		cfg.BaseEndpoint = aws.String("http://" + p.Address())
		reader, err := awscreds.New(cfg, awscreds.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reader.Close)
		text := func(s string) types.MessageAttributeValue {
			return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
		}
		return destination{
			put: func(id string) {
				if _, err := c.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("body of " + id),
					MessageAttributes: map[string]types.MessageAttributeValue{"sluice-id": text(id), "sluice-key": text("k"), "h": text("v")}}); err != nil {
					t.Error(err)
				}
			},
			open: func(o readback.Options) readback.Consumer { return readback.OpenSQS(reader, url, o) },
			cut:  p.Cut,
			drop: func() {
				for range 2 { // the second finds none
					if err := readback.DeleteSQSQueue(t.Context(), who, url); err != nil {
						t.Error(err)
					}
				}
			},
			stored: true, first: true,
		}
	}
}

func onJetStream(memory bool) func(*testing.T) destination {
	return func(t *testing.T) destination {
		nc := startNATS(t)
		for range 2 { // the second finds it
			if err := readback.CreateStream(t.Context(), nc, "RECORDS", "records", memory); err != nil {
				t.Fatal(err)
			}
		}
		p := transporttest.NewProxy(t, nc.ConnectedAddr())
		reader, err := nats.Connect("nats://"+p.Address(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reader.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		return destination{
			put: func(id string) {
				m := &nats.Msg{Subject: "records", Data: []byte("body of " + id), Header: nats.Header{}}
				m.Header.Set("Nats-Msg-Id", id)
				m.Header.Set("Sluice-Key", "k")
				m.Header["h"] = []string{"v"}
				if _, err := js.PublishMsg(t.Context(), m); err != nil {
					t.Error(err)
				}
			},
			open: func(o readback.Options) readback.Consumer {
				c, err := readback.OpenJetStream(t.Context(), reader, "RECORDS", "", o)
				if err != nil {
					t.Fatal(err)
				}
				return c
			},
			drop: func() {
				for range 2 {
					if err := readback.DeleteStream(t.Context(), nc, "RECORDS"); err != nil {
						t.Error(err)
					}
				}
			},
			cut:     p.Cut,
			ordered: true, stored: true,
		}
	}
}

func onRabbitMQ(t *testing.T) destination {
	dial := dialRabbitMQ(t)
	queue := "readback-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	for range 2 {
		if err := readback.CreateRabbitMQQueue(t.Context(), dial, queue); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		t.Fatal(err)
	}
	drop := func() {
		for range 2 {
			if err := readback.DeleteRabbitMQQueue(context.Background(), dial, queue); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(drop)
	p := transporttest.NewProxy(t, conn.RemoteAddr().String())
	far := func(context.Context) (*amqp.Connection, error) { return amqp.Dial("amqp://" + p.Address()) }
	n := 0
	return destination{
		put: func(id string) {
			n++
			c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{MessageId: id, CorrelationId: fmt.Sprint("copy-", n),
				Body: []byte("body of " + id), Headers: amqp.Table{"sluice-key": "k", "h": "v"}})
			if err != nil || !c.Wait() {
				t.Errorf("publish %s: %v", id, err)
			}
		},
		open:    func(o readback.Options) readback.Consumer { return readback.OpenRabbitMQ(far, queue, o) },
		cut:     p.Cut,
		drop:    drop,
		ordered: true,
	}
}

// each runs a test against every kind of destination.
func each(t *testing.T, test func(*testing.T, destination)) {
	for name, open := range map[string]func(*testing.T) destination{"SQS": onSQS("records"), "a stream in files": onJetStream(false),
		"a stream in memory": onJetStream(true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("RabbitMQ", func(t *testing.T) {
		t.Parallel()
		test(t, onRabbitMQ(t))
	})
}

func closed(t *testing.T, c readback.Consumer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func backlog(t *testing.T, c readback.Consumer) int {
	t.Helper()
	n, err := c.Backlog(t.Context())
	if err != nil {
		t.Errorf("Backlog: %v", err)
	}
	return n
}

// wantNone fails unless the backlog comes to nothing. A server may deal with acknowledgements after it has read them.
func wantNone(t *testing.T, c readback.Consumer) {
	t.Helper()
	got := backlog(t, c)
	for deadline := time.Now().Add(10 * time.Second); got != 0 && time.Now().Before(deadline); {
		got = backlog(t, c)
	}
	if got != 0 {
		t.Errorf("Backlog is %d after everything was acknowledged, want 0", got)
	}
}

func TestConsumeHandsOverEveryCopy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d destination) {
		const n = 57
		before := time.Now()
		for i := range n {
			d.put(fmt.Sprintf("id-%02d", i))
		}
		d.put("id-00x") // a record of its own
		c := d.open(readback.Options{})
		defer closed(t, c)
		if got := backlog(t, c); got != n+1 {
			t.Errorf("Backlog is %d before anything is read, want %d", got, n+1)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var got []readback.Delivery
		err := c.Consume(ctx, func(hctx context.Context, one readback.Delivery) error {
			if got = append(got, one); len(got) == n+1 {
				cancel()
			}
			return hctx.Err() // the context of the one in hand has not ended
		})
		if err != nil {
			t.Fatalf("Consume: %v, want nil when its context ends", err)
		}
		ids, names := map[string]bool{}, map[string]bool{}
		for i, one := range got {
			ids[one.Record.ID], names[one.MessageID] = true, true
			want := fmt.Sprintf("id-%02d", i)
			if d.ordered && i < n && one.Record.ID != want {
				t.Errorf("number %d is %s, want %s", i, one.Record.ID, want)
			}
			if string(one.Record.Body) != "body of "+one.Record.ID || one.Record.Key != "k" || one.Record.Headers["h"] != "v" || len(one.Record.Headers) != 1 {
				t.Errorf("got %+v", one.Record)
			}
			if one.Receives != 1 || one.Arrived.Before(before) {
				t.Errorf("%s: received %d times, arrived %v, want once and after it was sent", one.Record.ID, one.Receives, one.Arrived)
			}
			if d.stored != one.Stored.After(before.Add(-time.Second)) || d.first != one.FirstReceived.After(before.Add(-time.Second)) {
				t.Errorf("%s: stored %v, first received %v; want them said: %v, %v", one.Record.ID, one.Stored, one.FirstReceived, d.stored, d.first)
			}
		}
		if len(got) != n+1 || len(ids) != n+1 || len(names) != n+1 || names[""] {
			t.Errorf("%d copies of %d records with %d names, want %d of each", len(got), len(ids), len(names), n+1)
		}
		wantNone(t, c)
	})
}

func TestCopyThatIsNotAcknowledgedComesBack(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]readback.Options{"given back": {Return: true, Visibility: time.Minute, Wait: time.Second},
		"left to its visibility": {Visibility: time.Second, Wait: time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d destination) {
				d.put("a")
				c := d.open(o)
				defer closed(t, c)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				var got []readback.Delivery
				err := c.Consume(ctx, func(_ context.Context, one readback.Delivery) error {
					if got = append(got, one); len(got) < 3 {
						return errors.New("crashed before the delete")
					}
					cancel()
					return nil
				})
				if err != nil || len(got) != 3 {
					t.Fatalf("%d deliveries, %v, want 3", len(got), err)
				}
				for i, one := range got {
					if one.MessageID != got[0].MessageID || one.Receives != i+1 {
						t.Errorf("delivery %d is of %q, received %d times; want the same copy %q, %d times", i, one.MessageID, one.Receives, got[0].MessageID, i+1)
					}
				}
				wantNone(t, c)
			})
		})
	}
}

// TestConsumeGoesOnAfterALoss breaks the connection while a copy is handled, so that its acknowledgement is lost.
func TestConsumeGoesOnAfterALoss(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d destination) {
		c := d.open(readback.Options{Visibility: time.Second, Wait: time.Second, Batch: 1})
		defer closed(t, c)
		d.put("a")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		got := map[string]int{}
		err := c.Consume(ctx, func(_ context.Context, one readback.Delivery) error {
			got[one.Record.ID]++
			switch {
			case len(got) == 1 && got["a"] == 1:
				d.cut()
				d.put("b")
			case len(got) == 2:
				cancel()
			}
			return nil
		})
		if err != nil || got["a"] < 1 || got["b"] < 1 {
			t.Errorf("got %v, %v, want a and b: the consumer connects again", got, err)
		}
	})
}

func TestPollersHandleAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d destination) {
		const pollers = 3
		c := d.open(readback.Options{Pollers: pollers, Batch: 1, Wait: time.Second})
		defer closed(t, c)
		for i := range pollers {
			d.put(fmt.Sprint("id-", i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var together sync.WaitGroup
		together.Add(pollers)
		if err := c.Consume(ctx, func(context.Context, readback.Delivery) error {
			together.Done()
			together.Wait() // for ever, unless as many are here
			cancel()
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestConsumeOfWhatIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d destination) {
		c := d.open(readback.Options{Wait: time.Second})
		d.put("a")
		err := c.Consume(t.Context(), func(context.Context, readback.Delivery) error {
			d.drop()
			return nil
		})
		if err == nil {
			t.Error("Consume returned nil although its context has not ended, want an error: the destination is gone")
		}
		closed(t, c)
	})
}
