package telemetry

import (
	"context"
	"log/slog"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// A Reason is one thing that keeps the daemon from being ready.
type Reason struct {
	Part    string    `json:"part"`
	Reason  string    `json:"reason"` // stable code, such as queue_missing
	Since   time.Time `json:"since"`
	Message string    `json:"message"`        // for people: one clean line of at most 500 bytes
	Todo    string    `json:"todo,omitempty"` // what to do, from the catalogue of reasons
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []Reason `json:"reasons,omitempty"`
}

// maxMessage and maxReason are the most bytes of a message and a reason code that health shows.
const (
	maxMessage = 500
	maxReason  = 64
)

// health is what is wrong at the moment. Its owner locks it.
type health struct {
	created  time.Time
	starting bool // no Read has succeeded yet
	draining time.Time
	troubles map[ingest.Part]*trouble
	stumbles map[ingest.Part]int // failures in a row that do not count as trouble yet
}

// A trouble is one part that does not work, from its first failure until it works again.
type trouble struct {
	Reason
	logged map[string]bool // reasons, each logged once
}

func newHealth() health {
	return health{created: time.Now(), starting: true, troubles: map[ingest.Part]*trouble{}, stumbles: map[ingest.Part]int{}}
}

func (h *health) ready() bool {
	return !h.starting && h.draining.IsZero() && len(h.troubles) == 0
}

// readiness lists the reasons in a fixed order.
func (h *health) readiness() Readiness {
	r := Readiness{Ready: h.ready()}
	if h.starting {
		r.Reasons = append(r.Reasons, Reason{Part: string(ingest.PartSource), Reason: "starting", Since: h.created, Message: "nothing has been read from the source yet", Todo: todo("starting")})
	}
	if !h.draining.IsZero() {
		r.Reasons = append(r.Reasons, Reason{Part: "daemon", Reason: "draining", Since: h.draining, Message: "asked to stop; what is in flight is being settled"})
	}
	for _, part := range parts() {
		if t := h.troubles[part]; t != nil {
			r.Reasons = append(r.Reasons, t.Reason)
		}
	}
	return r
}

// Readiness says whether records flow, or could, and if not, why.
func (m *Monitor) Readiness() Readiness {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.health.readiness()
}

// Drain notes that the daemon was asked to stop. It is not ready any more.
func (m *Monitor) Drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.health.draining.IsZero() {
		m.health.draining = time.Now()
	}
}

// tolerated is the number of passing failures in a row of the source that are not yet a trouble: one may be chance. The
// Deliverer has a rule of its own for the destination.
const tolerated = 1

// trouble notes that a part does not work, or, with nil, that it does. It logs the first time that a part gives a reason
// and when the part works again, not every retry.
func (m *Monitor) trouble(part ingest.Part, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.health.troubles[part]
	if err == nil {
		delete(m.health.stumbles, part)
		if t != nil {
			delete(m.health.troubles, part)
			m.log.Info(wellAgain(part), "part", part, "after", time.Since(t.Since).Round(time.Millisecond).String())
		}
		return
	}
	verdict := fault.From(err)
	if t == nil {
		if part == ingest.PartSource && verdict.Class == fault.Transient && m.health.stumbles[part] < tolerated {
			m.health.stumbles[part]++
			return
		}
		t = &trouble{Reason: Reason{Part: string(part), Since: time.Now()}, logged: map[string]bool{}}
		m.health.troubles[part] = t
	}
	t.Reason.Reason = Sanitize(verdict.Code(), maxReason)
	t.Message = Sanitize(err.Error(), maxMessage)
	t.Todo = todo(t.Reason.Reason)
	if t.logged[t.Reason.Reason] {
		return
	}
	t.logged[t.Reason.Reason] = true
	level := slog.LevelWarn
	if verdict.Class == fault.Blocked {
		level = slog.LevelError
	}
	m.log.Log(context.Background(), level, inTrouble(part, verdict), "part", part, "reason", t.Reason.Reason, "class", verdict.Class.String(), "err", t.Message)
}

// todo is what the catalogue advises to do about a reason code.
func todo(code string) string {
	r, _ := fault.ReasonOf(code)
	return r.Todo
}

// inTrouble is the log line when a part stops working.
func inTrouble(part ingest.Part, verdict *fault.Error) string {
	switch class := verdict.Class; {
	case part == ingest.PartCheckpoint:
		return "checkpoint cannot be saved"
	case part == ingest.PartDeadLetter && verdict.Code() == "deadletter_full":
		return "too many dead letters, delivery paused"
	case part == ingest.PartDeadLetter && class == fault.Blocked:
		return "too many records refused, delivery paused"
	case part == ingest.PartDeadLetter:
		return "dead letters cannot be written"
	case class == fault.Blocked:
		return string(part) + " blocked"
	case class == fault.Throttled:
		return string(part) + " throttles"
	}
	return string(part) + " does not answer as it should"
}

// wellAgain is the log line when a part works again.
func wellAgain(part ingest.Part) string {
	switch part {
	case ingest.PartSource:
		return "reading again"
	case ingest.PartDestination:
		return "delivering again"
	case ingest.PartCheckpoint:
		return "checkpoint saved again"
	}
	return "dead letters written again"
}
