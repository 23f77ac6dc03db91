package bench

import "fmt"

// Prices are list prices of one region on one day, for the requests of a sender, without free tier and volume discount.
type Prices struct {
	Region string
	Date   string

	SQSPerMillion  float64 // USD per million requests; a request is 64 KiB or a part of it
	RESTPerMillion float64 // USD per million calls of a REST API, whatever their size
}

// ListPrices are those of us-east-1: standard queues USD 0.40 and REST APIs USD 3.50 per million, the first tier of both
// price lists.
var ListPrices = Prices{Region: "us-east-1", Date: "November 2026", SQSPerMillion: 0.40, RESTPerMillion: 3.50}

// chunk is the unit in which SQS bills a payload: 64 KiB or a part of it is one request.
const chunk = 64 << 10

// Of returns what the counted requests would cost in USD if the named transport had made them to AWS.
func (p Prices) Of(transport string, c Counts) (float64, error) {
	switch transport {
	case "sqs":
		return float64(c.Chunks) * p.SQSPerMillion / 1e6, nil
	case "apigateway":
		return float64(c.Requests) * p.RESTPerMillion / 1e6, nil
	case "memory":
		return 0, nil
	}
	return 0, fmt.Errorf("there is no price for the transport %q", transport)
}
