package workload

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A Workload is one experiment. It is read-only once it is parsed. The tags are the reference: docs/workload.md is made
// from them.
type Workload struct {
	Version    int      `yaml:"workload" need:"true" min:"1" max:"1" desc:"version of this format"`
	Seed       uint64   `yaml:"seed" default:"1" desc:"from which arrivals, sizes, keys, contents and the order of transports follow"`
	Records    Records  `yaml:"records" desc:"what is sent"`
	Phases     []Phase  `yaml:"phases" need:"true" items:"20" desc:"when it is sent: one after the other, in every trial"`
	Batching   Batching `yaml:"batching" desc:"how records are gathered before they are handed to a transport"`
	Consumer   Consumer `yaml:"consumer" desc:"what happens at the far end"`
	Faults     []Fault  `yaml:"faults" items:"20" desc:"what goes wrong in every trial"`
	Transports []Side   `yaml:"transports" items:"5" desc:"what is compared: names, or blocks with a batching of their own; unset: sqs and apigateway"`
	Trials     Trials   `yaml:"trials" desc:"how often and in which order"`
	Budget     Budget   `yaml:"budget" desc:"what a run may use; it is refused before it begins if it would use more"`
	PriceBook  string   `yaml:"price_book" default:"us-east-1/2026-11" desc:"prices that the run is billed with: the name of a built-in book, or a file"`

	doc string
}

// maxDoc is the longest file that is read. The built-in ones have under 2 KiB.
const maxDoc = 64 << 10

// Load reads a workload from a file. An error is of type Problems if the file can be read and its content is wrong.
func Load(path string) (*Workload, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the workload: %w", err)
	}
	defer f.Close()
	doc, err := io.ReadAll(io.LimitReader(f, maxDoc+1))
	if err != nil {
		return nil, fmt.Errorf("read the workload: %w", err)
	}
	w, err := Parse(doc)
	var wrong Problems
	if errors.As(err, &wrong) {
		for i := range wrong {
			wrong[i].File = path
		}
	}
	return w, err
}

// Parse reads a workload. An error is of type Problems and says everything that is wrong.
func Parse(doc []byte) (*Workload, error) {
	root, wrong := document(doc)
	if wrong != nil {
		return nil, wrong
	}
	w := &Workload{doc: string(doc)}
	d := decoder{lines: map[string]int{}}
	d.root(root, w)
	d.check(w)
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	return w, nil
}

//go:embed profiles/*.yaml
var profiles embed.FS

// Profiles are the names of the built-in workloads, the shortest first.
func Profiles() []string { return []string{"quick", "standard", "audit"} }

// Builtin returns a built-in workload.
func Builtin(profile string) (*Workload, error) {
	doc, err := profiles.ReadFile("profiles/" + profile + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no profile %q, want one of %s", profile, strings.Join(Profiles(), ", "))
	}
	return Parse(doc)
}

// Doc is the workload as it was written.
func (w *Workload) Doc() string { return w.doc }

// Hash is the SHA-256 of Doc, in hexadecimal digits.
func (w *Workload) Hash() string {
	sum := sha256.Sum256([]byte(w.doc))
	return hex.EncodeToString(sum[:])
}
