package result

import (
	_ "embed" // for the schema
	"time"
)

// Schema names the form of the file; it changes when an old reader would misread a new file.
const Schema = "bench/1"

// SchemaDoc is the published JSON Schema of the file.
//
//go:embed schema.json
var SchemaDoc string

// A File is one run: a workload, delivered through some transports in interleaved trials.
type File struct {
	Schema      string       `json:"schema"` // name of this form
	Run         Run          `json:"run"`
	Env         Env          `json:"env"`
	Workload    Workload     `json:"workload"`
	PriceBook   PriceBook    `json:"price_book"`
	Targets     []Target     `json:"targets"` // one per transport, in the order of the workload
	Calibration *Calibration `json:"calibration,omitempty"`
	Trials      []Trial      `json:"trials"`   // in the order in which they ran
	Searches    []Search     `json:"searches"` // one per transport and search phase
	Comparisons []Comparison `json:"comparisons"`
	Warnings    []string     `json:"warnings"` // what a reader has to know, one sentence each
}

// A Run says when, how and how completely.
type Run struct {
	ID      string    `json:"id"`                // of the run, unlike all others
	Started time.Time `json:"started"`           // when the run began
	Seconds float64   `json:"seconds"`           // how long it took, everything included
	Seed    uint64    `json:"seed"`              // arrivals, bodies and the order of trials follow from it
	Profile string    `json:"profile"`           // quick, standard or audit; "file" for the user's own workload
	Command string    `json:"command"`           // what makes this run again
	Partial string    `json:"partial,omitempty"` // why the run ended early; empty: it is complete
}

// Env is where the sender ran. What is not known is empty.
type Env struct {
	Version    string            `json:"version"`      // of sluice-bench
	Commit     string            `json:"commit"`       // that it was built from
	Dirty      bool              `json:"dirty"`        // it was built with changes that are not committed
	Go         string            `json:"go"`           // version of Go
	Modules    map[string]string `json:"modules"`      // of clients and brokers: path to version
	OS         string            `json:"os"`           // operating system
	Arch       string            `json:"arch"`         // processor architecture
	Kernel     string            `json:"kernel"`       // version of the kernel
	CPU        string            `json:"cpu"`          // model of the processor
	CPUs       int               `json:"cpus"`         // processors that the sender may use
	GOMAXPROCS int               `json:"gomaxprocs"`   // threads that may run Go code at once
	Memory     int64             `json:"memory_bytes"` // of the machine
	Cgroup     string            `json:"cgroup"`       // limits of CPU and memory, as the kernel states them
	Instance   string            `json:"instance"`     // EC2 instance type, if it is one
	Clock      string            `json:"clock"`        // source of the kernel's clock
}

// A Workload is what was to be delivered.
type Workload struct {
	SHA256  string `json:"sha256"`  // of Doc
	Doc     string `json:"doc"`     // verbatim
	Records string `json:"records"` // "synthetic", or SHA-256 of the file that they were sampled from
	Count   int    `json:"sampled"` // records in that file
}

// A PriceBook is what the billable units were priced with.
type PriceBook struct {
	ID        string `json:"id"`        // name of the book
	Region    string `json:"region"`    // AWS region that the prices are for
	Retrieved string `json:"retrieved"` // day on which the prices were read
	Doc       string `json:"doc"`       // verbatim; cost.ParseBook reads it
}

// Kinds of target. Only AWS may yield a verdict about AWS.
const (
	AWS      = "aws"      // an endpoint of Amazon's
	StandIn  = "stand-in" // our own server of SQS, STS and API Gateway
	Embedded = "embedded" // a real broker inside the benchmark, on this machine
	Local    = "local"    // some server at a loopback address
	Remote   = "remote"   // some other server
	Null     = "null"     // no destination at all
)

// A Target is the far end of one transport.
type Target struct {
	Transport  string            `json:"transport"`          // configuration value of the transport
	Kind       string            `json:"kind"`               // what sort of server it is
	Name       string            `json:"name"`               // host and what is asked for there, without secrets
	Region     string            `json:"region,omitempty"`   // AWS region
	Model      string            `json:"model,omitempty"`    // latency and throttle models of the stand-in, with the seed
	Consumer   string            `json:"consumer"`           // "own": a receiver here; "reply": processed when the answer comes; "receipts": so too, and audited by what the integration has put into a queue
	Durability string            `json:"durability"`         // what "accepted" means there
	MaxRecords int               `json:"max_records"`        // in one request
	Linger     float64           `json:"linger_ms"`          // how long a record waits for others
	Settings   map[string]string `json:"settings,omitempty"` // attributes of queue or stream that change the meaning of a number
}

// Calibration is what this machine can measure at all.
type Calibration struct {
	TimerP50     float64 `json:"timer_p50_us"`  // lateness of a timer
	TimerP99     float64 `json:"timer_p99_us"`  // the same, 99th percentile
	NullP50      float64 `json:"null_p50_us"`   // accept latency of the null transport, from the release of a record
	NullP99      float64 `json:"null_p99_us"`   // the same, 99th percentile
	NullRate     float64 `json:"null_rate"`     // records per second that this client can offer to the null transport
	MeasuringCPU float64 `json:"measuring_cpu"` // share of the sender's CPU that measuring takes, 0 to 1
	Checks       []Check `json:"checks"`
}

// A Check is a condition under which a number counts, and how it came out.
type Check struct {
	Name    string  `json:"name"`              // for example "late send"
	OK      bool    `json:"ok"`                // it held
	Value   float64 `json:"value"`             // as measured
	Limit   float64 `json:"limit"`             // what the value was held against
	Text    string  `json:"text"`              // one sentence with both, in units
	Warning bool    `json:"warning,omitempty"` // it says something about the numbers and does not make them invalid
}
