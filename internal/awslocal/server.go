package awslocal

import (
	"fmt"
	"net/http"
	"strings"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/sigv4"
	"sluice/internal/awslocal/sqs"
	"sluice/internal/awslocal/sts"
)

// A Server is the stand-in as an http.Handler. Safe for concurrent use.
type Server struct {
	options  Options
	verifier *sigv4.Verifier
	user     sigv4.Credentials
	queueURL string

	sqs *sqs.Engine
	sts *sts.Engine
	api *apigateway.API
}

// New makes a server with one user, one role, one queue and one API. Close it when no request is being served any more.
func New(o Options) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	keys := sigv4.NewKeys(o.Account)
	s := &Server{
		options:  o,
		verifier: &sigv4.Verifier{Keys: keys, Region: o.Region, Now: o.Now},
		user:     keys.AddUser(o.User),
		sqs:      sqs.New(sqs.Options{Account: o.Account, Region: o.Region, BaseURL: o.BaseURL, Now: o.Now}),
		sts: sts.New(sts.Options{Keys: keys, Account: o.Account, TokenLength: o.TokenLength, Now: o.Now, Roles: []sts.Role{{
			Name: o.Role, ExternalID: o.ExternalID, MaxSession: o.MaxSession,
			Trusts: []string{fmt.Sprintf("arn:aws:iam::%s:user/%s", o.Account, o.User)},
		}}}),
	}
	attributes := map[string]string{}
	if strings.HasSuffix(o.Queue, ".fifo") {
		attributes["FifoQueue"] = "true"
	}
	if s.queueURL, err = s.sqs.CreateQueue(o.Queue, attributes); err != nil {
		return nil, fmt.Errorf("stand-in: create queue %q: %w", o.Queue, err)
	}
	if s.api, err = s.newAPI(); err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	return s, nil
}

// Close ends long polls and the integrations that still run.
func (s *Server) Close() {
	s.sqs.Close()
	s.api.Close()
}

// ServeHTTP answers one request to any of the services.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", apigateway.NewRequestID())
	h.Set("Date", s.options.Now().UTC().Format(http.TimeFormat)) // clients correct their clocks by it
	if !isLoopbackHost(r.Host) {
		// A page in a browser could reach this address under a name of its own (DNS rebinding).
		http.Error(w, fmt.Sprintf("The stand-in answers requests to localhost only, not to %q.", r.Host), http.StatusForbidden)
		return
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	switch serviceOf(r, body) {
	case "sqs":
		if caller, ok := s.verify(w, r, body, "sqs", s.sqs.ServeError); ok {
			s.sqs.ServeSQS(w, r, body, caller)
		}
	case "sts":
		if caller, ok := s.verify(w, r, body, "sts", s.sts.ServeError); ok {
			s.sts.ServeSTS(w, r, body, caller)
		}
	default:
		s.api.ServeAPI(w, r, body) // verifies by itself, since other checks come first there
	}
}

type errorWriter func(w http.ResponseWriter, r *http.Request, code, message string, status int)

// verify returns the caller, or answers the request in the service's own form.
func (s *Server) verify(w http.ResponseWriter, r *http.Request, body []byte, service string, refuse errorWriter) (sigv4.Identity, bool) {
	caller, err := s.verifier.Verify(r, body, service)
	if err == nil {
		return caller, true
	}
	if e, ok := err.(*sigv4.Error); ok {
		message := e.Message
		if e.Reason == sigv4.MissingToken {
			message = "Request is missing Authentication Token"
		}
		refuse(w, r, e.Code, message, e.Status)
	} else {
		refuse(w, r, "InternalFailure", err.Error(), http.StatusInternalServerError)
	}
	return sigv4.Identity{}, false
}

// newAPI makes the API: the record route, the example of a validated route, and those of the options. The role may
// invoke it; the user may not, so that whoever forgets to assume the role learns it here.
func (s *Server) newAPI() (*apigateway.API, error) {
	o := s.options
	records := apigateway.Route{Method: "POST", Path: "/records", NeedsKey: true, Integration: o.Records}
	if records.Integration == nil {
		records.Integration = apigateway.Handler(s.record).Lambda()
	}
	if len(o.RecordSchema) > 0 {
		model, err := apigateway.ParseModel(o.RecordSchema)
		if err != nil {
			return nil, err
		}
		records.Models = map[string]*apigateway.Model{"application/json": model, "$default": model}
	}
	seed, err := apigateway.ParseModel([]byte(seedModel))
	if err != nil {
		return nil, err
	}
	routes := append([]apigateway.Route{records, {
		Method: "POST", Path: "/seed", NeedsKey: true, Integration: apigateway.Handler(s.record).Lambda(),
		Models: map[string]*apigateway.Model{"application/json": seed},
	}}, o.Routes...)
	anywhere := []string{"arn:aws:execute-api:*"}
	return apigateway.New(apigateway.Options{
		Verifier: s.verifier, Account: o.Account, Region: o.Region, ID: o.APIID, Stage: o.Stage, Routes: routes,
		Plans:   []apigateway.UsagePlan{{Throttle: o.Throttle, Quota: o.Quota, Keys: []apigateway.APIKey{{ID: "standin", Value: o.APIKey}}}},
		Binary:  o.Binary,
		Timeout: o.Timeout,
		Now:     o.Now,
		Policy: apigateway.Policy{
			Identity: []apigateway.Statement{{Principals: []string{s.roleARN()}, Resources: anywhere}},
			Resource: append([]apigateway.Statement{{Deny: true, Principals: []string{s.userARN()}, Resources: anywhere}}, o.Statements...),
		},
	})
}

func (s *Server) roleARN() string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", s.options.Account, s.options.Role)
}

func (s *Server) userARN() string {
	return fmt.Sprintf("arn:aws:iam::%s:user/%s", s.options.Account, s.options.User)
}
