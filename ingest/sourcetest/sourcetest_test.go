package sourcetest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

func TestTheReferencePasses(t *testing.T) {
	for _, kind := range []string{"polled", "ends", "waits"} {
		t.Run(kind, func(t *testing.T) { Run(t, harness(kind, "")) })
	}
}

// TestAFaultThatIsDeclaredIsNone: a source that counts places misses items where some are deleted, and may where it says so.
func TestAFaultThatIsDeclaredIsNone(t *testing.T) {
	if why, failed := verdict(t, harness("polled", "counts places, and says so"))["deleted between pages, before the place"]; failed {
		t.Error(why)
	}
}

// A recorder keeps the failures of a check instead of failing the test.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()              {}
func (r *recorder) Skip(...any)          { runtime.Goexit() }
func (r *recorder) Skipf(string, ...any) { runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// verdict runs the suite outside of the testing package's sight and returns the checks that failed.
func verdict(t *testing.T, h Harness) map[string]string {
	failed := map[string]string{}
	for _, c := range checks() {
		r := &recorder{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() { c.run(r, h) })
		wg.Wait()
		if r.failed != "" {
			failed[c.name] = r.failed
		}
	}
	return failed
}

func TestEveryPlantedFaultIsCaught(t *testing.T) {
	for _, tc := range []struct{ kind, planted, by string }{
		{"polled", "remembers instead of reading the cursor", "same items again from every cursor"},
		{"polled", "Next depends on the clock", "same items again from every cursor"},
		{"polled", "repeats at the seam", "whole content in order, once"},
		{"polled", "loses at the seam", "whole content in order, once"},
		{"polled", "loses the last", "whole content in order, once"},
		{"polled", "wrong order", "whole content in order, once"},
		{"polled", "changes bytes", "whole content in order, once"},
		{"polled", "stands still", "whole content in order, once"},
		{"polled", "caught up too early", "whole content in order, once"},
		{"polled", "a cursor that is not text", "whole content in order, once"},
		{"polled", "wrong about the end", "nothing new"},
		{"ends", "wrong about the end", "whole content in order, once"},
		{"ends", "endless", "whole content in order, once"},
		{"polled", "endless", "nothing new"},
		{"polled", "shares its items", "returned items belong to the caller"},
		{"polled", "items touch", "returned items belong to the caller"},
		{"polled", "one buffer for all Reads", "returned items belong to the caller"},
		{"polled", "ignores a context that has ended", "cancelled before reading"},
		{"polled", "ignores cancel", "cancelled while the origin is silent"},
		{"waits", "cancel is the end", "cancelled while waiting for data"},
		{"polled", "garbage is the beginning", "garbage is no cursor"},
		{"polled", "garbage is the end", "garbage is no cursor"},
		{"polled", "garbage panics", "garbage is no cursor"},
		{"polled", "garbage is transient", "garbage is no cursor"},
		{"polled", "skips what is forgotten", "forgotten cursor"},
		{"polled", "forgotten without a name", "forgotten cursor"},
		{"polled", "renews behind the page", "forgotten cursor"},
		{"polled", "renews for ever", "forgotten cursor"},
		{"polled", "renews for nobody", "forgotten cursor"},
		{"polled", "skips after a restart", "same items after a restart"},
		{"polled", "skips after a restart", "killed at every page, while items are added"},
		{"ends", "repeats after a restart", "killed at every page, while items are added"},
		{"waits", "loses at the seam", "killed at every page, while items are added"},
		{"polled", "counts places", "deleted between pages, before the place"},
		{"ends", "counts places", "deleted between pages, before the place"},
		{"polled", "wants the item of the cursor", "deleted between pages, before the place"},
		{"polled", "a promise too little", "deleted between pages, after the place"},
		{"polled", "loses at the seam", "deleted between pages, after the place"},
		{"polled", "loses at the seam", "changed between pages, before the place"},
		{"polled", "loses the last", "changed between pages, after the place"},
		{"polled", "endless", "changed between pages, after the place"},
		{"polled", "loses at the seam", "inserted between pages, before the place"},
		{"polled", "forgets ties", "equal values at a page boundary"},
		{"polled", "repeats ties", "equal values at a page boundary"},
		{"ends", "forgets ties", "equal values at a page boundary"},
		{"polled", "one of two pages is left out", "each page twice"},
		{"polled", "the second page for ever", "each page twice"},
		{"polled", "a hook is missing", "each page twice"},
		{"polled", "a hook is there and excused", "each page twice"},
		{"polled", "does not look for circles", "pages in a circle"},
		{"polled", "sees only a page that leads to itself", "pages in a circle"},
		{"polled", "sees only short circles", "pages in a circle"},
		{"polled", "a circle is the end", "pages in a circle"},
		{"polled", "a circle without a reason", "pages in a circle"},
		{"polled", "a circle that may vanish", "pages in a circle"},
	} {
		t.Run(tc.kind+": "+tc.planted, func(t *testing.T) {
			failed := verdict(t, harness(tc.kind, tc.planted))
			why, caught := failed[tc.by]
			if !caught {
				t.Fatalf("not caught by %q; failed were %v", tc.by, failed)
			}
			t.Log(why)
		})
	}
}
