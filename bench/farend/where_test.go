package farend

import (
	"strings"
	"testing"

	"sluice/bench/result"
)

func TestWhere(t *testing.T) {
	for _, c := range []struct {
		name, address      string
		kind, region, show string
	}{
		{"a queue", "https://sqs.us-east-1.amazonaws.com/123456789012/records", result.AWS, "us-east-1", "https://sqs.us-east-1.amazonaws.com/123456789012/records"},
		{"an API", "https://abc.execute-api.eu-west-1.amazonaws.com/v1/records", result.AWS, "eu-west-1", "https://abc.execute-api.eu-west-1.amazonaws.com/v1/records"},
		{"an API whose id looks like a region", "https://ab-cd-1.execute-api.eu-west-1.amazonaws.com/v1", result.AWS, "eu-west-1", ""},
		{"an endpoint of a VPC", "https://vpce-0a1-b2c.sqs.us-gov-west-1.vpce.amazonaws.com/1/q", result.AWS, "us-gov-west-1", ""},
		{"an endpoint of a VPC in one zone", "https://vpce-0a1-b2c-us-east-1a.sqs.us-east-1.vpce.amazonaws.com/1/q", result.AWS, "us-east-1", ""},
		{"the old name of SQS, of no region", "https://queue.amazonaws.com/1/q", result.AWS, "", ""},
		{"China", "https://sqs.cn-north-1.amazonaws.com.cn/1/q", result.AWS, "cn-north-1", ""},
		{"dual stack", "https://sqs.ap-southeast-2.api.aws/1/q", result.AWS, "ap-southeast-2", ""},
		{"the cloud of Europe", "https://sqs.eusc-de-east-1.amazonaws.eu/1/q", result.AWS, "eusc-de-east-1", ""},
		{"capitals and a final point", "https://SQS.US-East-1.AmazonAWS.com./1/q", result.AWS, "us-east-1", ""},
		{"a custom domain", "https://ingest.example.com/v1", result.Remote, "", "https://ingest.example.com/v1"},
		{"a name that only contains Amazon's", "https://sqs.us-east-1.amazonaws.com.example.com/1/q", result.Remote, "", ""},
		{"a name that only ends like Amazon's", "https://notamazonaws.com/1/q", result.Remote, "", ""},
		{"this machine", "http://127.0.0.1:4566/000000000000/q", result.Local, "", "http://127.0.0.1:4566/000000000000/q"},
		{"this machine by name", "http://localhost:4566/q", result.Local, "", ""},
		{"this machine in IPv6", "http://[::1]:4566/q", result.Local, "", ""},
		{"another machine by address", "http://192.0.2.1/q", result.Remote, "", ""},
		{"a broker with a password", "amqp://user:canary@mq.example.com:5671/vhost", result.Remote, "", "amqp://mq.example.com:5671/vhost"},
		{"a secret in the query", "https://ingest.example.com/v1?key=canary#canary", result.Remote, "", "https://ingest.example.com/v1"},
		{"no address", "canary:://", result.Remote, "", "an address that cannot be shown"},
		{"an empty address", "", result.Remote, "", "an address that cannot be shown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := where("sqs", c.address)
			if got.Kind != c.kind || got.Region != c.region {
				t.Errorf("%s: kind %q and region %q, want %q and %q", c.address, got.Kind, got.Region, c.kind, c.region)
			}
			if c.show != "" && got.Name != c.show || strings.Contains(got.Name, "canary") {
				t.Errorf("%s: shown as %q, want %q", c.address, got.Name, c.show)
			}
		})
	}
}
