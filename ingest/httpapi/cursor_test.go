package httpapi

import (
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

func TestCursorOfALaterVersionIsNamed(t *testing.T) {
	s := open(t, (&api{mode: paginationNone}).config("http://127.0.0.1:1", 0, false))
	if _, err := s.decode(`{"v":2}`); err == nil || !strings.Contains(err.Error(), "its version is 2, this program reads 1") {
		t.Errorf("error = %v, want it to name both versions", err)
	}
}

func FuzzCursor(f *testing.F) {
	for _, c := range garbageCursors {
		f.Add(string(c))
	}
	f.Add(`{"v":1,"at":"/items?x=1","n":3,"since":{"k":"5","t":"5"},"known":"AAAAAAAAAAE","ties":"AAAAAAAAAAE","loop":{"m":"7","p":2,"s":1},"etag":"\"a\""}`)
	var sources []*Source
	for _, mode := range []string{paginationNone, paginationNext, paginationCursor, paginationPage} {
		for _, kind := range []string{"", sinceNumber, sinceUnixMs} {
			c := (&api{mode: mode}).config("http://127.0.0.1:1", 5, kind != "")
			if kind != "" {
				c.SinceType = kind
			}
			sources = append(sources, open(f, c))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range sources {
			st, err := s.decode(ingest.Cursor(text))
			if err != nil {
				if !fault.Is(err, fault.Blocked) {
					t.Fatalf("decode(%q) = %v, want Blocked", text, err)
				}
				continue
			}
			if again, err := st.Encode(); text != "" && (err != nil || string(again) != text) {
				t.Fatalf("%q was accepted and is written as %q, %v", text, again, err)
			}
			if u := s.target(st); !sameOrigin(u, s.base) || u.User != nil {
				t.Fatalf("%q leads to %s", text, u)
			}
		}
	})
}
