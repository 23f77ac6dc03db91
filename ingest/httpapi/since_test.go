package httpapi

import (
	"fmt"
	"testing"
)

func TestSinceValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, format, value string
		want                string // what is sent; empty: the record has no usable value
	}{
		{"text", "same", `"b é"`, "b é"},
		{"text", "same", `12`, "12"},
		{"text", "same", `""`, ""},
		{"text", "same", `null`, ""},
		{"text", "same", `{"a":1}`, ""},
		{"text", "same", "\"\xff\"", ""},
		{"number", "same", `9007199254740993`, "9007199254740993"},
		{"number", "same", `"9007199254740993"`, "9007199254740993"},
		{"number", "same", `1.50`, "1.50"},
		{"number", "same", `-0`, "-0"},
		{"number", "same", `1e99`, "1e99"},
		{"number", "same", `1e999999999`, ""},
		{"number", "same", `"007"`, ""},
		{"number", "same", `"1/2"`, ""},
		{"number", "same", `"x"`, ""},
		{"unix", "same", `1517966773.840`, "1517966773.840"},
		{"unix", "unix", `1517966773.999`, "1517966773"},
		{"unix", "unix", `-0.5`, "-1"},
		{"unix", "unix_ms", `1517966773.8409`, "1517966773840"},
		{"unix", "rfc3339", `1517966773`, "2018-02-07T01:26:13Z"},
		{"unix", "rfc3339", `1517966773840`, ""}, // milliseconds by mistake: the year 50071
		{"unix_ms", "rfc3339", `1517966773840`, "2018-02-07T01:26:13Z"},
		{"unix_ms", "rfc3339", `-1`, "1969-12-31T23:59:59Z"},
		{"unix_ms", "unix", `1517966773840`, "1517966773"},
		{"unix_ms", "same", `1517966773840`, "1517966773840"},
		{"rfc3339", "same", `"2018-02-07T03:26:13.84+02:00"`, "2018-02-07T03:26:13.84+02:00"},
		{"rfc3339", "unix_ms", `"2018-02-07T03:26:13.84+02:00"`, "1517966773840"},
		{"rfc3339", "rfc3339", `"2018-02-07 01:26:13.84"`, "2018-02-07T01:26:13Z"},
		{"rfc3339", "rfc3339", `"2018-02-07"`, "2018-02-07T00:00:00Z"},
		{"rfc3339", "rfc3339", `"yesterday"`, ""},
	} {
		r := sinceReader{path: "at", kind: tc.kind, format: tc.format}
		m, ok := r.read([]byte(`{"at":` + tc.value + `}`))
		if ok != (tc.want != "") || (ok && m.Text != tc.want) {
			t.Errorf("%s %s as %s = %q, %v; want %q", tc.kind, tc.value, tc.format, m.Text, ok, tc.want)
		}
		if ok && !r.holds(&m) {
			t.Errorf("%s %s as %s: its own mark %+v is refused", tc.kind, tc.value, tc.format, m)
		}
	}
}

func TestSinceValuesAreComparedAsTheParameterTellsThemApart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, format, a, b string
		want               int
	}{
		{"text", "same", `"10"`, `"9"`, -1},
		{"number", "same", `10`, `9`, 1},
		{"number", "same", `1.0`, `1.00`, 0},
		{"number", "same", `9007199254740993`, `9007199254740992`, 1},
		{"unix_ms", "same", `1517966773840`, `1517966773841`, -1},
		{"unix_ms", "rfc3339", `1517966773000`, `1517966773999`, 0},
		{"unix_ms", "rfc3339", `1517966773999`, `1517966774000`, -1},
		{"unix_ms", "unix", `-1`, `0`, -1},
		{"rfc3339", "same", `"2018-02-07T03:00:00+02:00"`, `"2018-02-07T01:00:00Z"`, 0},
		{"rfc3339", "same", `"2018-02-07T03:00:00.1Z"`, `"2018-02-07T03:00:00.09Z"`, 1},
	} {
		r := sinceReader{path: "at", kind: tc.kind, format: tc.format}
		a, _ := r.read([]byte(`{"at":` + tc.a + `}`))
		b, _ := r.read([]byte(`{"at":` + tc.b + `}`))
		if got := r.compare(&a, &b); got != tc.want {
			t.Errorf("%s as %s: compare(%s, %s) = %d, want %d", tc.kind, tc.format, tc.a, tc.b, got, tc.want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.5e3", "1e999999999", "0x1", "1_0", "Inf", "1e-99", ".5", "1E+0099"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := number(text)
		if !ok {
			return
		}
		if n.Num().BitLen() > 1000 || n.Denom().BitLen() > 1000 {
			t.Fatalf("number(%q) takes %d bits", text, n.Num().BitLen()+n.Denom().BitLen())
		}
		for _, kind := range []string{sinceUnix, sinceUnixMs} {
			for _, format := range []string{sinceSame, sinceUnix, sinceUnixMs, sinceRFC3339} {
				r := sinceReader{path: "at", kind: kind, format: format}
				m, ok := r.read(fmt.Appendf(nil, `{"at":%s}`, text))
				if ok && !r.holds(&m) {
					t.Fatalf("%s %s as %s: its own mark %+v is refused", kind, text, format, m)
				}
			}
		}
	})
}

func TestLoopFindsEveryCycle(t *testing.T) {
	t.Parallel()
	for lead := range 20 {
		for period := 1; period < 20; period++ {
			var l loop
			steps := 0
			for ; !l.next(uint64(at(steps, lead, period))); steps++ {
				if steps > 3*(lead+period)+3 {
					t.Fatalf("lead %d, period %d: not found after %d steps", lead, period, steps)
				}
				if !l.plausible() {
					t.Fatalf("lead %d, period %d: %+v is not plausible", lead, period, l)
				}
			}
			if steps < lead+period {
				t.Fatalf("lead %d, period %d: found after %d steps, before anything repeats", lead, period, steps)
			}
		}
	}
	var l loop
	for i := range uint64(10_000) {
		if l.next(i + 1) {
			t.Fatalf("a cycle in a sequence without one, at %d", i)
		}
	}
}

// at is element i of a sequence that runs into a cycle.
func at(i, lead, period int) int {
	if i < lead {
		return i
	}
	return lead + (i-lead)%period
}
