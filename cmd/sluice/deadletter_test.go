package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/transport"
	"sluice/transport/memory"
)

// twins returns two lines of a dead-letter file that differ and are shown under the same ID.
func twins() (one, two string) {
	seen := map[[4]byte]string{}
	for i := 0; ; i++ {
		line := fmt.Sprintf(`{"time":"2026-11-22T00:00:00Z","reason":"unparsable","message":"m","item":"%d"}`+"\n", i)
		sum := sha256.Sum256([]byte(line))
		id := [4]byte(sum[:4])
		if other, there := seen[id]; there {
			return other, line
		}
		seen[id] = line
	}
}

// Among 100,000 dead letters two with the same ID are more likely than not: what happens to one does not happen to the other.
func TestDeadLettersWithTheSameIDAreNotConfused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := twins()
	write(t, ingest.DeadLetterPath(dir), one+two)
	all, _, err := choice{all: true}.letters(dir)
	if err != nil || len(all) != 2 || all[0].ID != all[1].ID {
		t.Fatalf("read %+v, %v, want two with the same ID", all, err)
	}
	if found, _, err := (choice{ids: []string{all[0].ID}}).letters(dir); exitCode(err) != exitUsage || !strings.Contains(fmt.Sprint(err), all[0].ID) {
		t.Errorf("the ID alone means %d dead letters, %v; want a refusal that names it", len(found), err)
	}
	if n, err := remove(dir, all[:1]); n != 1 || err != nil {
		t.Errorf("removed %d, %v, want 1", n, err)
	}
	if left, err := os.ReadFile(ingest.DeadLetterPath(dir)); err != nil || string(left) != two {
		t.Errorf("left are %q, %v, want %q", left, err, two)
	}
}

// TestListTellsStageAndPosition of what has them; what an earlier version has written has neither.
func TestListTellsStageAndPosition(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, ingest.DeadLetterPath(dir), `{"time":"2026-11-22T00:00:00Z","reason":"unparsable","message":"m","item":"old"}`+"\n"+
		`{"time":"2026-11-22T00:00:00Z","stage":"read","reason":"bad_row","message":"m","position":"orders.csv, line \u001b12","item":"a;b"}`+"\n")
	var out strings.Builder
	if err := listLetters(&out, dir, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  2026-11-22T00:00:00Z            unparsable        old\n", "  2026-11-22T00:00:00Z  read      bad_row           orders.csv, line ·12\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%swant a line that ends with %q", out.String(), want)
		}
	}
}

// An epipe is standard output of which the reader has gone; a program that writes to it ends there and then.
type epipe struct{ ends func() }

func (e epipe) Write([]byte) (int, error) {
	e.ends()
	return 0, syscall.EPIPE
}

// TestReplayKeepsWhatTheSourceCouldNotRead, though what is left of a row may look like a record.
func TestReplayKeepsWhatTheSourceCouldNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, ingest.DeadLetterPath(dir), `{"time":"2026-11-22T00:00:00Z","stage":"read","reason":"bad_item","message":"m","item":"2"}`+"\n")
	letters, _, err := choice{all: true}.letters(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := &memory.Transport{}
	var out strings.Builder
	r := &replayed{dir: dir, parse: ingest.Naming{Stream: "test"}.Parser(), deliver: (&transport.Deliverer{Transport: to}).Deliver, out: &out}
	if err := r.portion(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	left, _, err := choice{all: true}.letters(dir)
	if err != nil || len(left) != 1 || r.refused != 1 || r.accepted != 0 || !strings.Contains(out.String(), "stays     bad_item") {
		t.Errorf("%d left, %d accepted, %v; it said %q; want the letter to stay", len(left), r.accepted, err, out.String())
	}
}

func TestReplayRemovesWhatWasAcceptedBeforeItTells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := twins()
	write(t, ingest.DeadLetterPath(dir), one+two)
	all, _, err := choice{all: true}.letters(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []int // at each write
	r := &replayed{dir: dir, parse: ingest.Naming{Stream: "test"}.Parser(), deliver: (&transport.Deliverer{Transport: &memory.Transport{}}).Deliver,
		out: epipe{func() {
			now, _, err := choice{all: true}.letters(dir)
			if err != nil {
				t.Error(err)
			}
			left = append(left, len(now))
		}}}
	if err := r.portion(t.Context(), all); !errors.Is(err, syscall.EPIPE) || len(left) == 0 || left[0] != 0 {
		t.Errorf("%v; when the program ended %d dead letters were left; want EPIPE and none", err, left)
	}
}
