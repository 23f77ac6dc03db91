package awslocal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
	"sluice/internal/awslocal/model"
	"sluice/internal/awslocal/sigv4"
)

// Options says what a Server holds. Only BaseURL is needed.
type Options struct {
	BaseURL string // how clients reach the server, for example http://127.0.0.1:4599; part of queue and API URLs

	Account string           // 12 digits; empty: 000000000000
	Region  string           // empty: us-east-1
	Now     func() time.Time // nil: time.Now; the Date header of every answer tells it too

	User        string        // name of the user who gets a long-lived key; empty: sluice
	Role        string        // name of the role that the user may assume; empty: sluice-writer
	ExternalID  string        // that has to be given with it; empty: a random one
	MaxSession  time.Duration // longest session of the role, 1 to 12 hours; 0: one hour
	TokenLength int           // characters of a session token, 64 to 4096; 0: 800

	Queue  string // name of the queue that exists from the start; empty: records; FIFO if it ends in .fifo
	APIKey string // 20 to 128 letters and digits; empty: a random one
	APIID  string // empty: a random one
	Stage  string // empty: v1

	Throttle apigateway.Throttle // of the API key
	Quota    apigateway.Quota    // of the API key
	Timeout  time.Duration       // of an integration; 0: 29 s

	RecordSchema []byte                 // JSON Schema, draft 4, for bodies of /records of any content type; empty: none
	Records      apigateway.Lambda      // answers /records; nil: puts the body into the queue
	Routes       []apigateway.Route     // more of them
	Statements   []apigateway.Statement // more of them, in the API's resource policy
	Binary       []string               // media types that reach integrations in base64; nil: application/octet-stream

	// HangUp reports whether the connection that a request came on is closed when it is answered, so that the client has
	// to make another; nil: none is.
	HangUp func(*http.Request) bool

	Models model.Set     // how long things take; zero: no time
	Faults faults.Script // armed from the start; zero: none
}

// complete fills in the defaults and checks the rest.
func (o Options) complete() (Options, error) {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Account, "000000000000")
	set(&o.Region, "us-east-1")
	set(&o.User, "sluice")
	set(&o.Role, "sluice-writer")
	set(&o.ExternalID, "sluice-"+strings.ToLower(sigv4.RandomID(12)))
	set(&o.Queue, "records")
	set(&o.APIKey, sigv4.RandomID(40))
	set(&o.Stage, "v1")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxSession == 0 {
		o.MaxSession = time.Hour
	}
	if o.TokenLength == 0 {
		o.TokenLength = 800
	}
	if o.Binary == nil {
		o.Binary = []string{"application/octet-stream"}
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")

	var errs []error
	if u, err := url.Parse(o.BaseURL); err != nil || u.Scheme == "" || !isLoopbackHost(u.Host) {
		errs = append(errs, fmt.Errorf("base URL %q: it has to be an http address of this machine's loopback interface", o.BaseURL))
	}
	if len(o.Account) != 12 || strings.Trim(o.Account, "0123456789") != "" {
		errs = append(errs, fmt.Errorf("account %q: an account has 12 digits", o.Account))
	}
	if o.MaxSession < time.Hour || o.MaxSession > 12*time.Hour {
		errs = append(errs, fmt.Errorf("longest session %v: it has to be from 1h to 12h", o.MaxSession))
	}
	if o.TokenLength < sigv4.MinTokenLength || o.TokenLength > 4096 {
		errs = append(errs, fmt.Errorf("session token of %d characters: it has to be from %d to 4096", o.TokenLength, sigv4.MinTokenLength))
	}
	if err := o.Models.Check(); err != nil {
		errs = append(errs, fmt.Errorf("models: %w", err))
	}
	return o, errors.Join(errs...)
}
