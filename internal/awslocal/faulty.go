package awslocal

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
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
	switch r.fault.Do {
	case faults.Reset:
		resetConnection(w)
	case faults.AcceptThenReset:
		s.dispatch(&silentWriter{}, r)
		resetConnection(w)
	case faults.AcceptThenHang:
		s.dispatch(&silentWriter{}, r)
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case faults.ExpireCredentials:
		s.keys.ExpireSessions()
		s.dispatch(w, r)
	default:
		s.dispatch(w, r)
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
		kind = sqs.Omit
		if r.fault.Reply == faults.Doubled {
			kind = sqs.Repeat
		}
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

// resetConnection ends the connection with a reset, so that the client reads no answer and no end either. Where the
// connection cannot be had, net/http ends it in its own way.
func resetConnection(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn() // TLS would say goodbye first
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // then Close sends a reset
		}
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// silentWriter takes an answer that nobody is to get.
type silentWriter struct{ header http.Header }

func (w *silentWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *silentWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *silentWriter) WriteHeader(int)             {}
