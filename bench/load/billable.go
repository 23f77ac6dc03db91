package load

import (
	"sync/atomic"

	"sluice/bench/cost"
	"sluice/internal/fault"
	"sluice/transport"
)

// Billable is what some requests are billed by.
type Billable struct {
	Requests int64
	Chunks   int64 // of 64 KiB begun, per request
	Units    int64 // of 512 KiB begun, per request
}

// Add returns the sum.
func (b Billable) Add(c Billable) Billable {
	return Billable{Requests: b.Requests + c.Requests, Chunks: b.Chunks + c.Chunks, Units: b.Units + c.Units}
}

// fates of a request, as far as a bill is concerned.
type arrival uint8

const (
	unsent  arrival = iota // the service has seen nothing of it
	refused                // it was turned away before it was served: it came too fast, or from the wrong caller
	served                 // or perhaps served
)

// unsentFor are the reasons of package awscreds for which there was no request, where nothing is in doubt: there were no
// credentials to sign it with, or no connection.
var unsentFor = map[string]bool{"network": true, "timeout": true, "cancelled": true, "tls_untrusted": true,
	"no_credentials": true, "credentials_unavailable": true, "role_denied": true, "role_invalid": true,
	"sts_unavailable": true, "sts_throttled": true, "sts_refused": true, "sts_region_disabled": true}

// refusedFor are the reasons for which a service turns a caller away.
var refusedFor = map[string]bool{"unauthorized": true, "access_denied": true, "api_key_refused": true, "bad_signature": true,
	"key_unknown": true, "expired_token": true, "clock_skew": true}

// arrivalOf is that of the record which came furthest.
func arrivalOf(results []transport.Result) arrival {
	furthest := unsent
	for _, r := range results {
		furthest = max(furthest, arrivalFor(fault.From(r.Err)))
	}
	return furthest
}

func arrivalFor(f *fault.Error) arrival {
	switch {
	case f == nil || f.Ambiguous:
		return served
	case unsentFor[f.Reason]:
		return unsent
	case f.Class == fault.Throttled || refusedFor[f.Reason]:
		return refused
	}
	return served
}

// billing adds up requests by what became of them. Safe for concurrent use.
type billing [served + 1]struct{ requests, chunks, units atomic.Int64 }

func (b *billing) note(a transport.Attempt) {
	sum := &b[arrivalOf(a.Results)]
	sum.requests.Add(1)
	sum.chunks.Add(cost.Chunks(int64(a.Bytes)))
	sum.units.Add(cost.Units512(int64(a.Bytes)))
}

func (b *billing) of(a arrival) Billable {
	return Billable{Requests: b[a].requests.Load(), Chunks: b[a].chunks.Load(), Units: b[a].units.Load()}
}
