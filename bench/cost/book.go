package cost

import (
	_ "embed"
	"fmt"
	"os"
)

// A Book holds the prices of one region on one day. It is read-only.
type Book struct {
	ID, Region, Retrieved string

	doc   string
	lines map[string]Line
	hosts map[Option]Host
}

// A Line is the price list of one unit.
type Line struct {
	Name, Unit, Source string
	Tiers              []Tier
}

// A Tier is a price up to a monthly volume. The last tier of a line has no limit: 0.
type Tier struct {
	UpTo       float64 // units a month
	PerMillion float64 // USD
}

// A Host is what running a broker costs, used or not.
type Host struct {
	PerMonth float64 // USD
	Source   string
}

// The lines of every book.
const (
	lineSQSStandard = "sqs_standard"
	lineSQSFIFO     = "sqs_fifo"
	lineREST        = "apigateway_rest"
	lineHTTPAPI     = "apigateway_http"
	lineInvocation  = "lambda_requests"
	lineX86         = "lambda_gb_seconds_x86"
	lineARM         = "lambda_gb_seconds_arm"
)

func lineNames() []string {
	return []string{lineSQSStandard, lineSQSFIFO, lineREST, lineHTTPAPI, lineInvocation, lineX86, lineARM}
}

// DefaultID names the book that is built in.
const DefaultID = "us-east-1/2026-11"

//go:embed us-east-1-2026-11.yaml
var defaultDoc string

// DefaultBook is the built-in book: us-east-1, November 2026.
func DefaultBook() *Book {
	b, err := ParseBook([]byte(defaultDoc))
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return b
}

// maxBook bounds a price book in bytes; the built-in one has about 3,000.
const maxBook = 1 << 20

// LoadBook returns the built-in book for its id or an empty name, and otherwise reads the file of that name. The error names
// file and line.
func LoadBook(name string) (*Book, error) {
	if name == "" || name == DefaultID {
		return DefaultBook(), nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("price book: %w; the built-in one is called %s", err, DefaultID)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBook {
		return nil, fmt.Errorf("price book %s: want a file of at most %d bytes", name, maxBook)
	}
	doc, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	b, err := ParseBook(doc)
	if err != nil {
		return nil, fmt.Errorf("price book %s: %w", name, err)
	}
	return b, nil
}

// Doc is the book as it was written, for keeping beside results.
func (b *Book) Doc() string { return b.doc }

// Lines returns the price lists in a fixed order, for printing.
func (b *Book) Lines() []Line {
	var all []Line
	for _, name := range lineNames() {
		all = append(all, b.lines[name])
	}
	return all
}

// Host is what running o yourself costs a month; nothing unless o is a broker.
func (b *Book) Host(o Option) Host { return b.hosts[o] }

// WithHost returns a book in which running the broker o costs perMonth USD.
func (b *Book) WithHost(o Option, perMonth float64, source string) *Book {
	changed := *b
	changed.hosts = map[Option]Host{}
	for k, v := range b.hosts {
		changed.hosts[k] = v
	}
	changed.hosts[o] = Host{PerMonth: perMonth, Source: source}
	return &changed
}

// charge is the price in USD of a month's quantity of units, tier by tier.
func (l Line) charge(quantity float64) float64 {
	usd, from := 0.0, 0.0
	for _, t := range l.Tiers {
		if t.UpTo == 0 || quantity <= t.UpTo {
			return usd + (quantity-from)*t.PerMillion/1e6
		}
		usd += (t.UpTo - from) * t.PerMillion / 1e6
		from = t.UpTo
	}
	return usd
}
