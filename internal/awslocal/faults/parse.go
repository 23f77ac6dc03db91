package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const maxFile = 1 << 20 // bytes of a script

// Load reads the script in a file. The error names the file, and the line where there is one.
func Load(path string) (Script, error) {
	f, err := os.Open(path)
	if err != nil {
		return Script{}, err
	}
	defer f.Close()
	doc, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Script{}, err
	}
	s, err := Parse(doc)
	if err != nil {
		return Script{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse reads a script of YAML. The error is the first thing that is wrong, in one sentence, with its line.
func Parse(doc []byte) (Script, error) {
	if len(doc) > maxFile {
		return Script{}, fmt.Errorf("a script has at most %d bytes", maxFile)
	}
	dec := yaml.NewDecoder(bytes.NewReader(doc))
	var root, more yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return Script{}, errors.New("the script is empty; it needs a list of rules")
	case err != nil:
		return Script{}, yamlError(err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return Script{}, at(&more, "a script is one document")
	}
	var s Script
	err := eachKey(root.Content[0], []string{"seed", "rules"}, func(key string, value *yaml.Node) error {
		if key == "seed" {
			return setUint(value, key, &s.Seed)
		}
		return eachItem(value, key, func(n *yaml.Node) error {
			r, err := parseRule(n)
			s.Rules = append(s.Rules, r)
			return err
		})
	})
	if err == nil && len(s.Rules) == 0 {
		err = errors.New("the script has no rules")
	}
	if err == nil {
		err = s.Check()
	}
	return s, err
}

// yamlError drops what the parser says before the line.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text, _, _ = strings.Cut(text, "\n")
	return errors.New(text)
}

func at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", max(n.Line, 1), fmt.Sprintf(format, args...))
}

// eachKey calls f for the keys of a mapping, in order. Keys that are not known, or there twice, are errors, and so is
// an alias: a few of them can stand for a file of any size.
func eachKey(n *yaml.Node, known []string, f func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "here has to be a mapping with the keys %s", strings.Join(known, ", "))
	}
	var seen []string
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			return at(key, "there is no key %q here%s", key.Value, suggestion(key.Value, known))
		case slices.Contains(seen, key.Value):
			return at(key, "the key %q is there twice", key.Value)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			return at(value, "%s: anchors and aliases are not used here", key.Value)
		}
		seen = append(seen, key.Value)
		if err := f(key.Value, value); err != nil {
			return err
		}
	}
	return nil
}

func eachItem(n *yaml.Node, key string, f func(n *yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return at(n, "%s: here has to be a list", key)
	}
	for _, item := range n.Content {
		if item.Kind == yaml.AliasNode || item.Anchor != "" {
			return at(item, "%s: anchors and aliases are not used here", key)
		}
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}

// ruleKeys are all keys of a rule; which of them its action takes is checked afterwards.
var ruleKeys = slices.Concat(commonKeys, parameters)

func parseRule(n *yaml.Node) (Rule, error) {
	r := Rule{Line: n.Line}
	err := eachKey(n, ruleKeys, func(key string, v *yaml.Node) error { return r.set(key, v) })
	if err == nil && r.Do == "" {
		err = at(n, "the rule does not say what to do; the key is do")
	}
	return r, err
}

// set reads the value of one key.
func (r *Rule) set(key string, v *yaml.Node) error {
	switch key {
	case "name":
		return setText(v, key, &r.Name)
	case "call":
		return setNames(v, key, &r.Calls)
	case "do":
		return setText(v, key, (*string)(&r.Do))
	case "nth":
		return setRanges(v, key, &r.Nth)
	case "every":
		return setCount(v, key, &r.Every)
	case "p":
		return setShare(v, key, &r.P)
	case "after":
		return setDuration(v, key, &r.After)
	case "for":
		return setPositive(v, key, &r.For)
	case "times":
		return setCount(v, key, &r.Times)
	}
	return r.setParameter(key, v)
}

// setParameter reads a key that belongs to some actions only.
func (r *Rule) setParameter(key string, v *yaml.Node) error {
	switch key {
	case "entries":
		return setEntries(v, key, &r.Entries)
	case "code":
		return setText(v, key, &r.Code)
	case "status":
		return setCount(v, key, &r.Status)
	case "message":
		return setText(v, key, &r.Message)
	case "sender_fault":
		return setBool(v, key, &r.SenderFault)
	case "rate":
		return setShare(v, key, &r.Rate)
	case "burst":
		return setCount(v, key, &r.Burst)
	case "latency":
		return setPositive(v, key, &r.Latency)
	case "model":
		return setText(v, key, &r.Model)
	case "skew":
		return setDuration(v, key, &r.Skew)
	case "reply":
		return setText(v, key, (*string)(&r.Reply))
	}
	return r.setAnswer(key, v)
}

// setAnswer reads a key of what shapes an answer on the wire.
func (r *Rule) setAnswer(key string, v *yaml.Node) error {
	switch key {
	case "headers":
		return setHeaders(v, &r.Headers)
	case "body":
		return setText(v, key, &r.Body)
	case "bytes":
		return setCount(v, key, &r.Bytes)
	case "framing":
		return setText(v, key, (*string)(&r.Framing))
	default:
		return setCount(v, key, &r.BytesPerSecond)
	}
}

// setHeaders reads a mapping of names to values, of which each name has one.
func setHeaders(v *yaml.Node, into *map[string]string) error {
	if v.Kind != yaml.MappingNode || len(v.Content) == 0 {
		return at(v, "headers: here has to be a mapping such as {Retry-After: 30}")
	}
	*into = map[string]string{}
	for i := 0; i < len(v.Content); i += 2 {
		name, value := v.Content[i], v.Content[i+1]
		if _, twice := (*into)[name.Value]; twice {
			return at(name, "headers: %q is there twice", name.Value)
		}
		if name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
			return at(value, "headers: here has to be a mapping such as {Retry-After: 30}")
		}
		(*into)[name.Value] = value.Value
	}
	return nil
}

