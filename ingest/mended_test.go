package ingest_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/transport"
	"sluice/transport/memory"
)

// A schema that refuses everything is mended while delivery is paused: nothing is set aside any more because of the old one,
// wherever in the batch it stands.
func TestWhatASchemaRefusedIsParsedAnewOnceItIsMended(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("ordered %v", ordered), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				items := make([][]byte, 300)
				for i := range items {
					items[i] = fmt.Appendf(nil, `{"k":"key-%d","n":%d}`, i%3, i)
				}
				sink := &memory.Transport{}
				p, _, dl := pipeline(&sliceSource{items: items, page: len(items), ends: true}, sink)
				named := ingest.Naming{Stream: "test", Key: "k"}.Parser()
				p.Parse = func(item []byte) ([]transport.Record, error) {
					r, err := named(item)
					if err == nil && !mended.Load() {
						err = errors.New("the schema is wrong")
					}
					return r, err
				}
				p.Ordered = ordered
				time.AfterFunc(90*time.Second, func() { mended.Store(true) })
				if err := p.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if aside, got := dl.count(), len(sink.Records()); aside != 50 || got != len(items)-50 {
					t.Errorf("%d set aside and %d delivered, want the 50 before the pause and all others", aside, got)
				}
			})
		})
	}
}
