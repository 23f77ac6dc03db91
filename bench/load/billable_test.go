package load

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// What is billed is what has come to the service, in the largest sense that the results of an attempt allow.
func TestRequestsAreBilledByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	refusedConnection := &fault.Error{Reason: "network"}
	slow := &fault.Error{Class: fault.Throttled, Reason: "throttled"}
	for _, c := range []struct {
		name    string
		results []error
		want    arrival
	}{
		{"accepted", []error{nil}, served},
		{"refused connections", []error{refusedConnection, refusedConnection}, unsent},
		{"a connection that broke", []error{&fault.Error{Reason: "network", Ambiguous: true}}, served},
		{"no connection in time", []error{&fault.Error{Reason: "timeout"}}, unsent},
		{"no answer in time", []error{&fault.Error{Reason: "timeout", Ambiguous: true}}, served},
		{"an untrusted server", []error{&fault.Error{Class: fault.Blocked, Reason: "tls_untrusted"}}, unsent},
		{"no credentials", []error{&fault.Error{Class: fault.Blocked, Reason: "no_credentials"}}, unsent},
		{"throttled by the service", []error{slow}, refused},
		{"throttled on the way to credentials", []error{&fault.Error{Class: fault.Throttled, Reason: "sts_throttled"}}, unsent},
		{"another caller", []error{&fault.Error{Class: fault.Blocked, Reason: "access_denied"}}, refused},
		{"old credentials", []error{&fault.Error{Reason: "expired_token"}}, refused},
		{"an error of the service", []error{&fault.Error{Reason: "service_error"}}, served},
		{"a verdict that nobody gave", []error{errors.New("broken")}, served},
		{"rejected", []error{&fault.Error{Class: fault.Rejected, Reason: "invalid_body"}}, served},
		{"one of a batch throttled", []error{slow, nil}, served},
		{"one of a batch never sent", []error{refusedConnection, slow}, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := transport.Attempt{Bytes: 600 << 10}
			for _, err := range c.results {
				a.Results = append(a.Results, transport.Result{Err: err})
			}
			var b billing
			b.note(a)
			for _, kind := range []arrival{unsent, refused, served} {
				want := Billable{}
				if kind == c.want {
					want = Billable{Requests: 1, Chunks: 10, Units: 2} // of 64 and of 512 KiB
				}
				if got := b.of(kind); got != want {
					t.Errorf("as %d: got %+v, want %+v", kind, got, want)
				}
			}
		})
	}
}

func TestAReportTellsServedFromRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := senderTo(transporttest.Script(
			transporttest.Fail(&fault.Error{Reason: "network"}), transporttest.Fail(&fault.Error{Reason: "network"}),
			transporttest.Fail(&fault.Error{Class: fault.Throttled, Reason: "throttled"}), transporttest.Accept())).
			Send(t.Context(), Phase{Due: []time.Duration{0}, MaxRecords: 1, Patience: time.Minute})
		one := Billable{Requests: 1, Chunks: 1, Units: 1}
		if r.Requests != 4 || r.Served != one || r.Refused != one {
			t.Errorf("%d requests, served %+v, refused %+v; want 4, of which two came to nobody, and one each", r.Requests, r.Served, r.Refused)
		}
	})
}
