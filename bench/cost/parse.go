package cost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// ParseBook reads a price book. It reports everything that is wrong, each with its line.
func ParseBook(doc []byte) (*Book, error) {
	if len(doc) > maxBook {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(doc), maxBook)
	}
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(doc))
	if err := dec.Decode(&root); errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one document")
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the file is empty")
	}
	p := &bookParser{}
	b := p.book(root.Content[0])
	b.doc = string(doc)
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return b, nil
}

type bookParser struct{ errs []error }

func (p *bookParser) wrong(n *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("line %d: "+format, append([]any{n.Line}, args...)...))
}

func (p *bookParser) book(n *yaml.Node) *Book {
	f := p.fields(n, "the book", []string{"book", "id", "region", "retrieved", "lines", "hosts"}, nil)
	b := &Book{lines: map[string]Line{}, hosts: map[Option]Host{}}
	if v := f["book"]; v != nil && v.Value != "1" {
		p.wrong(v, "book is version %q, want 1", v.Value)
	}
	b.ID, b.Region, b.Retrieved = p.text(f["id"]), p.text(f["region"]), p.text(f["retrieved"])
	if v := f["retrieved"]; v != nil {
		if _, err := time.Parse(time.DateOnly, b.Retrieved); err != nil {
			p.wrong(v, "retrieved is %q, want a day like 2026-11-20", b.Retrieved)
		}
	}
	p.each(f["lines"], "lines", lineNames(), func(name string, v *yaml.Node) {
		b.lines[name] = p.line(name, v)
	})
	p.each(f["hosts"], "hosts", []string{string(JetStream), string(RabbitMQ)}, func(name string, v *yaml.Node) {
		h := p.fields(v, "hosts."+name, []string{"per_month", "source"}, nil)
		b.hosts[Option(name)] = Host{PerMonth: p.amount(h["per_month"], "per_month"), Source: p.text(h["source"])}
	})
	return b
}

// each calls read for every one of names that n has, in their order. A missing n was reported where it is missing.
func (p *bookParser) each(n *yaml.Node, what string, names []string, read func(string, *yaml.Node)) {
	if n == nil {
		return
	}
	f := p.fields(n, what, names, nil)
	for _, name := range names {
		if f[name] != nil {
			read(name, f[name])
		}
	}
}

func (p *bookParser) line(name string, n *yaml.Node) Line {
	f := p.fields(n, name, []string{"unit", "source", "tiers"}, nil)
	l := Line{Name: name, Unit: p.text(f["unit"]), Source: p.text(f["source"])}
	tiers := f["tiers"]
	if tiers == nil {
		return l
	}
	if tiers.Kind != yaml.SequenceNode || len(tiers.Content) == 0 {
		p.wrong(tiers, "%s: tiers is not a list with at least one tier", name)
		return l
	}
	reached := 0.0
	for i, item := range tiers.Content {
		t := p.fields(item, name+": a tier", []string{"per_million"}, []string{"up_to"})
		tier := Tier{PerMillion: p.amount(t["per_million"], "per_million")}
		limit, last := t["up_to"], i == len(tiers.Content)-1
		switch {
		case limit != nil && last:
			p.wrong(limit, "%s: the last tier ends at %s, but every volume needs a price; remove up_to", name, limit.Value)
		case limit == nil && !last:
			p.wrong(item, "%s: a tier without up_to hides the tiers after it", name)
		case limit != nil:
			tier.UpTo = p.amount(limit, "up_to")
			if tier.UpTo <= reached {
				p.wrong(limit, "%s: a tier up to %v follows one up to %v; tiers must rise", name, tier.UpTo, reached)
			}
			reached = tier.UpTo
		}
		l.Tiers = append(l.Tiers, tier)
	}
	return l
}

// fields returns the values of a mapping by key, and reports what is unknown, repeated or missing.
func (p *bookParser) fields(n *yaml.Node, what string, required, optional []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		p.wrong(n, "%s is not a mapping", what)
		return nil
	}
	f := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(required, key.Value) && !slices.Contains(optional, key.Value):
			p.wrong(key, "%s has no key %q, it has %s", what, key.Value, strings.Join(slices.Concat(required, optional), ", "))
		case f[key.Value] != nil:
			p.wrong(key, "%s: %q is there twice", what, key.Value)
		case value.Kind == yaml.AliasNode:
			p.wrong(value, "%s: %q is an alias; write it out", what, key.Value)
		default:
			f[key.Value] = value
		}
	}
	for _, key := range required {
		if f[key] == nil {
			p.wrong(n, "%s: %q is missing", what, key)
		}
	}
	return f
}

func (p *bookParser) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		p.wrong(n, "want a text")
	}
	return n.Value
}

func (p *bookParser) amount(n *yaml.Node, key string) float64 {
	if n == nil {
		return 0
	}
	var x float64
	if err := n.Decode(&x); err != nil || n.Kind != yaml.ScalarNode {
		p.wrong(n, "%s is %q, want a number", key, n.Value)
		return 0
	}
	if !(x >= 0) || math.IsInf(x, 1) {
		p.wrong(n, "%s is %s, want a finite number from 0", key, n.Value)
	}
	return x
}
