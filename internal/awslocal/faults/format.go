package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format writes s as a file that Parse reads.
func (s Script) Format() []byte {
	rules := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range s.Rules {
		rules.Content = append(rules.Content, r.node())
	}
	doc := &yaml.Node{Kind: yaml.MappingNode}
	if s.Seed != 0 {
		doc.Content = append(doc.Content, plainNode("seed"), plainNode(strconv.FormatUint(s.Seed, 10)))
	}
	doc.Content = append(doc.Content, plainNode("rules"), rules)
	text, err := yaml.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("nodes that were just made: %v", err))
	}
	return text
}

func plainNode(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// textNode is a text that could be taken for something else, and is quoted then.
func textNode(value string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(value)
	n.Style = yaml.DoubleQuotedStyle
	return n
}

func listNode(values []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range values {
		n.Content = append(n.Content, textNode(v))
	}
	return n
}

// node is the rule as a mapping in the order in which people write it; what is at zero is left out.
func (r Rule) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put := func(key string, value *yaml.Node, there bool) {
		if there {
			n.Content = append(n.Content, plainNode(key), value)
		}
	}
	text := func(key, value string) { put(key, textNode(value), value != "") }
	word := func(key string, value any) {
		shown := fmt.Sprint(value)
		put(key, plainNode(shown), shown != "0" && shown != "0s")
	}
	text("name", r.Name)
	put("call", listNode(r.Calls), len(r.Calls) > 0)
	put("nth", listNode(rangeTexts(r.Nth)), len(r.Nth) > 0)
	word("every", r.Every)
	word("p", r.P)
	word("after", r.After)
	word("for", r.For)
	word("times", r.Times)
	put("do", plainNode(string(r.Do)), true)
	put("entries", plainNode("one"), r.Entries.One)
	put("entries", listNode(strings.Fields(strings.Trim(fmt.Sprint(r.Entries.Positions), "[]"))), len(r.Entries.Positions) > 0)
	text("code", r.Code)
	word("status", r.Status)
	text("message", r.Message)
	if r.SenderFault != nil {
		put("sender_fault", plainNode(strconv.FormatBool(*r.SenderFault)), true)
	}
	word("rate", r.Rate)
	word("burst", r.Burst)
	word("latency", r.Latency)
	text("model", r.Model)
	word("skew", r.Skew)
	text("reply", string(r.Reply))
	put("headers", headerNode(r.Headers), len(r.Headers) > 0)
	text("body", r.Body)
	word("bytes", r.Bytes)
	text("framing", string(r.Framing))
	word("bytes_per_second", r.BytesPerSecond)
	return n
}

func headerNode(headers map[string]string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		n.Content = append(n.Content, textNode(name), textNode(headers[name]))
	}
	return n
}

func rangeTexts(ranges []Range) (texts []string) {
	for _, n := range ranges {
		if n.From == n.To {
			texts = append(texts, strconv.Itoa(n.From))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", n.From, n.To))
		}
	}
	return texts
}
