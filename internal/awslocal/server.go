package awslocal

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
	"sluice/internal/awslocal/model"
	"sluice/internal/awslocal/sigv4"
	"sluice/internal/awslocal/sqs"
	"sluice/internal/awslocal/sts"
)

// A Server is the stand-in as an http.Handler. Safe for concurrent use.
type Server struct {
	options  Options
	keys     *sigv4.Keys
	verifier *sigv4.Verifier
	user     sigv4.Credentials
	queueURL string

	sqs *sqs.Engine
	sts *sts.Engine
	api *apigateway.API

	calls   callCounter
	faults  atomic.Pointer[faults.Armed]
	replies *model.Sampler // of the answers to sends; nil: at once
	done    chan struct{}  // closed when nobody is to wait any more
	release sync.Once
}

// New makes a server with one user, one role, one queue and one API. Close it when no request is being served any more.
func New(o Options) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	keys := sigv4.NewKeys(o.Account)
	queues := sqs.Options{Account: o.Account, Region: o.Region, BaseURL: o.BaseURL, Now: o.Now}
	paceQueues(o.Models, &queues)
	s := &Server{
		options:  o,
		keys:     keys,
		verifier: &sigv4.Verifier{Keys: keys, Region: o.Region, Now: o.Now},
		user:     keys.AddUser(o.User),
		sqs:      sqs.New(queues),
		replies:  o.Models.Sampler(model.Reply),
		done:     make(chan struct{}),
		sts: sts.New(sts.Options{Keys: keys, Account: o.Account, TokenLength: o.TokenLength, Now: o.Now, Roles: []sts.Role{{
			Name: o.Role, ExternalID: o.ExternalID, MaxSession: o.MaxSession,
			Trusts: []string{fmt.Sprintf("arn:aws:iam::%s:user/%s", o.Account, o.User)},
		}}}),
	}
	if err := s.Arm(o.Faults); err != nil {
		return nil, fmt.Errorf("stand-in: faults: %w", err)
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

// Close ends long polls, all that waits by a script or a model, and the integrations that still run.
func (s *Server) Close() {
	s.wake()
	s.api.Close()
}

// wake ends everything that lets requests wait.
func (s *Server) wake() {
	s.sqs.Close()
	s.release.Do(func() { close(s.done) })
}

// ServeHTTP answers one request to any of the services.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", apigateway.NewRequestID())
	h.Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	if !isLoopbackHost(r.Host) {
		// A page in a browser could reach this address under a name of its own (DNS rebinding).
		http.Error(w, fmt.Sprintf("The stand-in answers requests to localhost only, not to %q.", r.Host), http.StatusForbidden)
		return
	}
	if hangUp := s.options.HangUp; hangUp != nil && hangUp(r) {
		h.Set("Connection", "close")
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	service := serviceOf(r, body)
	call := s.callName(service, r, body)
	s.calls.add(call)
	s.serveCall(w, request{Request: r, body: body, service: service, call: call, fault: s.faults.Load().Next(scriptName(service), call)})
}

// dispatch hands a request to its service, which carries it out unless the script refuses it.
func (s *Server) dispatch(w http.ResponseWriter, r request) {
	if r.service == "execute-api" {
		s.api.ServeAffected(w, r.Request, r.body, r.gatewayEffect()) // verifies by itself, since other checks come first there
		return
	}
	refuseCaller, refuseCall := s.sqs.ServeError, s.sqs.Refuse
	if r.service == "sts" {
		refuseCaller, refuseCall = s.sts.ServeError, s.sts.Refuse
	}
	w = s.paced(r.Context(), w, r.call)
	caller, ok := s.verify(w, r, refuseCaller)
	if !ok {
		return
	}
	code, refused := r.refusal()
	switch {
	case refused:
		refuseCall(w, r.Request, code, r.fault.Message, r.fault.Status)
	case r.service == "sts":
		s.sts.ServeSTS(w, r.Request, r.body, caller)
	default:
		s.sqs.ServeAffected(w, r.Request, r.body, caller, r.queueEffect())
	}
}

type errorWriter func(w http.ResponseWriter, r *http.Request, code, message string, status int)

// verify returns the caller, or answers the request in the service's own form.
func (s *Server) verify(w http.ResponseWriter, r request, refuse errorWriter) (sigv4.Identity, bool) {
	caller, err := s.verifier.Ahead(r.skew()).Verify(r.Request, r.body, r.service)
	if err == nil {
		return caller, true
	}
	if e, ok := err.(*sigv4.Error); ok {
		message := e.Message
		if e.Reason == sigv4.MissingToken {
			message = "Request is missing Authentication Token"
		}
		refuse(w, r.Request, e.Code, message, e.Status)
	} else {
		refuse(w, r.Request, "InternalFailure", err.Error(), http.StatusInternalServerError)
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
	options := apigateway.Options{
		Verifier: s.verifier, Account: o.Account, Region: o.Region, ID: o.APIID, Stage: o.Stage, Routes: routes,
		Plans:   []apigateway.UsagePlan{{Throttle: o.Throttle, Quota: o.Quota, Keys: []apigateway.APIKey{{ID: "standin", Value: o.APIKey}}}},
		Binary:  o.Binary,
		Timeout: o.Timeout,
		Now:     o.Now,
		Policy: apigateway.Policy{
			Identity: []apigateway.Statement{{Principals: []string{s.roleARN()}, Resources: anywhere}},
			Resource: append([]apigateway.Statement{{Deny: true, Principals: []string{s.userARN()}, Resources: anywhere}}, o.Statements...),
		},
	}
	paceGateway(o.Models, &options)
	return apigateway.New(options)
}

func (s *Server) roleARN() string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", s.options.Account, s.options.Role)
}

func (s *Server) userARN() string {
	return fmt.Sprintf("arn:aws:iam::%s:user/%s", s.options.Account, s.options.User)
}
