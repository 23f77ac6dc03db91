package file_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestWhatIsWrittenAnewInTheSameLengthIsRead: the size of a file alone does not say that there is nothing new.
func TestWhatIsWrittenAnewInTheSameLengthIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, path := open(t, config(folder)), filepath.Join(folder, "a")
	write(t, path, lines(10, 13))
	_, cursor := drain(t, s, "")
	must(t, os.WriteFile(path, []byte(lines(20, 23)), 0o600))
	later := time.Now().Add(time.Second) // however coarse the clock of the file system is
	must(t, os.Chtimes(path, later, later))
	got, _ := drain(t, s, cursor)
	if lost := missing(got, 20, 23); len(lost) > 0 {
		t.Errorf("lines %v are lost of a file that was written anew; %q came", lost, got)
	}
}

// A meddler does something when it is asked for the nth time whether it has ended.
type meddler struct {
	context.Context
	n  int
	do func()
}

func (m *meddler) Err() error {
	if m.n--; m.n == 0 {
		m.do()
	}
	return m.Context.Err()
}

// TestAFileThatIsTruncatedWhileItIsRead: at whatever moment of a Read it is written anew, nothing comes that stands in neither,
// and all comes that stands there now.
func TestAFileThatIsTruncatedWhileItIsRead(t *testing.T) {
	t.Parallel()
	meddled := 0
	for moment := range 6 {
		folder := t.TempDir()
		s, path := open(t, config(folder)), filepath.Join(folder, "a")
		write(t, path, lines(0, 40))
		b, err := s.Read(t.Context(), "")
		must(t, err)
		ctx := &meddler{t.Context(), moment + 1, func() {
			meddled++
			must(t, os.Truncate(path, 0))
			write(t, path, lines(100, 140))
		}}
		got := readOn(ctx, t, s, b.Next)
		if ctx.n > 0 {
			continue // no Read has so many moments
		}
		if lost := missing(got, 100, 140); len(lost) > 0 {
			t.Errorf("moment %d: lines %v are lost", moment, lost)
		}
		whole := lines(0, 40) + lines(100, 140)
		for _, item := range got {
			if !strings.Contains(whole, item+"\n") || !strings.HasPrefix(item, `{"id"`) {
				t.Errorf("moment %d: %q came, which nobody has written", moment, item)
			}
		}
	}
	if meddled < 3 {
		t.Errorf("the file was truncated at %d moments of a Read, want some", meddled)
	}
}

// readOn reads on from c until there is no more, past losses that are told of.
func readOn(ctx context.Context, t testing.TB, s ingest.Source, c ingest.Cursor) (got []string) {
	t.Helper()
	for range 100 {
		b, err := s.Read(ctx, c)
		if err != nil {
			wantFault(t, err, fault.Transient, "file_gone")
			continue
		}
		for _, item := range b.Items {
			got = append(got, string(item))
		}
		if b.CaughtUp && b.Next == c {
			return got
		}
		c = b.Next
	}
	t.Fatal("no end after 100 reads")
	return nil
}

// TestALastLineIsReadWhenItsFileHasBecomeQuiet: nothing changes but the time.
func TestALastLineIsReadWhenItsFileHasBecomeQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		c := config(folder)
		c.DoneAfter = time.Minute
		s, path := open(t, c), filepath.Join(folder, "a")
		write(t, path, strings.TrimSuffix(lines(0, 2), "\n"))
		must(t, os.Chtimes(path, time.Now(), time.Now())) // by the clock of the bubble
		got, cursor := drain(t, s, "")
		if len(got) != 1 {
			t.Fatalf("%q came of a file that was just written, want its whole line alone", got)
		}
		time.Sleep(c.DoneAfter)
		if got, _ = drain(t, s, cursor); len(got) != 1 || got[0] != string(line(1)) {
			t.Errorf("%q came when the file was quiet, want its last line", got)
		}
	})
}
