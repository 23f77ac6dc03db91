package command

import (
	"strings"
	"testing"
)

// A tap whose last state is the one that it was started with repeats its last record in every run; it is delivered once.
func TestATapWithAnInclusiveBookmarkDoesNotRepeatForEver(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, 4, object)
	cfg := config(self("again", o.file, "100", "--state", "{state}"))
	cfg.Format, cfg.Stream = "singer", "events"
	s := open(t, cfg)
	got, c := read(t, s, "")
	want(t, "the first run", got, object(0), object(1), object(2), object(3))
	for range 3 {
		if got, c = read(t, s, c); len(got) > 1 {
			t.Errorf("nothing is new, and %q came", got)
		}
	}
	got, c = read(t, s, c)
	want(t, "nothing new", got)
	o.add(2)
	got, _ = read(t, s, c)
	want(t, "two new ones", got, object(4), object(5))
}

func TestTapMessagesThatAreNoRecords(t *testing.T) {
	t.Parallel()
	var notes []string
	cfg := config(self("say", `{"type":"activate_version","stream":"a","version":1}`+"\n", `{"type":"LOG"}`+"\n", `{"type":"LOG"}`+"\n",
		`{"type":"STATE","value":null}`+"\n", `{"type":"record","stream":"a","record":{"n":12345678901234567890.10,"n":2}}`+"\n",
		`{"type":"RECORD","stream":"b","record":{}}`+"\n"))
	cfg.Format, cfg.Stream = "singer", "a"
	cfg.Note = func(text string) { notes = append(notes, text) }
	got, _ := read(t, open(t, cfg), "")
	want(t, "one stream", got, `{"n":12345678901234567890.10,"n":2}`)
	if len(notes) != 1 || !strings.Contains(notes[0], `"LOG"`) {
		t.Errorf("noted %q, want one note on LOG", notes)
	}
}

// TestTheStateOfATapStaysByteForByte: a tap may compare it, and numbers in it may be longer than a float64.
func TestTheStateOfATapStaysByteForByte(t *testing.T) {
	t.Parallel()
	const state = `{ "b": 12345678901234567890.10, "a": "\u00e9 <x>", "b": 2 }`
	cfg := config(self("say", `{"type":"STATE","value":`+state+"}\n"))
	cfg.Format = "singer"
	s := open(t, cfg)
	_, c := read(t, s, "")
	if at, err := s.decode(c); err != nil || at.Mark != state {
		t.Errorf("the cursor holds the state %s, %v; want %s", at.Mark, err, state)
	}
}
