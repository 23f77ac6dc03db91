package cost

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// A Function is the Lambda function that consumes: behind the queue or behind the gateway.
type Function struct {
	MemoryGB float64
	Seconds  float64 // per invocation
	ARM      bool
}

// A Shape describes a workload for the formulas. Fills are mean records per request and may have fractions.
type Shape struct {
	KiB         float64 // of one record on the wire, after base64, JSON and attributes
	SendFill    float64 // records per SQS send, 1 to 10
	ReceiveFill float64 // records per SQS receive and delete, and per invocation, 1 to 10
	PostFill    float64 // records per POST to the gateway
	Empty       float64 // receives that bring nothing, per record
	Attempts    float64 // requests made per request needed; 0 means 1
	Function    *Function
	Pollers     int // long polls that never stop; they matter by the month only. Lambda's own are IdlePollers
}

const (
	chunkKiB  = 64    // SQS bills each 64 KiB of a request
	meterKiB  = 512   // an HTTP API bills each 512 KB of a call
	sqsMost   = 10    // SQS: records in a request
	sqsKiB    = 1024  // SQS: a request, and a record, is at most 1 MiB
	callKiB   = 10240 // API Gateway: a call is at most 10 MB
	rounding  = 1e-9
	monthDays = 30
)

// IdlePollers is how many long polls Lambda keeps open on a queue, with nothing to do.
const IdlePollers = 5

// PollsPerMonth is how many receives one poller makes in 30 days if each waits the full 20 seconds in vain.
const PollsPerMonth = monthDays * 24 * 3600 / 20

// Fill is how many records a request holds if they arrive at rate per second and wait at most linger: 1 + rate × linger, at
// most most records and 1 MiB. A record has kib KiB.
func Fill(rate float64, linger time.Duration, kib float64, most int) float64 {
	return max(1, min(float64(most), sqsKiB/kib, 1+rate*linger.Seconds()))
}

// validate reports everything that keeps the formulas for o from being applied.
func (s Shape) validate(o Option) error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	within := func(x, low, high float64) bool { return x >= low && x <= high*(1+rounding) }
	check(s.KiB > 0 && !math.IsInf(s.KiB, 1), "a record has %v KiB, want more than 0", s.KiB)
	check(within(s.Empty, 0, 1e6), "%v empty receives per record, want 0 to 1e6", s.Empty)
	check(s.Attempts == 0 || within(s.Attempts, 1, 1e6), "%v attempts per record, want 1 to 1e6", s.Attempts)
	check(s.Pollers >= 0, "%d pollers, want 0 or more", s.Pollers)
	if f := s.Function; f != nil {
		check(within(f.MemoryGB, 0, 1e3) && within(f.Seconds, 0, 1e5), "a function of %v GB for %v s", f.MemoryGB, f.Seconds)
	}
	if o.queue() {
		check(within(s.SendFill, 1, sqsMost) && within(s.ReceiveFill, 1, sqsMost), "%v records per send and %v per receive, want 1 to %d", s.SendFill, s.ReceiveFill, sqsMost)
		check(max(s.SendFill, s.ReceiveFill)*s.KiB <= sqsKiB*(1+rounding), "a request of %.0f KiB, SQS takes %d", max(s.SendFill, s.ReceiveFill)*s.KiB, sqsKiB)
	}
	if o.gateway() {
		check(within(s.PostFill, 1, 1e6), "%v records per POST, want 1 or more", s.PostFill)
		check(s.PostFill*s.KiB <= callKiB*(1+rounding), "a call of %.0f KiB, a gateway takes %d", s.PostFill*s.KiB, callKiB)
	}
	return errors.Join(errs...)
}

// units is the number of units of kib KiB that a request of so many KiB begins.
func units(request, kib float64) float64 { return max(1, math.Ceil(request/kib-rounding)) }

// perRecord is what one record uses of each line.
func (s Shape) perRecord(o Option) []use {
	attempts := max(1, s.Attempts)
	var uses []use
	fill := s.PostFill // records that share an invocation
	switch {
	case o.queue():
		fill = s.ReceiveFill
		uses = []use{
			{"send requests", o.line(), units(s.SendFill*s.KiB, chunkKiB) / s.SendFill},
			{"receive requests", o.line(), units(fill*s.KiB, chunkKiB) / fill},
			{"delete requests", o.line(), 1 / fill},
			{"empty receives", o.line(), s.Empty},
		}
	case o == REST:
		uses = []use{{"REST calls", o.line(), 1 / fill}}
	case o == HTTPAPI:
		uses = []use{{"HTTP API calls per 512 KB", o.line(), units(fill*s.KiB, meterKiB) / fill}}
	case o.broker(): // the broker itself costs nothing per record, but who consumes from it does
		fill = max(1, s.ReceiveFill)
	default:
		return nil
	}
	if f := s.Function; f != nil {
		uses = append(uses, use{"Lambda requests", lineInvocation, 1 / fill},
			use{"Lambda GB-seconds", lineGBSeconds(f.ARM), f.MemoryGB * f.Seconds / fill})
	}
	for i := range uses {
		uses[i].quantity *= attempts
	}
	return uses
}

// PerMillion is the bill for the first million records of a month, without what costs money while idle. A broker of one's
// own costs what the function costs that consumes from it, memory nothing. Attempts multiply the whole bill, as if each
// repeated request were received too.
func (b *Book) PerMillion(o Option, s Shape) (Cost, error) {
	if err := s.validate(o); err != nil {
		return Cost{}, fmt.Errorf("%s: %w", o, err)
	}
	return b.bill(times(s.perRecord(o), 1e6)), nil
}

// Monthly is the bill for a month with so many records: requests through the tiers, pollers and hosts. Pollers are counted
// as if they never brought anything, which is at most USD 0.26 for Lambda's five at the built-in prices.
func (b *Book) Monthly(o Option, s Shape, records float64) (Cost, error) {
	if !(records >= 0) || math.IsInf(records, 1) {
		return Cost{}, fmt.Errorf("%v records a month, want 0 or more", records)
	}
	if err := s.validate(o); err != nil {
		return Cost{}, fmt.Errorf("%s: %w", o, err)
	}
	uses := times(s.perRecord(o), records)
	if o.queue() {
		uses = append(uses, use{"idle polls", o.line(), float64(s.Pollers) * PollsPerMonth})
	}
	c := b.bill(uses)
	if o.broker() {
		c.add("host for a month", 1, b.hosts[o].PerMonth)
	}
	return c, nil
}

func times(uses []use, records float64) []use {
	for i := range uses {
		uses[i].quantity *= records
	}
	return uses
}

// BreakEven is the monthly number of records from which a broker with a fixed price is cheaper than a service that is paid
// by the record. ok is false if it never is.
func BreakEven(fixedPerMonth, managedPerMillion, brokerPerMillion float64) (records float64, ok bool) {
	saved := managedPerMillion - brokerPerMillion
	if saved <= 0 {
		return 0, false
	}
	return fixedPerMonth / saved * 1e6, true
}
