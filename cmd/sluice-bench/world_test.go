package main

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/internal/awslocal"
)

// natsPassword is what the NATS server of a world asks for, and what must never be shown.
const natsPassword = "canary-of-nats"

// A world is what a benchmark meets that does not start servers of its own: a stand-in of AWS and a NATS server, both in
// this process and on addresses of their own.
type world struct {
	standIn *awslocal.Server
	http    *httptest.Server
	nats    *server.Server
	store   string
}

func newWorld() (*world, error) {
	w := &world{http: httptest.NewUnstartedServer(nil)}
	var err error
	if w.standIn, err = awslocal.New(awslocal.Options{BaseURL: "http://" + w.http.Listener.Addr().String()}); err != nil {
		return nil, err
	}
	w.http.Config.Handler = w.standIn
	w.http.Start()
	return w, nil
}

func startWorld(t *testing.T) *world {
	t.Helper()
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	w.http.CloseClientConnections()
	w.http.Close()
	w.standIn.Close()
	if w.nats != nil {
		w.nats.Shutdown()
		w.nats.WaitForShutdown()
		_ = os.RemoveAll(w.store)
	}
}

// settings are the variables of somebody who delivers to these transports.
func (w *world) settings(transports ...string) (map[string]string, error) {
	vars := map[string]string{}
	for _, transport := range transports {
		if transport == "jetstream" {
			if err := w.startNATS(); err != nil {
				return nil, err
			}
			vars["SLUICE_JETSTREAM_URL"], vars["SLUICE_JETSTREAM_USERNAME"], vars["SLUICE_JETSTREAM_PASSWORD"] = w.nats.ClientURL(), "bench", natsPassword
			continue
		}
		for _, v := range w.standIn.Environment() {
			if strings.HasPrefix(v.Name, "AWS_") || strings.HasPrefix(v.Name, "SLUICE_ROLE_") || strings.HasPrefix(v.Name, "SLUICE_"+strings.ToUpper(transport)) {
				vars[v.Name] = v.Value
			}
		}
	}
	return vars, nil
}

// secrets are what must never be shown.
func (w *world) secrets() []string {
	secrets := []string{natsPassword}
	for _, v := range w.standIn.Environment() {
		if v.Name == "AWS_SECRET_ACCESS_KEY" || v.Name == "SLUICE_APIGATEWAY_API_KEY" {
			secrets = append(secrets, v.Value)
		}
	}
	return secrets
}

// sqs is a client of the stand-in's user.
func (w *world) sqs() *sqs.Client {
	vars, _ := w.settings("sqs") // which starts nothing
	return sqs.New(sqs.Options{Region: vars["AWS_REGION"], BaseEndpoint: aws.String(w.http.URL),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], "")})
}

// url is the address of a queue.
func (w *world) url(queue string) string { return w.http.URL + "/000000000000/" + queue }

// queues are the names of the queues that there are.
func (w *world) queues(ctx context.Context) ([]string, error) {
	out, err := w.sqs().ListQueues(ctx, &sqs.ListQueuesInput{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, url := range out.QueueUrls {
		names = append(names, url[strings.LastIndexByte(url, '/')+1:])
	}
	return names, nil
}

// put puts n messages into a queue.
func (w *world) put(ctx context.Context, queue string, n int) error {
	for i := range n {
		if _, err := w.sqs().SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(w.url(queue)), MessageBody: aws.String(fmt.Sprint("not the benchmark's ", i))}); err != nil {
			return err
		}
	}
	return nil
}

// held is how many messages a queue has, those that somebody has received and not deleted included.
func (w *world) held(ctx context.Context, queue string) (int, error) {
	out, err := w.sqs().GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(w.url(queue)), AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		return 0, err
	}
	total := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		n, err := strconv.Atoi(out.Attributes[name])
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// startNATS starts the NATS server, once.
func (w *world) startNATS() error {
	if w.nats != nil {
		return nil
	}
	var err error
	if w.store, err = os.MkdirTemp("", "sluice-bench-test-"); err != nil {
		return err
	}
	w.nats, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: w.store, NoLog: true, NoSigs: true,
		Username: "bench", Password: natsPassword})
	if err != nil {
		return err
	}
	w.nats.Start()
	if !w.nats.ReadyForConnections(10 * time.Second) {
		return net.ErrClosed
	}
	return nil
}

// stream runs do with JetStream.
func (w *world) stream(do func(jetstream.JetStream) error) error {
	if err := w.startNATS(); err != nil {
		return err
	}
	nc, err := nats.Connect(w.nats.ClientURL(), nats.UserInfo("bench", natsPassword))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return do(js)
}

// streams are the streams that there are, each with the number of its consumers.
func (w *world) streams(ctx context.Context) ([]string, error) {
	all := []string{}
	err := w.stream(func(js jetstream.JetStream) error {
		list := js.ListStreams(ctx)
		for s := range list.Info() {
			all = append(all, fmt.Sprintf("%s:%d", s.Config.Name, s.State.Consumers))
		}
		return list.Err()
	})
	slices.Sort(all)
	return all, err
}
