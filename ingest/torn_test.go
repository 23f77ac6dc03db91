package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
)

// TestNothingIsAppendedToAnEndThatWasNotWrittenWhole: blocks of zeros are where a crash did not reach the disk, wherever in
// the last line they are, and in that one only.
func TestNothingIsAppendedToAnEndThatWasNotWrittenWhole(t *testing.T) {
	t.Parallel()
	line := func(item string) string {
		text, err := json.Marshal(ingest.DeadLine{Reason: "invalid_body", Message: "no", Item: &item})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	whole, zeros := line("whole"), strings.Repeat("\x00", 512)
	long := line(strings.Repeat("long ", 40_000))
	for name, c := range map[string]struct {
		there string
		torn  bool
	}{
		"a whole line":                         {whole, false},
		"two whole lines":                      {whole + whole, false},
		"whole lines longer than what is read": {long + long, false},
		"a short line after a long one":        {long + whole, false},
		"no line end":                          {whole + whole[:20], true},
		"the beginning alone":                  {whole[:20], true},
		"no line end, and zeros":               {whole + whole[:20] + zeros, true},
		"zeros, and the end of the line":       {whole + zeros + whole[20:], true},
		"zeros from the beginning of the file": {zeros + whole[20:], true},
		"zeros at the very end":                {whole + whole[:len(whole)-1] + zeros + "\n", true},
		"zeros far before the end":             {whole + long[:20] + zeros + long[532:], true},
		"zeros where the file begins":          {zeros + long[512:], true},
		"zeros in a line that is not the last": {zeros + whole[20:] + whole, false},
		"the same, far before the end":         {zeros + whole[20:] + long, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := put(t, older, nil)
			if err := atomicfile.Write(disk, ingest.DeadLetterPath(stateDir), []byte(c.there), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, item := range []string{"next", "last"} {
				if err := ingest.OpenDeadLetterOn(disk, stateDir).Put(t.Context(), ingest.Refused{Item: []byte(item), Reason: refused}); err != nil {
					t.Fatal(err)
				}
			}
			names := files(t, disk)
			if kept, rotated := names["deadletter-000001.ndjson"]; rotated != c.torn || rotated && kept != c.there {
				t.Errorf("the file was put aside: %v, want %v, as it was", rotated, c.torn)
			}
			if len(names) > 4 { // the checkpoint, the lock, and two
				t.Errorf("%d files, want one at most to be put aside", len(names))
			}
		})
	}
}

// TestOneFailedWritePutsOneFileAside, and no more after it.
func TestOneFailedWritePutsOneFileAside(t *testing.T) {
	t.Parallel()
	disk := put(t, older, nil)
	d := ingest.OpenDeadLetterOn(disk, stateDir)
	setAside(t, d, 1)
	disk.Fail(failing(syscall.EIO, "deadletter.ndjson", crashfs.Sync))
	if err := d.Put(t.Context(), ingest.Refused{Item: []byte("failed"), Reason: refused}); err == nil {
		t.Fatal("a dead letter was kept without fsync")
	}
	disk.Fail(nil)
	setAside(t, d, 5)
	if names := files(t, disk); len(names) != 4 {
		t.Errorf("there are %d files, want the checkpoint, the lock, and two with dead letters", len(names))
	}
}

// TestADropThatFailsLosesNothingElse lets one operation after the other fail while one of many is dropped, from files that
// are longer than what is read at once.
func TestADropThatFailsLosesNothingElse(t *testing.T) {
	t.Parallel()
	failed := 0
	for nth := 1; ; nth++ {
		disk := put(t, older, nil)
		d := ingest.OpenDeadLetterOn(disk, stateDir)
		d.RotateBytes = 200_000
		for i := range 7 {
			if err := d.Put(t.Context(), ingest.Refused{Item: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 50_000)), Reason: refused}); err != nil {
				t.Fatal(err)
			}
		}
		before := itemsOn(t, disk)
		n := 0
		disk.Fail(func(crashfs.Op, string) error {
			if n++; n != nth {
				return nil
			}
			return syscall.EIO
		})
		_, err := d.Remove(func(l ingest.Letter) bool { return l.Item != nil && (*l.Item)[0] == '0' })
		disk.Fail(nil)
		after := itemsOn(t, disk)
		if !slices.Equal(after, before) && !slices.Equal(after, before[1:]) {
			t.Fatalf("operation %d failed (%v): %d of %d are left, want the one that is dropped gone and no other", nth, err, len(after), len(before))
		}
		if n < nth {
			break
		}
		failed++
	}
	if failed < 20 {
		t.Errorf("%d operations, too few to show anything", failed)
	}
}

// TestAListingEndsWithItsReadersError and reads no further.
func TestAListingEndsWithItsReadersError(t *testing.T) {
	t.Parallel()
	disk := put(t, older, nil)
	d := ingest.OpenDeadLetterOn(disk, stateDir)
	setAside(t, d, 3)
	seen := 0
	err := d.Read(func(ingest.Letter) error {
		seen++
		return syscall.EPIPE
	})
	if err != syscall.EPIPE || seen != 1 { //nolint:errorlint // as it is
		t.Errorf("Read = %v after %d letters, want the error of the first", err, seen)
	}
}
