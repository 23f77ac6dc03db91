package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/ingest"
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
	all, err := choice{all: true}.letters(dir)
	if err != nil || len(all) != 2 || all[0].ID != all[1].ID {
		t.Fatalf("read %+v, %v, want two with the same ID", all, err)
	}
	if found, err := (choice{ids: []string{all[0].ID}}).letters(dir); exitCode(err) != exitUsage || !strings.Contains(fmt.Sprint(err), all[0].ID) {
		t.Errorf("the ID alone means %d dead letters, %v; want a refusal that names it", len(found), err)
	}
	if n, err := remove(dir, all[:1]); n != 1 || err != nil {
		t.Errorf("removed %d, %v, want 1", n, err)
	}
	if left, err := os.ReadFile(ingest.DeadLetterPath(dir)); err != nil || string(left) != two {
		t.Errorf("left are %q, %v, want %q", left, err, two)
	}
}
