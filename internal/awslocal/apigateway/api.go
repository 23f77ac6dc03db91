package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluice/internal/awslocal/sigv4"
)

// Limits of the service. REST API: payload 10 MB, header values 10,240 bytes, URL 10,240 bytes, method ARN 1,600 bytes,
// integration 29 s; Lambda: 6 MB for an event and for a response.
const (
	MaxBody        = 10 << 20
	maxHeaders     = 10_240
	maxURL         = 10_240
	maxARN         = 1_600
	maxLambda      = 6 << 20
	defaultTimeout = 29 * time.Second
)

// Options describes one API with one stage. Verifier and Routes are needed.
type Options struct {
	Verifier *sigv4.Verifier
	Account  string // 12 digits
	Region   string
	ID       string // of the API; empty: 10 characters like a real one
	Stage    string // first segment of every path; empty: v1
	Routes   []Route

	Policy   Policy        // who may call what
	Plans    []UsagePlan   // keys, throttles and quotas
	Throttle Throttle      // of the whole stage; zero: none
	Binary   []string      // media types whose bodies reach the integration in base64
	Timeout  time.Duration // of an integration; 0: 29 s
	Now      func() time.Time

	// Pace is asked about every request that is admitted: how long it takes until the function begins, and from its end
	// to the answer. nil: no time.
	Pace func() (before, after time.Duration)
	// Concurrency is how many invocations there can be at once; one more is answered 429. 0: without bound.
	Concurrency int
	// ColdStart is asked about an invocation that finds no idle environment: how long it waits for a new one. Environments
	// stay for IdleLife without work. nil: there are no cold starts.
	ColdStart func() time.Duration
	IdleLife  time.Duration
}

// An API serves requests. Safe for concurrent use.
type API struct {
	options Options
	keys    map[string]*meter // usage plan state by the value of the API key
	stage   *bucket
	ctx     context.Context // ends with Close; integrations run in it, not in the client's, as a Lambda function does
	cancel  context.CancelFunc

	running sync.WaitGroup // integrations, which may outlive their requests
	places  *environments  // nil: nothing is counted
}

// New checks the options and returns the API.
func New(o Options) (*API, error) {
	if o.Verifier == nil || len(o.Routes) == 0 {
		return nil, errors.New("an API needs a verifier and at least one route")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Stage == "" {
		o.Stage = "v1"
	}
	if o.ID == "" {
		o.ID = newAPIID()
	}
	o.Routes = slices.Clone(o.Routes)
	for i := range o.Routes {
		if err := o.Routes[i].check(); err != nil {
			return nil, err
		}
		o.Routes[i].bucket = newBucket(o.Routes[i].Throttle)
	}
	keys, err := newMeters(o.Plans)
	if err != nil {
		return nil, err
	}
	a := &API{options: o, keys: keys, stage: newBucket(o.Throttle)}
	if o.Concurrency > 0 || o.ColdStart != nil {
		a.places = &environments{most: o.Concurrency, cold: o.ColdStart, life: o.IdleLife}
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a, nil
}

// Close ends the context of the integrations that still run and waits for them. No request may be served after it.
func (a *API) Close() {
	a.cancel()
	a.running.Wait()
}

// call is one request on its way through the API.
type call struct {
	r      *http.Request
	body   []byte
	path   string // without the stage, as sent
	id     string // x-amzn-RequestId
	extra  string // x-amz-apigw-id
	at     time.Time
	route  *Route
	params map[string]string // of the path
	caller *sigv4.Identity   // nil: the route asks for no signature
	key    *APIKey           // nil: the route asks for no key
	effect Effect            // of a scripted fault
}

// ServeAPI answers a request; body is all of it. The header x-amzn-RequestId is used if it is set already.
func (a *API) ServeAPI(w http.ResponseWriter, r *http.Request, body []byte) {
	a.ServeAffected(w, r, body, Effect{})
}

// ServeAffected is ServeAPI for a request that a scripted fault makes something of.
func (a *API) ServeAffected(w http.ResponseWriter, r *http.Request, body []byte, f Effect) {
	c := &call{r: r, body: body, at: a.options.Now(), id: requestID(w, r), extra: sigv4.RandomID(15) + "=", effect: f}
	h := w.Header()
	h.Set("X-Amzn-Requestid", c.id)
	h.Set("X-Amz-Apigw-Id", c.extra)
	if refused := a.admit(c); refused != nil {
		refused.write(w, r)
		return
	}
	answer, refused := a.integrate(c)
	if refused != nil {
		refused.write(w, r)
		return
	}
	answer.write(w, r)
}

// admit runs everything that comes before the integration.
func (a *API) admit(c *call) *gatewayResponse {
	for _, step := range []func(*call) *gatewayResponse{
		a.checkSize, a.findRoute, a.authenticate, a.authorize, a.checkKey, a.throttle, a.validate, a.checkMediaType,
	} {
		if refused := step(c); refused != nil {
			return refused
		}
	}
	if c.effect.Refuse != nil {
		return a.response(c.effect.Refuse, c)
	}
	return nil
}

func (a *API) checkSize(c *call) *gatewayResponse {
	if len(c.body) > MaxBody {
		return tooLarge
	}
	n := len(c.r.Host)
	for _, values := range c.r.Header {
		for _, v := range values {
			n += len(v)
		}
	}
	if n > maxHeaders {
		return requestTooLong
	}
	if len(c.r.RequestURI) > maxURL {
		return uriTooLong
	}
	return nil
}

// methodARN names what the caller wants to invoke.
func (a *API) methodARN(c *call, account string) string {
	return fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s",
		a.options.Region, account, a.options.ID, a.options.Stage, c.r.Method, c.path)
}