func setText(v *yaml.Node, key string, into *string) error {
	if v.Kind != yaml.ScalarNode || v.Value == "" {
		return at(v, "%s: here has to be a text", key)
	}
	*into = v.Value
	return nil
}

func setBool(v *yaml.Node, key string, into **bool) error {
	b := v.Value == "true"
	if v.Kind != yaml.ScalarNode || !b && v.Value != "false" {
		return at(v, "%s: %q is neither true nor false", key, v.Value)
	}
	*into = &b
	return nil
}

func setUint(v *yaml.Node, key string, into *uint64) (err error) {
	if *into, err = strconv.ParseUint(v.Value, 10, 64); v.Kind != yaml.ScalarNode || err != nil {
		return at(v, "%s: %q is no whole number from 0", key, v.Value)
	}
	return nil
}

// setCount reads a whole number from 1.
func setCount(v *yaml.Node, key string, into *int) error {
	n, err := strconv.Atoi(v.Value)
	if v.Kind != yaml.ScalarNode || err != nil || n < 1 {
		return at(v, "%s: %q is no whole number from 1", key, v.Value)
	}
	*into = n
	return nil
}

// setShare reads a number over 0.
func setShare(v *yaml.Node, key string, into *float64) error {
	f, err := strconv.ParseFloat(v.Value, 64)
	if v.Kind != yaml.ScalarNode || err != nil || !(f > 0) {
		return at(v, "%s: %q is no number over 0", key, v.Value)
	}
	*into = f
	return nil
}

func setDuration(v *yaml.Node, key string, into *time.Duration) error {
	d, err := time.ParseDuration(v.Value)
	if v.Kind != yaml.ScalarNode || err != nil {
		return at(v, "%s: %q is no duration such as 250ms or 3s", key, v.Value)
	}
	*into = d
	return nil
}

func setPositive(v *yaml.Node, key string, into *time.Duration) error {
	if err := setDuration(v, key, into); err != nil {
		return err
	}
	if *into <= 0 {
		return at(v, "%s: %q has to be over 0", key, v.Value)
	}
	return nil
}

// items returns the items of a list, or a single value as a list of one.
func items(v *yaml.Node) []*yaml.Node {
	if v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return []*yaml.Node{v}
}

func setNames(v *yaml.Node, key string, into *[]string) error {
	if len(items(v)) == 0 {
		return at(v, "%s: the list is empty; leave the key out if all are meant", key)
	}
	for _, n := range items(v) {
		var name string
		if err := setText(n, key, &name); err != nil {
			return err
		}
		*into = append(*into, name)
	}
	return nil
}

func setRanges(v *yaml.Node, key string, into *[]Range) error {
	if len(items(v)) == 0 {
		return at(v, "%s: the list is empty; leave the key out if all are meant", key)
	}
	for _, n := range items(v) {
		low, high, isRange := strings.Cut(n.Value, "-")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if n.Kind != yaml.ScalarNode || err != nil || err2 != nil {
			return at(n, "%s: %q is neither a number such as 3 nor a range such as 5-8", key, n.Value)
		}
		*into = append(*into, Range{from, to})
	}
	return nil
}

func setEntries(v *yaml.Node, key string, into *Entries) error {
	if v.Kind == yaml.ScalarNode && (v.Value == "one" || v.Value == "all") {
		into.One = v.Value == "one"
		return nil
	}
	if len(items(v)) == 0 {
		return at(v, "%s: the list is empty; leave the key out if all are meant", key)
	}
	for _, n := range items(v) {
		p, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			return at(n, "%s: here has to be a list such as [2, 5], or one, or all", key)
		}
		into.Positions = append(into.Positions, p)
	}
	return nil
}
