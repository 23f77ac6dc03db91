package file_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
)

// TestAFileThatBecomesQuietWhileItIsRead: its last line has no end. When reading began it could still have got one.
func TestAFileThatBecomesQuietWhileItIsRead(t *testing.T) {
	t.Parallel()
	text := strings.TrimSuffix(lines(0, 20), "\n")
	for name, packed := range map[string]string{"a.gz": gz(t, text), "a.zst": zst(t, text), "a": text} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t.TempDir())
			c.Batch, c.DoneAfter = 7, 30*time.Minute
			path := filepath.Join(filepath.Dir(c.Paths), name)
			write(t, path, packed)
			s := open(t, c)
			got, cursor := 0, ingest.Cursor("")
			for i := range 10 {
				b, err := s.Read(t.Context(), cursor)
				if err != nil {
					t.Fatalf("Read %d: %v, want the file, whose last line only has no end", i+1, err)
				}
				got, cursor = got+len(b.Items), b.Next
				if b.CaughtUp && i > 3 {
					break
				}
				age(t, path)
			}
			if got != 20 {
				t.Errorf("got %d items, want 20", got)
			}
		})
	}
}
