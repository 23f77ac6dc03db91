package httpapi

import (
	"strconv"
	"time"
)

// formatDate is a day as it stands in a calendar, 2006-01-02.
const formatDate = "date"

// WindowConfig bounds every sweep by times on both sides.
type WindowConfig struct {
	WindowStart       string        `split_words:"true" desc:"reads by time windows: the beginning of the first one, as a time (RFC 3339), a date or Unix seconds; empty: no windows"`
	WindowStartParam  string        `split_words:"true" desc:"query parameter of the beginning of a window"`
	WindowEndParam    string        `split_words:"true" desc:"query parameter of the end of a window"`
	WindowStep        time.Duration `split_words:"true" default:"24h" desc:"length of a window; the last one ends at the present and is shorter"`
	WindowLookback    time.Duration `split_words:"true" default:"0s" desc:"how much before the end of the last window is read again, for records that come late; what has been read there is skipped"`
	WindowLag         time.Duration `split_words:"true" default:"0s" desc:"how far behind the clock windows stay, for an origin that shows records late"`
	WindowGranularity time.Duration `split_words:"true" default:"1s" desc:"the finest step of the times that the API takes; windows begin and end on multiples of it"`
	WindowInclusive   bool          `split_words:"true" default:"false" desc:"the API counts the end of a window as a part of it: what is sent is then one granularity less. Where this is not so, records are missed"`
	WindowFormat      string        `split_words:"true" default:"rfc3339" desc:"how times are written: unix, unix_ms, rfc3339 (UTC), date"`
}

// defaultWindows is the WindowConfig of an empty environment.
func defaultWindows() WindowConfig {
	return WindowConfig{WindowStep: 24 * time.Hour, WindowGranularity: time.Second, WindowFormat: sinceRFC3339}
}

// windowed reports whether sweeps have windows.
func (c WindowConfig) windowed() bool { return c.WindowStart != "" }

// windowBegin is the beginning of the first window.
func (c WindowConfig) windowBegin() (time.Time, bool) {
	r := sinceReader{kind: sinceUnix}
	if at, ok := r.moment(c.WindowStart); ok {
		return at, true
	}
	r.kind = sinceRFC3339
	return r.moment(c.WindowStart)
}

func (c Config) checkWindows(p *problems) {
	from := c.WindowStartParam != "" || c.uses("window_start")
	to := c.WindowEndParam != "" || c.uses("window_end")
	if !c.windowed() {
		if from || to {
			p.add("parameters of a time window are set without WINDOW_START")
		}
		return
	}
	if !from {
		p.add("WINDOW_START needs WINDOW_START_PARAM or {{window_start}} in URL or BODY, or every window would be the same")
	}
	if !to {
		p.add("WINDOW_START needs WINDOW_END_PARAM or {{window_end}} in URL or BODY, or windows would overlap")
	}
	if c.dated() {
		p.add("both WINDOW_START and SINCE_PATH are set; a sweep has either windows or a bound")
	}
	p.oneOf("WINDOW_FORMAT", c.WindowFormat, sinceUnix, sinceUnixMs, sinceRFC3339, formatDate)
	p.notNegative("WINDOW_LOOKBACK", c.WindowLookback)
	p.notNegative("WINDOW_LAG", c.WindowLag)
	p.positive("WINDOW_STEP", int64(c.WindowStep), c.WindowStep)
	unit := time.Millisecond
	switch c.WindowFormat {
	case sinceUnix:
		unit = time.Second
	case formatDate:
		unit = 24 * time.Hour
	}
	begin, ok := c.windowBegin()
	g := c.WindowGranularity
	switch {
	case !ok:
		p.add("WINDOW_START is no time; write 2024-01-31T00:00:00Z, 2024-01-31 or Unix seconds")
	case g < unit || g%unit != 0:
		p.add("WINDOW_GRANULARITY is %v, want a multiple of %v, which is the finest that WINDOW_FORMAT=%s can say", g, unit, c.WindowFormat)
	case c.WindowStep%g != 0:
		p.add("WINDOW_STEP is %v, want a multiple of WINDOW_GRANULARITY (%v)", c.WindowStep, g)
	case begin.UnixNano()%int64(g) != 0:
		p.add("WINDOW_START is not on a multiple of WINDOW_GRANULARITY (%v)", g)
	}
}

