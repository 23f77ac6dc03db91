package cost

import (
	"fmt"
	"math"
	"time"
)

// Units are what a trial was counted to use, whatever the option is that they will be priced as. SQS bills each request by
// chunks of 64 KiB that are begun, so Send, Receive and Delete count chunks; use Chunks. A gateway call is counted twice,
// because a REST API bills it as one and an HTTP API by its size; use Units512.
type Units struct {
	Send    int64 `json:"sqs_send,omitempty"`
	Receive int64 `json:"sqs_receive,omitempty"` // of those that brought something
	Empty   int64 `json:"sqs_empty,omitempty"`   // receives that brought nothing; they are billed
	Delete  int64 `json:"sqs_delete,omitempty"`

	Calls    int64 `json:"apigateway_calls,omitempty"`
	Calls512 int64 `json:"apigateway_512k,omitempty"`

	Invocations int64   `json:"lambda_requests,omitempty"`
	GBSeconds   float64 `json:"lambda_gb_seconds,omitempty"`
	ARM         bool    `json:"lambda_arm,omitempty"`

	HostHours float64 `json:"host_hours,omitempty"` // of a broker that was started for the trial
}

// Chunks is what SQS bills for a request with so many bytes in it: one for each 64 KiB begun, and one at least.
func Chunks(bytes int64) int64 { return max(1, (bytes+64<<10-1)/(64<<10)) }

// Units512 is what an HTTP API bills for a call of so many bytes: one for each 512 KB begun, and one at least.
func Units512(bytes int64) int64 { return max(1, (bytes+512<<10-1)/(512<<10)) }

// GBSeconds is what Lambda bills for an invocation: memory times duration, in steps of 1 ms.
func GBSeconds(memoryMB int, took time.Duration) float64 {
	return float64(memoryMB) / 1024 * math.Ceil(float64(took)/float64(time.Millisecond)) / 1000
}

// Add returns the sum of u and v. ARM is kept if either has it: a run uses one kind of function.
func (u Units) Add(v Units) Units {
	return Units{
		Send: u.Send + v.Send, Receive: u.Receive + v.Receive, Empty: u.Empty + v.Empty, Delete: u.Delete + v.Delete,
		Calls: u.Calls + v.Calls, Calls512: u.Calls512 + v.Calls512,
		Invocations: u.Invocations + v.Invocations, GBSeconds: u.GBSeconds + v.GBSeconds, ARM: u.ARM || v.ARM,
		HostHours: u.HostHours + v.HostHours,
	}
}

// An Item is one line of a bill.
type Item struct {
	Name     string  `json:"name"`
	Quantity float64 `json:"quantity"`
	USD      float64 `json:"usd"`
}

// A Cost is a bill.
type Cost struct {
	Items []Item  `json:"items"`
	USD   float64 `json:"usd"`
}

func (c *Cost) add(name string, quantity, usd float64) {
	if quantity == 0 {
		return
	}
	c.Items = append(c.Items, Item{name, quantity, usd})
	c.USD += usd
}

// hoursPerMonth turns a monthly price of a host into an hourly one: 365 days of 24 hours by 12.
const hoursPerMonth = 730

// Price is the bill for counted units if the option made them, from the first tier of each line up. Units of other options
// are not on it: the same counts priced as REST and as HTTP API answer "what if".
func (b *Book) Price(o Option, u Units) (Cost, error) {
	var uses []use
	function := []use{
		{"Lambda requests", lineInvocation, float64(u.Invocations)},
		{"Lambda GB-seconds", lineGBSeconds(u.ARM), u.GBSeconds},
	}
	switch {
	case o == Memory:
		return Cost{}, nil
	case o.broker():
		var c Cost
		c.add("host hours", u.HostHours, u.HostHours*b.hosts[o].PerMonth/hoursPerMonth)
		return c, nil
	case o.queue():
		uses = []use{
			{"send requests", o.line(), float64(u.Send)}, {"receive requests", o.line(), float64(u.Receive)},
			{"empty receives", o.line(), float64(u.Empty)}, {"delete requests", o.line(), float64(u.Delete)},
		}
	case o == REST:
		uses = []use{{"REST calls", o.line(), float64(u.Calls)}}
	case o == HTTPAPI:
		uses = []use{{"HTTP API calls per 512 KB", o.line(), float64(u.Calls512)}}
	default:
		return Cost{}, fmt.Errorf("there is no price for %q", o)
	}
	return b.bill(append(uses, function...)), nil
}

// OfRequests is the price of sending alone, by the transport's name: chunks of 64 KiB to a standard queue, calls to a REST
// API. A broker and memory have no price per request.
func (b *Book) OfRequests(transport string, requests, chunks int64) (float64, error) {
	switch transport {
	case "sqs":
		return b.lines[lineSQSStandard].charge(float64(chunks)), nil
	case "apigateway":
		return b.lines[lineREST].charge(float64(requests)), nil
	case "jetstream", "rabbitmq", "memory":
		return 0, nil
	}
	return 0, fmt.Errorf("there is no price for the transport %q", transport)
}

func lineGBSeconds(arm bool) string {
	if arm {
		return lineARM
	}
	return lineX86
}

// A use is a quantity of one line.
type use struct {
	name, line string
	quantity   float64
}

// bill prices uses. Uses of the same line climb its tiers together and share the price by quantity.
func (b *Book) bill(uses []use) Cost {
	total := map[string]float64{}
	for _, u := range uses {
		total[u.line] += u.quantity
	}
	var c Cost
	for _, u := range uses {
		if u.quantity > 0 {
			c.add(u.name, u.quantity, b.lines[u.line].charge(total[u.line])*u.quantity/total[u.line])
		}
	}
	return c
}
