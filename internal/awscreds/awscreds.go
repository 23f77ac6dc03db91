package awscreds

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"sluice/internal/fault"
)

// loadTimeout bounds what the SDK asks the instance while it reads its settings.
const loadTimeout = 10 * time.Second

// AWS is an identity at AWS that stays fresh. Safe for concurrent use.
type AWS struct {
	sdk  aws.Config
	http *awshttp.BuildableClient
	base *cache // what the default chain leads to
	top  *cache // what is signed with: the role's, or base
	sts  *sts.Client

	stsHTTP *http.Client // its connections
}

// Load reads the SDK's settings and starts to fetch credentials in the background. It does not wait for them, so that a
// daemon starts while STS is down. It fails only for settings that are wrong.
func Load(ctx context.Context, c Config) (*AWS, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	client := config.WithHTTPClient(tapped(awshttp.NewBuildableClient(), c.Tap))
	sdk, err := config.LoadDefaultConfig(ctx, client)
	if err != nil {
		return nil, wrongSettings(err)
	}
	return open(sdk, c, func(ctx context.Context) (aws.CredentialsProvider, error) {
		sdk, err := config.LoadDefaultConfig(ctx, client)
		return sdk.Credentials, err
	})
}

// New is Load for settings of the SDK that are there already.
func New(sdk aws.Config, c Config) (*AWS, error) { return open(sdk, c, nil) }

// open makes an AWS of settings that reread, if it is not nil, reads again.
func open(sdk aws.Config, c Config, reread func(context.Context) (aws.CredentialsProvider, error)) (*AWS, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults(sdk.Region)
	if c.ARN != "" && c.STSRegion == "" {
		return nil, errors.New("the region of STS is not known; set AWS_REGION or SLUICE_ROLE_STS_REGION")
	}
	a := &AWS{}
	a.http, _ = sdk.HTTPClient.(*awshttp.BuildableClient)
	if a.http == nil {
		a.http = awshttp.NewBuildableClient()
	}
	chain := sdk.Credentials
	if chain == nil {
		return nil, errors.New("the AWS settings name no source of credentials")
	}
	a.base = newCache(fetchChain(chain, reread), chainTimeout)
	a.stsHTTP = newHTTPClient(a.http)
	a.sts = sts.NewFromConfig(sdk, func(o *sts.Options) {
		o.Logger = logging.Nop{}
		o.Credentials = a.base
		o.Region = c.STSRegion
		o.Retryer = aws.NopRetryer{} // the cache repeats, and counts
		o.HTTPClient = a.stsHTTP
	})
	a.top = a.base
	if c.ARN != "" {
		a.top = newCache(a.assume(c), fetchTimeout)
	}
	sdk.Credentials = a.top
	sdk.Logger = logging.Nop{} // what goes wrong is returned; the SDK would write lines of its own beside the log
	a.sdk = sdk
	return a, nil
}

// Close ends the background renewal, waits for it, and closes the idle connections to STS.
func (a *AWS) Close() {
	if a.top != a.base {
		a.top.close()
	}
	a.base.close()
	a.stsHTTP.CloseIdleConnections()
}

// Config returns the SDK's settings, with the fresh credentials inside.
func (a *AWS) Config() aws.Config { return a.sdk.Copy() }

// Region is the region of the AWS settings, or empty.
func (a *AWS) Region() string { return a.sdk.Region }

// HTTPClient returns a client with connections of its own that honours AWS_CA_BUNDLE and the proxy variables, follows no
// redirect, keeps as many idle connections as it has had requests in flight, and drops them after 15 seconds.
func (a *AWS) HTTPClient() *http.Client { return newHTTPClient(a.http) }

// Retrieve returns the credentials to sign with. It waits only if there are none that are valid.
func (a *AWS) Retrieve(ctx context.Context) (aws.Credentials, error) { return a.top.Retrieve(ctx) }

