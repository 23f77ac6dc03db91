package telemetry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/redact"
)

const (
	// TapHeader has to be set on a request for a tap. A web page cannot set it for another site without asking first, and this
	// port does not answer that: so nobody's browser takes the places of taps.
	TapHeader = "Sluice-Tap"

	tapShown = 4 << 10         // bytes of one body that are shown
	tapWrite = 5 * time.Second // for the reader to take a line; after that the tap ends
)

// A TapLine is a line of /api/tap. Secrets are taken out of it.
type TapLine struct {
	Time       time.Time         `json:"time"`
	Stage      string            `json:"stage"`          // read, shaped or settled
	Fate       string            `json:"fate,omitempty"` // settled: accepted or set_aside
	ID         string            `json:"id,omitempty"`
	Key        string            `json:"key,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Bytes      int               `json:"bytes"` // of the whole item or body
	Data       string            `json:"data,omitempty"`
	DataBase64 string            `json:"data_base64,omitempty"` // what is not UTF-8
	Cut        bool              `json:"cut,omitempty"`         // Data is the beginning
	Position   string            `json:"position,omitempty"`    // set aside: where it came from
	Refused    ingest.Stage      `json:"refused,omitempty"`     // set aside: how far it came
	Reason     string            `json:"reason,omitempty"`      // set aside: the reason code
	Message    string            `json:"message,omitempty"`
	Dropped    int64             `json:"dropped,omitempty"` // sightings that this tap did not show so far: too many, or its reader too slow
}

// serveTap shows data on its way until the reader goes, has enough, or is too slow: delivery waits for nobody.
func (m *Monitor) serveTap(w http.ResponseWriter, r *http.Request) {
	stage, limit, sample, err := tapWish(r)
	switch {
	case r.Header.Get(TapHeader) == "":
		http.Error(w, "a tap is opened with the header "+TapHeader+": yes, as 'sluice tap' does", http.StatusForbidden)
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		http.Error(w, "a tap can only be read", http.StatusMethodNotAllowed)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	one, err := m.taps.add(stage, sample)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	defer m.taps.remove(one)
	lines := 0
	m.log.Info("tap begins", "stage", stage, "sample", sample, "reader", r.RemoteAddr)
	defer func() { m.log.Info("tap ends", "lines", lines, "dropped", one.dropped.Load(), "reader", r.RemoteAddr) }()

	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // that of the request would end the tap
	w.Header().Set("Content-Type", "application/x-ndjson")
	for flush := true; ; {
		if flush {
			_ = control.SetWriteDeadline(time.Now().Add(tapWrite))
			if control.Flush() != nil {
				return
			}
			flush = false
		}
		select {
		case <-r.Context().Done():
			return
		case <-m.taps.ended:
			if len(one.waiting) == 0 {
				return
			}
		case s := <-one.waiting:
			line, err := s.line(m.hiding(), one.dropped.Load())
			if err != nil {
				return
			}
			_ = control.SetWriteDeadline(time.Now().Add(tapWrite))
			if _, err := w.Write(line); err != nil {
				return
			}
			if lines++; lines == limit {
				return
			}
			flush = len(one.waiting) == 0
		}
	}
}

// tapWish reads what a request asks for.
func tapWish(r *http.Request) (stage string, limit int, sample float64, err error) {
	q := r.URL.Query()
	if stage = q.Get("stage"); stage != "" && !slices.Contains(Stages(), stage) {
		return "", 0, 0, fmt.Errorf("there is no stage %q, want one of %s", Sanitize(stage, maxReason), strings.Join(Stages(), ", "))
	}
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return "", 0, 0, fmt.Errorf("limit is %q, want a number from 0", Sanitize(text, maxReason))
		}
	}
	sample = 1
	if text := q.Get("sample"); text != "" {
		if sample, err = strconv.ParseFloat(text, 64); err != nil || !(sample > 0 && sample <= 1) {
			return "", 0, 0, fmt.Errorf("sample is %q, want a share above 0 and up to 1", Sanitize(text, maxReason))
		}
	}
	return stage, limit, sample, nil
}

// hiding returns a Redactor of what must not be shown at this moment. Each line has its own, so that none grows.
func (m *Monitor) hiding() *redact.Redactor {
	var secrets []string
	if m.options.Secrets != nil {
		secrets = m.options.Secrets()
	}
	return redact.Hiding(secrets)
}

// line writes a sighting without secrets.
func (s sighting) line(hide *redact.Redactor, dropped int64) ([]byte, error) {
	line := TapLine{Time: s.at.UTC(), Stage: s.stage, Fate: s.fate, ID: s.record.ID, Key: hide.Text(s.record.Key), Bytes: s.size, Dropped: dropped}
	for name, value := range s.record.Headers {
		if line.Headers == nil {
			line.Headers = map[string]string{}
		}
		line.Headers[name] = hide.Header(name, value)
	}
	if s.reason != nil {
		line.Position, line.Refused = Sanitize(hide.Text(s.position), maxMessage), s.refused
		line.Reason, line.Message = Sanitize(fault.From(s.reason).Code(), maxReason), Sanitize(hide.Text(s.reason.Error()), maxMessage)
	}
	data := s.item
	if data == nil {
		data = s.record.Body
	}
	data, line.Cut = shown(hide, data, s.size)
	if utf8.Valid(data) {
		line.Data = string(data)
	} else {
		line.DataBase64 = base64.StdEncoding.EncodeToString(data)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(line)
	return out.Bytes(), err
}

// shown redacts the beginning of a body of so many bytes, and cuts it. Secrets are looked for before that: half a secret is not
// found. At the end of what was kept half of one may stand; so much is left out as the longest secret has bytes.
func shown(hide *redact.Redactor, data []byte, size int) ([]byte, bool) {
	clean := hide.Body("", data)
	most := tapShown
	if size > len(data) {
		most = min(most, max(0, len(clean)-hide.Longest()))
	}
	if len(clean) <= most {
		return clean, size > len(data)
	}
	for most > 0 && !utf8.RuneStart(clean[most]) && most > tapShown-utf8.UTFMax {
		most--
	}
	return clean[:most], true
}
