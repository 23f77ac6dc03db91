package cost

// An Option is one way to deliver that has a price of its own; a transport can have several.
type Option string

// The options, in the order in which tables show them.
const (
	SQSStandard Option = "sqs-standard"
	SQSFIFO     Option = "sqs-fifo"
	REST        Option = "apigateway-rest"
	HTTPAPI     Option = "apigateway-http"
	JetStream   Option = "jetstream"
	RabbitMQ    Option = "rabbitmq"
	Memory      Option = "memory"
)

// Options returns all options that deliver to somewhere else, which memory does not.
func Options() []Option { return []Option{SQSStandard, SQSFIFO, REST, HTTPAPI, JetStream, RabbitMQ} }

// Transport is the configuration value of the transport that o uses.
func (o Option) Transport() string {
	switch o {
	case SQSStandard, SQSFIFO:
		return "sqs"
	case REST, HTTPAPI:
		return "apigateway"
	}
	return string(o)
}

// Label is o in a sentence.
func (o Option) Label() string {
	switch o {
	case SQSStandard:
		return "SQS standard queue"
	case SQSFIFO:
		return "SQS FIFO queue"
	case REST:
		return "API Gateway REST API"
	case HTTPAPI:
		return "API Gateway HTTP API"
	case JetStream:
		return "JetStream of your own"
	case RabbitMQ:
		return "RabbitMQ of your own"
	}
	return string(o)
}

// queue reports whether o is billed as a queue, gateway whether it is billed as a gateway.
func (o Option) queue() bool   { return o == SQSStandard || o == SQSFIFO }
func (o Option) gateway() bool { return o == REST || o == HTTPAPI }
func (o Option) broker() bool  { return o == JetStream || o == RabbitMQ }

// line is the price list of a request of o.
func (o Option) line() string {
	switch o {
	case SQSStandard:
		return lineSQSStandard
	case SQSFIFO:
		return lineSQSFIFO
	case REST:
		return lineREST
	}
	return lineHTTPAPI
}