// A window is the time that one sweep covers: from From up to and without To, in Unix milliseconds. It is fixed when the
// sweep begins, so that all its pages, also those read after a restart, belong to one question.
type window struct {
	From  int64 `json:"f"`
	To    int64 `json:"t"`
	Again int64 `json:"a"`           // from here on the next window reads again; To where it does not
	Last  bool  `json:"l,omitempty"` // it reaches the present
}

// keep reports whether a later window shows items of w again.
func (w *window) keep() bool { return w.Again < w.To }

// within reports whether w can be a window that nextWindow has made.
func (w *window) within() bool {
	return w == nil || w.From < w.To && w.Again <= w.To && plausibleTime(w.From) && plausibleTime(w.To) && plausibleTime(w.Again)
}

// plausibleTime reports whether Unix milliseconds are in the years that since values can have.
func plausibleTime(ms int64) bool {
	year := time.UnixMilli(ms).UTC().Year()
	return year >= 1678 && year <= 2262
}

// nextWindow is what the sweep that begins now has to cover, and false if there is nothing yet.
//
// What was less than the look-back old when it was read, may have changed since, and is read again; what was older is final.
// A window does not reach across the age that divides the two, so that only what is read again has to be remembered.
func (s *Source) nextWindow(st state) (*window, bool) {
	begin, _ := s.cfg.windowBegin() // Validate has seen that it is one
	g := s.cfg.WindowGranularity.Milliseconds()
	cut := func(ms int64) int64 { return ms - (ms%g+g)%g } // towards the past, also before 1970
	first, end := begin.UnixMilli(), begin.UnixMilli()
	if st.Reached != nil {
		end = *st.Reached
	}
	from := end
	if st.Again != nil {
		from = *st.Again
	}
	present := max(cut(s.now().Add(-s.cfg.WindowLag).UnixMilli()), end) // a clock that went back takes nothing back
	final := cut(present - s.cfg.WindowLookback.Milliseconds())
	w := window{From: from, To: min(end+s.cfg.WindowStep.Milliseconds(), present)}
	if end < final && final < w.To {
		w.To = final
	}
	w.Again = min(w.To, max(final, first))
	w.Last = w.To >= present
	return &w, w.From < w.To
}

// bounds are the two times of w as the API wants them.
func (s *Source) bounds(w window) (from, to string) {
	end := time.UnixMilli(w.To)
	if s.cfg.WindowInclusive {
		end = end.Add(-s.cfg.WindowGranularity)
	}
	return s.cfg.writeTime(time.UnixMilli(w.From)), s.cfg.writeTime(end)
}

// writeTime writes a bound of a window.
func (c WindowConfig) writeTime(at time.Time) string {
	switch at = at.UTC(); c.WindowFormat {
	case sinceUnix:
		return strconv.FormatInt(at.Unix(), 10)
	case sinceUnixMs:
		return strconv.FormatInt(at.UnixMilli(), 10)
	case formatDate:
		return at.Format(time.DateOnly)
	}
	if c.WindowGranularity%time.Second != 0 {
		return at.Format("2006-01-02T15:04:05.000Z")
	}
	return at.Format(time.RFC3339)
}

// siftWindow returns the places of the items that no window before has shown, and remembers all of them where the next one
// shows them again.
func siftWindow(st *state, hashes []uint64) (fresh []int) {
	known, seen := st.Known.plus(), st.Seen.plus()
	for i, h := range hashes {
		if st.Window.keep() {
			seen[h]++
		}
		if !known.take(h) {
			fresh = append(fresh, i)
		}
	}
	st.Known, st.Seen = known, seen
	return fresh
}

// endWindow notes what the next window has to know of the one that has been read.
func (st *state) endWindow() {
	w := *st.Window
	st.Reached, st.Again = &w.To, nil
	if w.keep() {
		st.Again = &w.Again
	}
	st.Window, st.Known, st.Seen = nil, st.Seen, nil
}
