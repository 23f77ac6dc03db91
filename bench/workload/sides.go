package workload

import "time"

// Batching says how records are gathered before they are handed to a transport.
type Batching struct {
	MaxRecords int           `yaml:"max_records" default:"10" min:"1" max:"1000" desc:"most records handed over together"`
	Linger     time.Duration `yaml:"linger" default:"0s" min:"0s" max:"1m" desc:"how long a record waits for others; 0s: only those that are due already go together"`
}

// A Side is one transport that takes part.
type Side struct {
	Name     string    `yaml:"name" short:"true" need:"true" one:"memory sqs apigateway jetstream rabbitmq" desc:"which transport; name alone is short for {name: …}"`
	API      string    `yaml:"api" one:"rest http" default:"rest" desc:"apigateway: the kind of your API, by which its calls are billed: rest: each of them; http: by 512 KB begun"` // empty for all other transports
	Batching *Batching `yaml:"batching" desc:"its own batching; keys that are not given are those of the common block"`                                                              // nil: the common one
}

// BatchingOf returns the batching that counts for a side.
func (w *Workload) BatchingOf(s Side) Batching {
	if s.Batching != nil {
		return *s.Batching
	}
	return w.Batching
}

// Consumer says what happens at the far end.
type Consumer struct {
	Mode        string        `yaml:"mode" one:"own reply" default:"own" desc:"own: receivers of the benchmark read, work and confirm; reply: nothing is read back, the destination's answer counts as the end, and losses are not audited"`
	Receipts    string        `yaml:"receipts" desc:"address of an SQS queue into which the integration behind your own API puts what it was handed: the records of apigateway are audited by it, and their times stay those of the reply; see [benchmark.md](benchmark.md#what-is-behind-an-api-of-your-own)"`
	Work        time.Duration `yaml:"work" default:"0s" min:"0s" max:"1m" desc:"time that each record is worked on"`
	Batch       int           `yaml:"batch" default:"10" min:"1" max:"1000" desc:"most records received together, where the destination allows as many"`
	Concurrency CountOrAuto   `yaml:"concurrency" default:"auto" min:"1" max:"4096" desc:"number of receivers; auto: as many as the rate and the work need"`
}
