package audit_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/bench/audit"
)

var safe = regexp.MustCompile(`^[A-Za-z0-9-]{1,60}$`)

func TestIDSaysWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		run := rapid.StringMatching(`[A-Za-z0-9-]{1,26}`).Draw(t, "run")
		trial := rapid.IntRange(0, 1<<40-1).Draw(t, "trial")
		seq := rapid.IntRange(0, 1<<40-1).Draw(t, "seq")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		id := audit.ID(run, trial, seq, body)
		if !safe.MatchString(id) {
			t.Errorf("%q, want at most 60 letters, digits and -", id)
		}
		want := audit.Identity{Run: run, Trial: trial, Seq: seq, CRC: audit.Checksum(body)}
		if got, err := audit.ParseID(id); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v, want %+v", id, got, err, want)
		}
	})
}

func TestChecksumIsCRC32C(t *testing.T) {
	t.Parallel()
	// RFC 3720, appendix B.4: 32 bytes of zeros.
	if got, want := audit.Checksum(make([]byte, 32)), uint32(0x8a9136aa); got != want {
		t.Errorf("got %08x, want %08x", got, want)
	}
}

func TestParseIDRefusesWhatIDDoesNotWrite(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"nothing":              "",
		"no run":               "-0-0-8a9136aa",
		"too few parts":        "0-0-8a9136aa",
		"no checksum":          "r-0-0-",
		"short checksum":       "r-0-0-8a9136a",
		"long checksum":        "r-0-0-08a9136aa",
		"upper case checksum":  "r-0-0-8A9136AA",
		"checksum of letters":  "r-0-0-8a9136ag",
		"leading zero":         "r-00-0-8a9136aa",
		"sign":                 "r-+1-0-8a9136aa",
		"no sequence number":   "r-0--8a9136aa",
		"number of nine":       "r-0-100000000-8a9136aa",
		"number out of range":  "r-0-zzzzzzzz-8a9136aa",
		"run of 27":            strings.Repeat("r", 27) + "-0-0-8a9136aa",
		"run with a space":     "r r-0-0-8a9136aa",
		"a space at the end":   "r-0-0-8a9136aa ",
		"somebody's UUID":      "6f1c9a3e-0d2b-4d0e-9a55-0f3f6f2d7c11",
		"an ID of the product": "b1946ac92492d2347c6235b4d2611184",
	} {
		if got, err := audit.ParseID(id); err == nil {
			t.Errorf("%s: %q is read as %+v, want an error", name, id, got)
		}
	}
}

func TestIDRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() string{
		"no run":         func() string { return audit.ID("", 0, 0, nil) },
		"a long run":     func() string { return audit.ID(strings.Repeat("r", 27), 0, 0, nil) },
		"a run with a /": func() string { return audit.ID("a/b", 0, 0, nil) },
		"trial -1":       func() string { return audit.ID("r", -1, 0, nil) },
		"record 2^40":    func() string { return audit.ID("r", 0, 1<<40, nil) },
		"record 2^63-1":  func() string { return audit.ID("r", 0, math.MaxInt, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			make()
		}()
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("r-0-0-8a9136aa")
	f.Add("01J9Z3NDEKTSV4RRFFQ69G5FAV-1z-9zzz-00000000")
	f.Add("---8a9136aa")
	f.Fuzz(func(t *testing.T, id string) {
		if got, err := audit.ParseID(id); err == nil && got.String() != id {
			t.Errorf("%q is read as %+v, which is written %q", id, got, got)
		}
	})
}
