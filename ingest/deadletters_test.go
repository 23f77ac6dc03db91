package ingest_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/ingest"
)

// letters returns the items of the dead letters in dir.
func letters(t *testing.T, dir string) map[string]int {
	t.Helper()
	items := map[string]int{}
	if err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		raw, err := l.Raw()
		items[string(raw)]++
		if l.Reason != "invalid_body" || len(l.ID) != 8 {
			t.Errorf("%q has the reason %q and the ID %q", raw, l.Reason, l.ID)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return items
}

func TestDeadLettersAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := letters(t, dir); len(got) != 0 {
		t.Errorf("%v before anything was set aside", got)
	}
	d := ingest.OpenDeadLetter(dir)
	for _, item := range []string{`{"a":1}`, "", "\xff\xfe\x00", "line\nbreak <&> \u2028"} {
		if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(ingest.DeadLetterPath(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"time":"2026-`) // just being written
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := letters(t, dir); len(got) != 4 || got["\xff\xfe\x00"] != 1 || got["line\nbreak <&> \u2028"] != 1 {
		t.Errorf("read %v, want the four as they were", got)
	}
}

// One process sets records aside while another removes some: what is not removed stays, whoever comes first.
func TestNothingIsLostBetweenPutAndRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := ingest.OpenDeadLetter(dir)
	const each = 150
	var all sync.WaitGroup
	var finished atomic.Bool
	all.Go(func() {
		defer finished.Store(true)
		for i := range each {
			for _, kind := range []string{"keep", "drop"} {
				if err := d.Put(t.Context(), ingest.Refused{Item: fmt.Appendf(nil, "%s %d", kind, i), Stage: ingest.StageDeliver, Reason: refused}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	removed := 0
	drop := func(l ingest.Letter) bool { return (*l.Item)[:4] == "drop" }
	for last := false; !last; {
		last = finished.Load()
		n, err := ingest.RemoveDeadLetters(dir, drop)
		if err != nil {
			t.Error(err)
			break
		}
		removed += n
	}
	all.Wait()
	got := letters(t, dir)
	if removed != each || len(got) != each {
		t.Errorf("%d removed and %d left, want %d of each", removed, len(got), each)
	}
	for i := range each {
		if got[fmt.Sprintf("keep %d", i)] != 1 {
			t.Fatalf("keep %d is there %d times", i, got[fmt.Sprintf("keep %d", i)])
		}
	}
}

// good is a line of a dead letter with an item.
func good(item string) string {
	return `{"time":"2026-11-22T00:00:00Z","reason":"refused","message":"m","item":"` + item + "\"}\n"
}

func TestSpoiledLinesAreGonePastAndStayUnlessTheyAreMeant(t *testing.T) {
	t.Parallel()
	for name, spoiled := range map[string]string{
		"text":                   "nonsense\n",
		"JSON without a reason":  "{}\n",
		"empty":                  "\n",
		"item that is no base64": `{"reason":"refused","item_base64":"*"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := ingest.DeadLetterPath(dir)
			if err := os.WriteFile(path, []byte(good("a")+spoiled+good("b")), 0o600); err != nil {
				t.Fatal(err)
			}
			var items, where []string
			if err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
				raw, err := l.Raw()
				if l.Spoiled != nil {
					where = append(where, l.Spoiled.Error())
					if err == nil || l.ID == "" {
						t.Errorf("Raw = %q, ID = %q, want an error and a name", raw, l.ID)
					}
					return nil
				}
				items = append(items, string(raw))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(items, []string{"a", "b"}) || !slices.Equal(where, []string{"line 2 of " + path + " is no dead letter"}) {
				t.Errorf("read %q, spoiled %q, want a and b, and line 2", items, where)
			}
			n, err := ingest.RemoveDeadLetters(dir, func(l ingest.Letter) bool { return l.Spoiled == nil })
			if left, _ := os.ReadFile(path); err != nil || n != 2 || string(left) != spoiled {
				t.Errorf("%d removed, %v, left %q; want 2 and the spoiled line as it was", n, err, left)
			}
			n, err = ingest.RemoveDeadLetters(dir, func(ingest.Letter) bool { return true })
			if left, _ := os.ReadFile(path); err != nil || n != 1 || len(left) > 0 {
				t.Errorf("%d removed, %v, left %q; want 1 and nothing", n, err, left)
			}
		})
	}
}

// TestDeadLettersOfEarlierVersionsAreRead: they say neither stage nor position. What says both keeps both.
func TestDeadLettersOfEarlierVersionsAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const old = `{"time":"2026-11-22T00:00:00Z","reason":"unparsable","message":"parse: no","item":"a"}` + "\n"
	if err := os.WriteFile(ingest.DeadLetterPath(dir), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := ingest.Refused{Item: []byte("b"), Position: "orders.csv, line 12", Stage: ingest.StageMap, Reason: refused}
	if err := ingest.OpenDeadLetter(dir).Put(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s", *l.Item, l.Stage, l.Reason, l.Position))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a||unparsable|", "b|map|invalid_body|orders.csv, line 12"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}
