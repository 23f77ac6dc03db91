package file

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNothingIsKeptOfFilesThatAreGone: files come and go, empty ones too, and neither handles nor memory add up.
func TestNothingIsKeptOfFilesThatAreGone(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Paths = filepath.Join(t.TempDir(), "*")
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(filepath.Dir(c.Paths), "a")
	b, _ := s.Read(t.Context(), "")
	for i := range 200 {
		text := ""
		if i%2 == 0 {
			text = "1\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err = s.Read(t.Context(), b.Next); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = s.Read(t.Context(), b.Next); err != nil {
		t.Fatal(err)
	}
	if open, same := len(s.open), len(s.same); open > maxOpen || same > maxOpen {
		t.Errorf("%d handles and %d looks are kept, want at most %d", open, same, maxOpen)
	}
	empties := 0
	for _, h := range s.open {
		if info, err := h.Stat(); err == nil && info.Size() == 0 {
			empties++
		}
	}
	if empties > 0 {
		t.Errorf("%d handles are kept on empty files that are gone", empties)
	}
}
