package awslocal

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
	"sluice/internal/awslocal/sqs"
)

// Arm puts a script in the place of the one before: its counters and its times begin now. The zero Script ends all
// faults. Calls that wait by the script before go on doing so.
func (s *Server) Arm(script faults.Script) error {
	armed, err := script.Arm()
	if err != nil {
		return err
	}
	s.faults.Store(armed)
	return nil
}

// FaultCounts returns how often each rule of the script has acted since it was armed, in the order of the script.
func (s *Server) FaultCounts() []faults.Count { return s.faults.Load().Counts() }

// A request is one request whose body has been read.
type request struct {
	*http.Request
	body    []byte
	service string // sqs, sts or execute-api
	call    string
	fault   *faults.Hit // nil: none
}

// serveCall serves a request as the script says.
func (s *Server) serveCall(w http.ResponseWriter, r request) {
	skew := r.skew()
	w.Header().Set("Date", s.options.Now().Add(skew).UTC().Format(http.TimeFormat)) // clients correct their clocks by it
	if r.fault == nil {
		s.dispatch(w, r)
		return
	}
	// What has arrived is carried out in the end, even if the client does not wait for it.
	s.pause(context.WithoutCancel(r.Context()), r.fault.Wait)
	for name, value := range r.fault.Headers {
		w.Header().Set(name, value)
	}
	switch r.fault.Do {
	case faults.Reset:
		faults.ResetConnection(w)
	case faults.AcceptThenReset:
		s.dispatch(faults.Discard(), r)
		faults.ResetConnection(w)
	case faults.AcceptThenHang:
		s.dispatch(faults.Discard(), r)
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case faults.ExpireCredentials:
		s.keys.ExpireSessions()
		s.dispatch(w, r)
	default:
		serve := func(w http.ResponseWriter, _ *http.Request) { s.dispatch(w, r) }
		if !r.fault.Shape(w, r.Request, serve, s.done) {
			s.dispatch(w, r)
		}
	}
}

// skew is how far the server's clock is ahead for this request.
func (r request) skew() time.Duration {
	if r.fault == nil || r.fault.Do != faults.ClockSkew {
		return 0
	}
	return r.fault.Skew
}

// refusal says with what the script refuses the request, if it does.
func (r request) refusal() (code string, refused bool) {
	switch {
	case r.fault == nil:
		return "", false
	case r.fault.Do == faults.Throttle:
		return cmp.Or(r.fault.Code, "ThrottlingException"), true
	case r.fault.Do == faults.FailRequest:
		byStatus := map[int]string{
			http.StatusForbidden: "AccessDenied", http.StatusTooManyRequests: "ThrottlingException", http.StatusBadGateway: "BadGateway",
			http.StatusServiceUnavailable: "ServiceUnavailable", http.StatusGatewayTimeout: "GatewayTimeout",
		}
		return cmp.Or(r.fault.Code, byStatus[r.fault.Status], "InternalError"), true
	}
	return "", false
}

// effectKinds says what an action means to SQS.
var effectKinds = map[faults.Action]sqs.EffectKind{
	faults.FailEntries: sqs.FailEntries, faults.Drop: sqs.Drop, faults.DeliverTwice: sqs.Twice, faults.Corrupt: sqs.Alter,
	faults.WrongMD5: sqs.WrongDigest,
}

// queueEffect is the script's effect on a call of SQS.
func (r request) queueEffect() sqs.Effect {
	if r.fault == nil {
		return sqs.Effect{}
	}
	kind := effectKinds[r.fault.Do]
	if r.fault.Do == faults.Partial {
		kind = map[faults.Reply]sqs.EffectKind{faults.Missing: sqs.Omit, faults.Ignored: sqs.Ignore, faults.Doubled: sqs.Repeat, faults.Unknown: sqs.Rename}[r.fault.Reply]
	}
	return sqs.Effect{
		Kind: kind, Picks: r.fault.Picks, Code: cmp.Or(r.fault.Code, "InternalError"), Message: r.fault.Message,
		SenderFault: r.fault.SenderFault, Change: faults.Flip,
	}
}

// gatewayEffect is the script's effect on a request to the API.
func (r request) gatewayEffect() apigateway.Effect {
	f := apigateway.Effect{Skew: r.skew()}
	if code, refused := r.refusal(); refused {
		f.Refuse = &apigateway.Refusal{Code: code, Message: r.fault.Message, Status: r.fault.Status}
	}
	if r.fault == nil || !r.fault.Picks(0, 1) {
		return f
	}
	switch r.fault.Do {
	case faults.Drop:
		f.Wrap = forgetful
	case faults.DeliverTwice:
		f.Wrap = twice
	case faults.Corrupt:
		f.Wrap = corrupting
	}
	return f
}