// Refresh returns newer credentials than rejected, which a service has called expired or unknown. Callers who saw the
// same credentials refused share one renewal.
func (a *AWS) Refresh(ctx context.Context, rejected aws.Credentials) (aws.Credentials, error) {
	return a.top.Refresh(ctx, rejected)
}

// Identity is who STS says we are.
type Identity struct {
	Account string
	ARN     string
}

// Identity asks STS who signs. It needs a region.
func (a *AWS) Identity(ctx context.Context) (Identity, error) {
	creds, err := a.Retrieve(ctx)
	if err != nil {
		return Identity{}, err
	}
	if a.sts.Options().Region == "" {
		return Identity{}, &fault.Error{Class: fault.Blocked, Reason: "sts_refused", Op: "sts.GetCallerIdentity",
			Err: errors.New("the region is not known; set AWS_REGION")}
	}
	ctx, w := Watch(ctx)
	out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.Options) { o.Credentials = pinned(creds) })
	if err != nil {
		return Identity{}, classifySTS("sts.GetCallerIdentity", "ask who we are", w, err)
	}
	return Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}, nil
}

// pinned is a provider of this one set.
func pinned(c aws.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

// fetchChain returns a fetch that makes the default chain look again. The chain has a cache of its own, which would hand
// out the same credentials until they end. Where it has found none, or such as have no end, which are those of a file or a
// variable, reread makes the chain anew: the SDK reads files with its settings and never again, and somebody may have
// rotated them.
func fetchChain(chain aws.CredentialsProvider, reread func(context.Context) (aws.CredentialsProvider, error)) func(context.Context) (aws.Credentials, error) {
	var tried, lasting, found bool // one fetch at a time: the cache's own
	return func(ctx context.Context) (aws.Credentials, error) {
		if tried && (lasting || !found) && reread != nil {
			if fresh, err := reread(ctx); err == nil && fresh != nil { // else somebody is just writing the file
				chain = fresh
			}
		}
		tried = true
		cached, isCache := chain.(*aws.CredentialsCache)
		if isCache {
			cached.Invalidate()
		}
		creds, err := chain.Retrieve(ctx)
		if reached := (*limit)(nil); err != nil && errors.As(context.Cause(ctx), &reached) {
			err = shown{reached.Error(), err} // the SDK speaks of a request that was cancelled
		}
		if err != nil {
			last := isCache && cached.IsCredentialsProvider(&ec2rolecreds.Provider{}) // where the chain ends if all else is unset
			return aws.Credentials{}, classifyChain(err, last && !found)
		}
		found, lasting = true, !creds.CanExpire
		return creds, nil
	}
}

// assume returns a fetch that assumes the role of c.
func (a *AWS) assume(c Config) func(context.Context) (aws.Credentials, error) {
	doing := "assume " + c.ARN
	provider := func(base aws.Credentials) *stscreds.AssumeRoleProvider {
		client := roleClient{a.sts, base}
		return stscreds.NewAssumeRoleProvider(client, c.ARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = c.SessionName
			o.Duration = c.Duration
			if c.ExternalID != "" {
				o.ExternalID = aws.String(c.ExternalID)
			}
		})
	}
	return func(ctx context.Context) (aws.Credentials, error) {
		base, err := a.base.Retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, err
		}
		watched, w := Watch(ctx)
		creds, err := provider(base).Retrieve(watched)
		if code := codeOf(err); code == "ExpiredToken" || code == "InvalidClientTokenId" {
			if base, again := a.base.Refresh(ctx, base); again == nil {
				creds, err = provider(base).Retrieve(watched)
			}
		}
		if err != nil {
			return aws.Credentials{}, classifySTS("sts.AssumeRole", doing, w, err)
		}
		return creds, nil
	}
}

// A roleClient assumes roles with one set of credentials, so that it is known which set was refused.
type roleClient struct {
	sts  *sts.Client
	base aws.Credentials
}

// AssumeRole makes the call.
func (r roleClient) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, opts ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	return r.sts.AssumeRole(ctx, in, append(opts, func(o *sts.Options) { o.Credentials = pinned(r.base) })...)
}
