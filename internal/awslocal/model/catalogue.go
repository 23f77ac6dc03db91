package model

import "time"

// A Place is where in the stand-in a model works. A server has at most one model in each place.
type Place string

// The places.
const (
	Reply      Place = "reply"      // delays the answer to SendMessage and SendMessageBatch; the messages are there before it
	Delivery   Place = "delivery"   // time from a message's arrival in the queue until a receiver can have it
	Handler    Place = "handler"    // gateway: time from the request until the function begins
	RoundTrip  Place = "round trip" // gateway: half of it passes before the function begins, half after it ends
	ColdStart  Place = "cold start" // gateway: added before an invocation that finds no idle environment
	Account    Place = "account"    // gateway: token bucket of the account
	Concurrent Place = "concurrent" // gateway: invocations at the same time
	Batches    Place = "batches"    // queue: batches in flight, as a queue's event source mapping admits them
	Disorder   Place = "disorder"   // queue: duplicates and order
)

// Services that a model can belong to, by their names in configuration.
const (
	SQS        = "sqs"
	APIGateway = "apigateway"
)

// A Model is one entry of the catalogue.
type Model struct {
	ID         string
	Service    string // SQS or APIGateway
	Place      Place
	Parameters string  // for people
	Source     string  // in words
	Points     []Point // quantiles that the model promises; nil for a model that is no distribution

	curve curve
}

// The limits that the catalogue's entries without a distribution stand for.
const (
	AccountRate  = 10_000 // API Gateway: requests per second of an account in a region, over all its APIs
	AccountBurst = 5_000  // API Gateway: size of that token bucket
	Concurrency  = 1_000  // Lambda: default for an account in a region

	// Lambda, event source mapping of a standard queue: batches in flight at the start, more per minute, at most.
	RampStart, RampPerMinute, RampMax = 5, 300, 1_250

	Duplicates    = 1e-3                  // share of messages stored twice; a choice, AWS publishes no rate
	ReorderWindow = 50 * time.Millisecond // delay drawn evenly below it; a choice

	// ColdSandbox is what a client sees of a cold start beside the init phase: STeLLAR's cold median of 448 ms is about
	// 400 ms more than its warm one of 44 ms, of which a Go function's init is 42.3 ms.
	ColdSandbox = 357_700 * time.Microsecond
	// IdleLife is how long an environment without work stays warm. STeLLAR's requests every ten minutes were all cold.
	IdleLife = 10 * time.Minute
)

const (
	bite = "Bite-Sized Serverless, messaging latency compared, September 2022: eu-west-1, 1,024 messages, functions of 3,072 MB, " +
		"batch size 1; from the call that sends to the handler. The 99.9 % quantile is extrapolated."
	trigger = "Scheuner et al., TriggerBench, IC2E 2022: us-east-1, April 2022, one request a second, warm, functions of default " +
		"memory with a new SDK client per call; from the sender's call to the handler."
	stellar = "Ustiugov et al., STeLLAR, IISWC 2021: regional REST API and a warm function of 2 GB, 3,000 samples; round trip " +
		"without the 26 ms of the network, which are the user's own."
	scaling = "AWS Lambda, developer guide, scaling of SQS event source mappings (2026)."
)

// sendPoints are quantiles that follow from the mixture; the mean, 10.3 ms, is checked in tests.
var sendPoints = []Point{{0.5, 7.8}, {0.95, 17.3}, {0.99, 77}}

// All returns the catalogue, in the order in which to show it.
func All() []Model {
	return []Model{
		{ID: "sqs-send-2021", Service: SQS, Place: Reply, Points: sendPoints,
			Parameters: "97 %: lognormal, median 7.7 ms, sigma 0.4; 3 %: 50 ms and an exponential of 25 ms; mean 10.3, p50 7.8, p95 17.3, p99 77 ms",
			Source: "SoftwareMill mqperf, July 2021 (r5.2xlarge, eu-west-1, batches of 1 to 10 messages of 100 bytes): fitted to the mean " +
				"time per call, which Little's law gives for its rows, and to the 95 % quantile that its histogram prints.",
			curve: mixture{body: 0.97, median: 7.7, sigma: 0.4, start: 50, scale: 25}.quantile},
		quantiles("sqs-esm-3gb", SQS, Delivery, "p10 13.7, p50 16.2, p90 33.8, p99 105, p99.9 326 ms", bite,
			Point{0.1, 13.7}, Point{0.5, 16.2}, Point{0.9, 33.8}, Point{0.99, 105}, Point{0.999, 326}),
		quantiles("sqs-esm-default-mem", SQS, Delivery, "lognormal, p50 111, p99 267 ms (mean 119; published 120.7)", trigger,
			Point{0.5, 111}, Point{0.99, 267}),
		quantiles("sqs-fifo-esm-3gb", SQS, Delivery, "p10 21.9, p50 28.1, p90 61.2, p99 645 ms", bite,
			Point{0.1, 21.9}, Point{0.5, 28.1}, Point{0.9, 61.2}, Point{0.99, 645}),
		quantiles("apigw-rest-warm-2gb", APIGateway, RoundTrip, "lognormal, p50 18, p99 48 ms", stellar,
			Point{0.5, 18}, Point{0.99, 48}),
		quantiles("apigw-rest-default-mem", APIGateway, Handler, "lognormal, p50 41, p99 151 ms (mean 48; published 47.5)", trigger,
			Point{0.5, 41}, Point{0.99, 151}),
		quantiles("cold-go-arm64", APIGateway, ColdStart, "init p50 42.3, p99 46.6 ms, and 357.7 ms for the sandbox; environments stay warm for 10 min without work",
			"lambda-perf by Maxime David, daily runs of July and August 2026: Go, provided.al2023, arm64, 128 MB; sandbox from STeLLAR, IISWC 2021, as the rest of what its clients saw.",
			Point{0.5, 42.3}, Point{0.99, 46.6}),
		{ID: "apigw-account-throttle", Service: APIGateway, Place: Account,
			Parameters: "token bucket, 10,000 a second, burst 5,000; 429 without a token",
			Source:     "API Gateway, developer guide, quotas: requests of an account in a large region."},
		{ID: "lambda-concurrency", Service: APIGateway, Place: Concurrent,
			Parameters: "1,000 invocations at once; 429 for one more",
			Source:     "AWS Lambda, developer guide, quotas: default concurrency of an account in a region."},
		{ID: "sqs-esm-ramp", Service: SQS, Place: Batches,
			Parameters: "5 batches in flight, 300 more a minute, at most 1,250", Source: scaling},
		{ID: "sqs-chaos", Service: SQS, Place: Disorder,
			Parameters: "1 message in 1,000 stored twice; delays of 0 to 50 ms, which change the order",
			Source:     "A choice: AWS says that a standard queue may do both and gives no rate."},
	}
}

func quantiles(id, service string, place Place, parameters, source string, points ...Point) Model {
	return Model{ID: id, Service: service, Place: place, Parameters: parameters, Source: source, Points: points, curve: table(points)}
}

// Lookup returns the model of this id.
func Lookup(id string) (Model, bool) {
	for _, m := range All() {
		if m.ID == id {
			return m, true
		}
	}
	return Model{}, false
}
