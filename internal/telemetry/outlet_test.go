package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A sink takes lines, unless it is held.
type sink struct {
	hold chan struct{} // nil: takes everything at once
	fail error
	bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	if s.hold != nil {
		<-s.hold
	}
	if s.fail != nil {
		return 0, s.fail
	}
	return s.Buffer.Write(p)
}

func TestEveryLineArrivesInOrder(t *testing.T) {
	t.Parallel()
	to := &sink{}
	o := NewOutlet(to)
	var want strings.Builder
	line := make([]byte, 0, 20)
	for i := range outletLines { // as many as may wait, so that none is dropped however slow the sink is
		line = fmt.Appendf(line[:0], "line %d\n", i) // the buffer is used again, as slog does
		want.Write(line)
		_, _ = o.Write(line)
	}
	if !o.Close(time.Minute) {
		t.Fatal("not flushed within a minute")
	}
	if got := to.String(); got != want.String() {
		t.Errorf("got %d bytes, want %d, the same", len(got), want.Len())
	}
	if n := o.Dropped(); n != 0 {
		t.Errorf("dropped %d lines, want none", n)
	}
}

func TestABlockedSinkHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &sink{hold: make(chan struct{})}
		o := NewOutlet(to)
		start := time.Now()
		for range outletLines + 500 {
			_, _ = o.Write([]byte("x\n"))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("writing took %v, want no time", took)
		}
		if n := o.Dropped(); n != 500 {
			t.Errorf("dropped %d lines, want the 500 that found no room", n)
		}
		if o.Close(time.Second) {
			t.Error("Close says that a blocked sink has taken all")
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close gave up after %v, want the second that it may take", took)
		}
		_, _ = o.Write([]byte("too late\n"))
		if n := o.Dropped(); n != 501 {
			t.Errorf("dropped %d lines after Close, want one more than before", n)
		}
		close(to.hold) // the sink recovers: what was kept comes out, and the goroutine ends
		synctest.Wait()
		if got := to.String(); got != strings.Repeat("x\n", outletLines) {
			t.Errorf("the sink got %d bytes, want the %d lines that were kept", len(got), outletLines)
		}
	})
}

func TestAnOutletIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	to := &sink{hold: make(chan struct{})}
	o := NewOutlet(to)
	line := bytes.Repeat([]byte("x"), outletBytes/4)
	for range 6 {
		_, _ = o.Write(line)
	}
	if n := o.Dropped(); n != 2 {
		t.Errorf("dropped %d lines, want 2 of 6: four fill the room", n)
	}
	close(to.hold)
	if !o.Close(time.Minute) || to.Len() != outletBytes {
		t.Errorf("the sink got %d bytes, want %d", to.Len(), outletBytes)
	}
}

func TestLinesThatTheSinkRefusesAreCounted(t *testing.T) {
	t.Parallel()
	o := NewOutlet(&sink{fail: errors.New("broken pipe")})
	for range 3 {
		_, _ = o.Write([]byte("x\n"))
	}
	if !o.Close(time.Minute) {
		t.Fatal("not flushed within a minute")
	}
	if n := o.Dropped(); n != 3 {
		t.Errorf("dropped %d lines, want 3", n)
	}
}
