package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// Whatever the trouble, operators see one code for it, wherever they look.
func TestOneCodePerTrouble(t *testing.T) {
	t.Parallel()
	for _, r := range fault.Reasons() {
		if len(r.Classes) == 0 {
			continue // starting and draining are no failures
		}
		t.Run(r.Code, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			m := New(Options{Source: "http", Transport: "sqs", Log: slog.New(slog.NewJSONHandler(&out, nil))})
			m.Observer().Read(0, 0, time.Millisecond, nil) // it has started
			out.Reset()
			err := &fault.Error{Class: r.Classes[len(r.Classes)-1], Reason: r.Code, Op: "x.Do", Err: errors.New("text")}
			part := ingest.PartDestination
			switch {
			case strings.HasPrefix(r.Part, "source"):
				part = ingest.PartSource
				m.Observer().Trouble(part, err) // one failure may be chance
			case strings.HasPrefix(r.Part, "deadletter"):
				part = ingest.PartDeadLetter
			case strings.HasPrefix(r.Part, "checkpoint"):
				part = ingest.PartCheckpoint
			}
			m.Observer().Trouble(part, err)
			m.Observe(transport.Attempt{Records: make([]transport.Record, 1), Results: []transport.Result{{Err: err}}})

			var line struct{ Reason, Part string }
			if e := json.Unmarshal(out.Bytes(), &line); e != nil || line.Reason != r.Code || line.Part != string(part) {
				t.Errorf("log: got %s (%v), want one line with %s", out.Bytes(), e, r.Code)
			}
			wantSeries := `sluice_trouble_reason{part=` + string(part) + `,reason=` + r.Code + `} 1`
			if got := samples(t, m, "sluice_trouble_reason"); len(got) != 1 || got[0] != wantSeries {
				t.Errorf("metric: got %q, want %s", got, wantSeries)
			}
			wantCount := `sluice_fault_records_total{reason=` + r.Code + `,transport=sqs} 1`
			if got := samples(t, m, "sluice_fault_records_total"); len(got) != 1 || got[0] != wantCount {
				t.Errorf("metric: got %q, want %s", got, wantCount)
			}
			for _, path := range []string{"/readyz", "/api/status"} {
				var answer Readiness
				if e := json.Unmarshal(ask(m, "GET", "127.0.0.1", path).Body.Bytes(), &answer); e != nil || len(answer.Reasons) != 1 || answer.Reasons[0].Reason != r.Code || answer.Reasons[0].Todo != r.Todo {
					t.Errorf("%s: got %+v (%v), want one reason, %s, and what to do", path, answer, e, r.Code)
				}
			}
			if page := ask(m, "GET", "127.0.0.1", "/").Body.Bytes(); !bytes.Contains(page, []byte("<code>"+string(part)+": "+r.Code+"</code>")) {
				t.Errorf("the status page does not show %s", r.Code)
			}
			m.Observer().Trouble(part, nil)
			if got := samples(t, m, "sluice_trouble_reason"); len(got) != 0 {
				t.Errorf("metric when all is well again: %q, want none", got)
			}
		})
	}
}

// The number of series is bounded by the catalogue, whatever codes come.
func TestUnknownCodesShareOneSeries(t *testing.T) {
	t.Parallel()
	m := New(Options{Source: "http", Transport: "sqs"})
	for _, code := range []string{"canary_1", "canary_2", strings.Repeat("x", 1000), "\xff\n"} {
		err := &fault.Error{Class: fault.Blocked, Reason: code, Err: errors.New("x")}
		m.Report(err)
		m.Observe(transport.Attempt{Records: make([]transport.Record, 1), Results: []transport.Result{{Err: err}}})
	}
	if got := samples(t, m, "sluice_fault_records_total"); len(got) != 1 || !strings.Contains(got[0], "reason=other") {
		t.Errorf("got %q, want one series with reason other", got)
	}
}
