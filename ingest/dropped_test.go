package ingest_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile/crashfs"
)

// TestWhatWasDroppedIsNotBackAfterALossOfPower: whatever has been sent again would be sent once more.
func TestWhatWasDroppedIsNotBackAfterALossOfPower(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(item string) bool{
		"all of them":                       func(string) bool { return true },
		"those of a file with a number":     func(item string) bool { return item == "item 0" },
		"one beside others in its file":     func(item string) bool { return item == "item 1" },
		"all but the oldest and the newest": func(item string) bool { return !strings.Contains("item 0 item 5", item) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20) {
				disk := crashfs.New(seed)
				if err := disk.Mkdir("/var", 0o700); err != nil {
					t.Fatal(err)
				}
				ck, err := ingest.OpenCheckpointOn(t.Context(), disk, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
				if err != nil {
					t.Fatal(err)
				}
				defer ck.Close()
				d := ingest.OpenDeadLetterOn(disk, stateDir)
				d.RotateBytes = 10
				setAside(t, d, 2) // the first has a file of its own
				d.RotateBytes = 1 << 20
				for _, item := range []string{"item 2", "item 3", "item 4", "item 5"} {
					if err := d.Put(t.Context(), ingest.Refused{Item: []byte(item), Reason: refused}); err != nil {
						t.Fatal(err)
					}
				}
				want := slices.DeleteFunc(itemsOn(t, disk), gone)
				n, err := d.Remove(func(l ingest.Letter) bool {
					raw, err := l.Raw()
					return err == nil && gone(string(raw))
				})
				if err != nil || n != 6-len(want) {
					t.Fatalf("removed %d, %v, want %d", n, err, 6-len(want))
				}
				disk.Restart()
				if got := itemsOn(t, disk); !slices.Equal(got, want) {
					t.Fatalf("after a loss of power there are %q, want %q", got, want)
				}
			}
		})
	}
}
