package apigateway

import (
	"fmt"
	"net/http"
	"sync"

	"sluice/internal/fault"
)

// keepsFailing is the verdict on a record that what is behind the API cannot digest, where the owner has asked for one.
var keepsFailing = verdict{fault.Rejected, "keeps_failing", "look into the log of the function behind the API"}

// maxRepeats is how many records are remembered at most. What is forgotten begins anew, which only delays its end.
const maxRepeats = 1024

// repeats counts the answers 500 and 502 that one record gets while others are accepted. Safe for concurrent use. The zero
// value is ready.
type repeats struct {
	mu       sync.Mutex
	accepted int               // records so far
	records  map[string]repeat // by ID
}

// A repeat is one record that has failed.
type repeat struct {
	times int
	at    int // accepted at the last time that counted
}

// passed notes that a record was accepted.
func (p *repeats) passed(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	delete(p.records, id)
}

// failed counts an answer to a record, and returns how many there have been. I4: a failure counts only if another record
// was accepted since the one before, so that an outage of any length is one failure of each.
func (p *repeats) failed(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, known := p.records[id]
	if known && r.at == p.accepted {
		return r.times
	}
	if p.records == nil {
		p.records = map[string]repeat{}
	}
	if !known && len(p.records) >= maxRepeats {
		for other := range p.records {
			delete(p.records, other)
			break
		}
	}
	p.records[id] = repeat{times: r.times + 1, at: p.accepted}
	return r.times + 1
}

// enough turns the verdict on an answer 500 or 502 into a rejection, if the record has had as many as the settings allow.
func (t *Transport) enough(id string, status int, e *fault.Error) *fault.Error {
	if t.cfg.RejectAfter == 0 || status != http.StatusInternalServerError && status != http.StatusBadGateway {
		return e
	}
	n := t.repeats.failed(id)
	if n < t.cfg.RejectAfter {
		return e
	}
	return &fault.Error{Class: keepsFailing.class, Reason: keepsFailing.reason, Op: e.Op, Ambiguous: true,
		Err: fmt.Errorf("answered %d to this record for the %dth time, while others pass; %s", status, n, keepsFailing.todo)}
}
