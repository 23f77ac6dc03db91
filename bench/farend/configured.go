package farend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/internal/awscreds"
	"sluice/internal/readback"
)

// configuredSQS is the queue SLUICE_SQS_QUEUE_URL, or one that is created and deleted again if that is not set. The
// records are received with the credentials of the environment, not with those of the role that sends.
func configuredSQS(ctx context.Context, o Options) (*trial.FarEnd, error) {
	if err := needs("SLUICE_SQS_QUEUE_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"); err != nil {
		return nil, err
	}
	identity, err := awscreds.Load(ctx, awscreds.Config{})
	if err != nil {
		return nil, err
	}
	address := os.Getenv("SLUICE_SQS_QUEUE_URL")
	remove := func(context.Context) error { return nil }
	if address == "" {
		if address, err = readback.CreateSQSQueue(ctx, identity, "sluice-bench-"+strings.ToLower(o.Run), nil); err != nil {
			identity.Close()
			return nil, fmt.Errorf("%w; set SLUICE_SQS_QUEUE_URL to a queue that is empty and nobody else's, or allow sqs:CreateQueue", err)
		}
		remove = func(ctx context.Context) error { return readback.DeleteSQSQueue(ctx, identity, address) }
	}
	f := queue(o, identity, address)
	f.Close = func(ctx context.Context) error {
		err := remove(ctx)
		identity.Close()
		return err
	}
	if !o.own() {
		f.Consume = nil
	}
	batching := o.side("sqs")
	f.Env = append(os.Environ(), "SLUICE_TRANSPORT=sqs", "SLUICE_SQS_QUEUE_URL="+address)
	f.Target = where("sqs", address)
	f.Target.Durability, f.Target.Consumer = "stored by the queue", o.Workload.Consumer.Mode
	f.Target.MaxRecords, f.Target.Linger = batching.MaxRecords, result.Millis(batching.Linger)
	n, err := f.Backlog(ctx)
	if err == nil && n > 0 {
		err = fmt.Errorf("the queue %s holds %d messages; name a queue that is empty and nobody else's, since the benchmark deletes what it receives", address, n)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(context.WithoutCancel(ctx)))
	}
	return f, nil
}

// configuredGateway is the API SLUICE_APIGATEWAY_URL. What is behind it is out of sight: a record is processed when the
// reply comes.
func configuredGateway(_ context.Context, o Options) (*trial.FarEnd, error) {
	if err := needs("SLUICE_APIGATEWAY_URL"); err != nil {
		return nil, err
	}
	address := os.Getenv("SLUICE_APIGATEWAY_URL")
	f := gateway(o)
	f.Env = append(os.Environ(), "SLUICE_TRANSPORT=apigateway")
	f.Target = where("apigateway", address)
	f.Target.Durability, f.Target.Consumer, f.Target.MaxRecords = "the integration has answered", "reply", 1
	f.Close = func(context.Context) error { return nil }
	return f, nil
}

// where says who serves an address.
func where(transport, address string) result.Target {
	t := result.Target{Transport: transport}
	t.Kind, t.Name = kindOf(address)
	for part := range strings.SplitSeq(t.Name, ".") {
		if t.Kind == result.AWS && strings.Count(part, "-") >= 2 {
			t.Region = part
		}
	}
	return t
}

// kindOf returns the kind of target that answers at an address, and the address without what may be secret in it.
func kindOf(address string) (kind, name string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return result.Remote, "an address that cannot be shown"
	}
	name = u.Scheme + "://" + u.Host + u.Path
	host := u.Hostname()
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && ip.IsLoopback():
		return result.Local, name
	case strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn"):
		return result.AWS, name
	}
	return result.Remote, name
}
