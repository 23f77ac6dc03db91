package apigateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sluice/internal/awscreds"
	"sluice/transport"
)

const (
	opPost  = "apigateway.POST"
	opCheck = "apigateway.Check"
	service = "execute-api" // the name to sign for; "apigateway" is the service that builds APIs
)

// A Transport posts to one endpoint. It is safe for concurrent use.
type Transport struct {
	cfg     Config
	url     *url.URL
	region  string
	aws     *awscreds.AWS
	signer  *v4.Signer // caches one signing key, so it is not shared between identities
	http    *http.Client
	clock   clock
	repeats repeats
	text    bool // bodies have to be UTF-8
	caps    transport.Capabilities
}

// Open prepares to post. It makes no request. The Transport uses a until it is closed, and does not close it.
func Open(cfg Config, a *awscreds.AWS) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("URL is not an address")
	}
	region := cfg.region(u, a.Region())
	if region == "" {
		return nil, errors.New("the region of the gateway is not known; set SLUICE_APIGATEWAY_REGION or AWS_REGION")
	}
	return &Transport{
		cfg: cfg, url: u, region: region, aws: a, signer: v4.NewSigner(), http: a.HTTPClient(), text: isText(cfg.ContentType),
		caps: transport.Capabilities{MaxRecords: 1, MaxRecordBytes: cfg.MaxRecordBytes},
	}, nil
}

// Capabilities says that a request carries one record.
func (t *Transport) Capabilities() transport.Capabilities { return t.caps }

// Close closes the idle connections.
func (t *Transport) Close() error {
	t.http.CloseIdleConnections()
	return nil
}

// Check fetches the credentials to sign with and opens a connection to the endpoint, TLS included, or to the proxy where
// one stands before it. It sends nothing: whether the gateway accepts the signature, the API key and the path shows only
// when a record is delivered. Who signs is told by awscreds.AWS.Identity.
func (t *Transport) Check(ctx context.Context) error {
	ctx, cancel := awscreds.Limit(ctx, t.cfg.Timeout, timeoutVariable)
	defer cancel()
	if _, err := t.aws.Retrieve(ctx); err != nil {
		return err
	}
	return t.aws.Connect(ctx, opCheck, t.url)
}
