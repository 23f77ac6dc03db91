package faults

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"sluice/internal/awslocal/model"
)

const (
	maxRules = 1_000
	maxTime  = 24 * time.Hour // of windows, delays and clocks
	maxNth   = 1_000_000_000

	maxHeader   = 8 << 10 // bytes of a value
	maxBody     = 64 << 10
	maxTruncate = 1 << 30
	maxBomb     = 16 << 30 // bytes once decompressed
)

var codes = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]{0,79}$`)

// A problem is what is wrong with a key of a rule.
type problem struct{ key, text string }

func (p *problem) Error() string { return p.key + ": " + p.text }

// Check reports the first thing that is wrong with s.
func (s Script) Check() error {
	if len(s.Rules) > maxRules {
		return fmt.Errorf("the script has %d rules; at most %d are kept", len(s.Rules), maxRules)
	}
	for i, r := range s.Rules {
		if p := r.check(); p != nil {
			if r.Line > 0 {
				return fmt.Errorf("line %d: %w", r.Line, p)
			}
			return fmt.Errorf("rule %d: %w", i+1, p)
		}
	}
	return nil
}

// check returns what is wrong with r, or nil.
func (r Rule) check() *problem {
	s, known := r.Do.spec()
	if !known {
		return &problem{"do", fmt.Sprintf("there is no action %q%s", r.Do, suggestion(string(r.Do), actionNames()))}
	}
	for _, f := range []func() *problem{r.checkCalls, r.checkWhen, r.checkError, r.checkAmounts, r.checkAnswer} {
		if p := f(); p != nil {
			return p
		}
	}
	for _, key := range s.needs {
		if !r.has(key) {
			return &problem{key, fmt.Sprintf("%s needs it", r.Do)}
		}
	}
	if r.Do == Latency && (r.Latency > 0) == (r.Model != "") {
		return &problem{"latency", "the action needs either latency, a duration, or model"}
	}
	for _, key := range parameters {
		if r.has(key) && !slices.Contains(s.takes, key) {
			return &problem{key, fmt.Sprintf("it means nothing to %s", r.Do)}
		}
	}
	return nil
}

// has reports whether a key is given.
func (r Rule) has(key string) bool {
	return map[string]bool{
		"for": r.For > 0, "entries": r.Entries.One || len(r.Entries.Positions) > 0, "code": r.Code != "", "status": r.Status != 0,
		"message": r.Message != "", "sender_fault": r.SenderFault != nil, "rate": r.Rate > 0, "burst": r.Burst > 0,
		"latency": r.Latency > 0, "model": r.Model != "", "skew": r.Skew != 0, "reply": r.Reply != "",
		"headers": len(r.Headers) > 0, "body": r.Body != "", "bytes": r.Bytes > 0, "framing": r.Framing != "", "bytes_per_second": r.BytesPerSecond > 0,
	}[key]
}

func (r Rule) checkCalls() *problem {
	s, _ := r.Do.spec()
	for _, name := range r.Calls {
		if !isName(name) {
			all := append(Calls(), SQS, STS, APIGateway, Source, "POST /records")
			return &problem{"call", fmt.Sprintf("there is no call %q%s", name, suggestion(name, all))}
		}
		possible := s.calls == nil || slices.ContainsFunc(s.calls, func(c string) bool { return overlap(c, name) })
		if !possible {
			return &problem{"call", fmt.Sprintf("%s does not act on %s; it acts on %s", r.Do, name, strings.Join(s.calls, ", "))}
		}
	}
	return nil
}

func (r Rule) checkWhen() *problem {
	for _, n := range r.Nth {
		if n.From < 1 || n.To < n.From || n.To > maxNth {
			return &problem{"nth", fmt.Sprintf("calls %d to %d: they are counted from 1 up to %d, the smaller number first", n.From, n.To, maxNth)}
		}
	}
	if r.Every < 0 || r.Every > maxNth {
		return &problem{"every", "it has to be 1 or more"}
	}
	if !(r.P >= 0 && r.P <= 1) {
		return &problem{"p", fmt.Sprintf("%v: a probability is over 0 and at most 1", r.P)}
	}
	if r.Times < 0 || r.Times > maxNth {
		return &problem{"times", "it has to be 1 or more"}
	}
	for key, d := range map[string]time.Duration{"after": r.After, "for": r.For, "latency": r.Latency} {
		if d < 0 || d > maxTime {
			return &problem{key, fmt.Sprintf("%v: it has to be from 0 to %v", d, maxTime)}
		}
	}
	return nil
}

func (r Rule) checkError() *problem {
	if r.Code != "" && !codes.MatchString(r.Code) {
		return &problem{"code", fmt.Sprintf("%q is no error code, such as InternalError or KMS.ThrottlingException", r.Code)}
	}
	atWill := r.Do == Answer || r.Do == AcceptThenAnswer
	switch {
	case atWill && r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return &problem{"status", fmt.Sprintf("%d is not the status of an answer, 200 to 599", r.Status)}
	case !atWill && r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return &problem{"status", fmt.Sprintf("%d is not the status of an error, 400 to 599", r.Status)}
	}
	if len(r.Message) > 4096 || strings.ContainsAny(r.Message, "\r\n\x00") {
		return &problem{"message", "it has to be one line of at most 4,096 bytes"}
	}
	return nil
}

func (r Rule) checkAmounts() *problem {
	for _, p := range r.Entries.Positions {
		if p < 1 || p > 10 { // SQS: at most ten entries in a batch and messages in a receive
			return &problem{"entries", fmt.Sprintf("%d: entries are counted from 1 to 10", p)}
		}
	}
	if r.Entries.One && len(r.Entries.Positions) > 0 {
		return &problem{"entries", "either one that is drawn, or a list"}
	}
	if !(r.Rate >= 0 && r.Rate <= 1e6) || math.IsInf(r.Rate, 0) {
		return &problem{"rate", fmt.Sprintf("%v: calls per second, over 0 and at most 1,000,000", r.Rate)}
	}
	if r.Burst < 0 || r.Burst > 1e6 {
		return &problem{"burst", fmt.Sprintf("%d: it has to be from 1 to 1,000,000", r.Burst)}
	}
	if r.Model != "" {
		if m, known := model.Lookup(r.Model); !known || m.Points == nil {
			return &problem{"model", fmt.Sprintf("there is no model of delays %q%s", r.Model, suggestion(r.Model, delayModels()))}
		}
	}
	if r.Skew.Abs() > maxTime {
		return &problem{"skew", fmt.Sprintf("%v: a clock can be off by at most %v", r.Skew, maxTime)}
	}
	if r.Reply != "" && !slices.Contains([]Reply{Missing, Ignored, Doubled, Unknown}, r.Reply) {
		return &problem{"reply", fmt.Sprintf("%q: it is missing, ignored, doubled or unknown", r.Reply)}
	}
	return nil
}

// checkAnswer looks at what shapes an answer on the wire.
func (r Rule) checkAnswer() *problem {
	for name, value := range r.Headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || len(value) > maxHeader:
			return &problem{"headers", fmt.Sprintf("%q: no header can have this name and value", name)}
		case slices.Contains([]string{"Content-Length", "Transfer-Encoding", "Connection"}, http.CanonicalHeaderKey(name)):
			return &problem{"headers", fmt.Sprintf("%s follows from the answer; for one that ends too early there is %s", name, Truncate)}
		}
	}
	if len(r.Body) > maxBody {
		return &problem{"body", fmt.Sprintf("it has %d bytes; at most %d", len(r.Body), maxBody)}
	}
	if most := map[bool]int{true: maxBomb, false: maxTruncate}[r.Do == Bomb]; r.Bytes < 0 || r.Bytes > most {
		return &problem{"bytes", fmt.Sprintf("%d: it has to be from 1 to %d", r.Bytes, most)}
	}
	if r.Framing != "" && !slices.Contains([]Framing{Length, Chunked, Close}, r.Framing) {
		return &problem{"framing", fmt.Sprintf("%q: it is length, chunked or close", r.Framing)}
	}
	if r.BytesPerSecond < 0 || r.BytesPerSecond > 1e9 {
		return &problem{"bytes_per_second", fmt.Sprintf("%d: it has to be from 1 to 1,000,000,000", r.BytesPerSecond)}
	}
	return nil
}

func delayModels() (ids []string) {
	for _, m := range model.All() {
		if m.Points != nil {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func actionNames() (names []string) {
	for _, s := range specs {
		names = append(names, string(s.action))
	}
	return names
}
