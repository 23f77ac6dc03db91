package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/memory"
	"sluice/transport/transporttest"
)

// onePage serves one batch, and then nothing more.
type onePage struct{ ingest.Batch }

func (p onePage) Read(_ context.Context, after ingest.Cursor) (ingest.Batch, error) {
	if after == "end" {
		return ingest.Batch{Next: after}, nil
	}
	b := p.Batch
	b.Next, b.CaughtUp = "end", true
	return b, nil
}

func texts(items ...string) (raw [][]byte) {
	for _, item := range items {
		raw = append(raw, []byte(item))
	}
	return raw
}

// bodies are those that have arrived, in order.
func bodies(m *memory.Transport) (all []string) {
	for _, r := range m.Records() {
		all = append(all, string(r.Body))
	}
	return all
}

// TestAnItemHasOneFate: it is accepted when all of its records are, left out when it has none, and set aside once, whole,
// when one of them is refused.
func TestAnItemHasOneFate(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &memory.Transport{}
				tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
					if strings.Contains(string(r.Body), "bad") {
						return &fault.Error{Class: fault.Rejected, Reason: "invalid_body", Op: "test", Err: errors.New(string(r.Body))}
					}
					return sink.Send(context.Background(), []transport.Record{r})[0].Err
				}))
				p, ck, dl := pipeline(onePage{ingest.Batch{Items: texts(`["a","b"]`, `[]`, `["c","bad 1","d","bad 2"]`, `"x"`)}}, tr)
				p.Parse = ingest.Naming{Map: ".[]", Key: "jq:.[:1]"}.Parser()
				p.Ordered, p.Once = ordered, true
				var fates [3]int
				p.Observe.Settled = func(accepted, setAside, filtered int) { fates = [3]int{accepted, setAside, filtered} }
				if err := p.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := []string{`"a"`, `"b"`, `"c"`, `"d"`}
				if ordered {
					want = want[:3] // what comes after the one that is refused may be meant to come after it
				}
				got := bodies(sink)
				slices.Sort(got)
				if !slices.Equal(got, want) || ck.cursor != "end" || fates != [3]int{1, 2, 1} {
					t.Errorf("arrived %q, cursor %q, fates %v; want %q, end, one accepted, two set aside, one left out", got, ck.cursor, fates, want)
				}
				var aside []string
				for _, r := range dl.aside {
					aside = append(aside, fmt.Sprintf("%s %s %s %v", r.Item, r.Stage, fault.From(r.Reason).Code(), r.Reason))
				}
				slices.Sort(aside)
				if len(aside) != 2 || !strings.HasPrefix(aside[0], `"x" map map_failed`) || aside[1] != `["c","bad 1","d","bad 2"] deliver invalid_body test: "bad 1"` {
					t.Errorf("set aside %q, want two items with stage and the first reason", aside)
				}
			})
		})
	}
}

// TestWhatASourceCallsBadIsSetAsideUnparsed, with the reason of the source and where it stood; also the second time.
func TestWhatASourceCallsBadIsSetAsideUnparsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &memory.Transport{}
		short := &fault.Error{Class: fault.Rejected, Reason: "bad_row", Op: "csv", Err: errors.New("two columns, want three")}
		p, _, dl := pipeline(onePage{ingest.Batch{Items: texts(`1`, `2`, `3`, `no`), Bad: map[int]error{1: short, 2: errors.New("cut off")},
			Position: func(i int) string { return fmt.Sprintf("orders.csv, line %d", i+1) }}}, sink)
		p.Once = true
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var aside []string
		for _, r := range dl.aside {
			aside = append(aside, fmt.Sprintf("%s; %s; %s; %s", r.Item, r.Position, r.Stage, fault.From(r.Reason).Code()))
		}
		want := []string{"2; orders.csv, line 2; read; bad_row", "3; orders.csv, line 3; read; bad_item", "no; orders.csv, line 4; decode; not_json"}
		if got := bodies(sink); !slices.Equal(got, []string{"1"}) || !slices.Equal(aside, want) {
			t.Errorf("delivered %q, set aside %q; want 1 and %q", got, aside, want)
		}
	})
}

// TestAnItemOfSeveralKeysKeepsTheOrderOfEach: it waits until it is the first of all its keys, and holds all of them up.
func TestAnItemOfSeveralKeysKeepsTheOrderOfEach(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			faulty := transporttest.NewFaulty(&memory.Transport{Limits: transport.Capabilities{MaxRecords: 3, MaxInFlight: 4}}, seed)
			faulty.Drop, faulty.Throttle, faulty.Entry, faulty.Stall = 0.1, 0.1, 0.1, 0.1
			var mu sync.Mutex
			underWay, last := map[string]bool{}, map[string]int{}
			watch := func(ctx context.Context, recs []transport.Record) []transport.Result {
				mu.Lock()
				for _, r := range recs {
					if underWay[r.Key] {
						t.Errorf("seed %d: %s leaves while another record of its key is under way", seed, r.Body)
					}
					underWay[r.Key] = true
				}
				mu.Unlock()
				results := faulty.Send(ctx, recs)
				mu.Lock()
				defer mu.Unlock()
				for i, r := range recs {
					delete(underWay, r.Key)
					var n int
					_, _ = fmt.Sscanf(string(r.Body), `{"k":"`+r.Key+`","n":%d}`, &n)
					if results[i].Err == nil {
						if n < last[r.Key] {
							t.Errorf("seed %d: %s arrives after number %d of its key", seed, r.Body, last[r.Key])
						}
						last[r.Key] = n
					}
				}
				return results
			}
			var items []string
			n := 0
			for i := range 40 { // of three keys out of six, in any order, one of them twice
				var recs []string
				for k := range 1 + (i*7+int(seed))%4 {
					n++
					recs = append(recs, fmt.Sprintf(`{"k":"%c","n":%d}`, 'a'+rune((i*i+k*5+int(seed))%6), n))
				}
				items = append(items, "["+strings.Join(recs, ",")+"]")
			}
			p, ck, dl := pipeline(onePage{ingest.Batch{Items: texts(items...)}}, transporttest.Script(watch))
			p.Parse = ingest.Naming{Map: ".[]", Key: "k"}.Parser()
			p.Ordered = true
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
			defer cancel()
			if err := p.Run(ctx); err != nil || ck.cursor != "end" || dl.count() > 0 {
				t.Errorf("seed %d: Run = %v, cursor %q, %d set aside; want all delivered", seed, err, ck.cursor, dl.count())
			}
		})
	}
}

// TestWhatIsAcceptedIsNotSentAgainWithItsItem: half of each item is refused in a mass; when that is over, the other halves
// have arrived once.
func TestWhatIsAcceptedIsNotSentAgainWithItsItem(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &memory.Transport{}
				mended := time.Now().Add(10 * time.Minute)
				tr := transporttest.Script(transporttest.Each(func(r transport.Record) error {
					if strings.Contains(string(r.Body), "second") && time.Now().Before(mended) {
						return refused
					}
					return sink.Send(context.Background(), []transport.Record{r})[0].Err
				}))
				var items []string
				for i := range 80 {
					items = append(items, fmt.Sprintf(`["first %d","second %d"]`, i, i))
				}
				p, ck, dl := pipeline(onePage{ingest.Batch{Items: texts(items...)}}, tr)
				p.Parse = ingest.Naming{Map: ".[]", Key: "jq:."}.Parser()
				p.Ordered = ordered
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := p.Run(ctx); err != nil || ck.cursor != "end" {
					t.Fatalf("Run = %v, cursor %q", err, ck.cursor)
				}
				copies := map[string]int{}
				for _, b := range bodies(sink) {
					copies[b]++
				}
				if len(copies) != 80+80-dl.count() || dl.count() != 50 {
					t.Errorf("%d records arrived and %d items were set aside, want 80 + 30 and 50", len(copies), dl.count())
				}
				for b, n := range copies {
					if n != 1 {
						t.Errorf("%s arrived %d times, want once", b, n)
					}
				}
			})
		})
	}
}

// TestAStopDoesNotWaitForAPageThatIsParsedSlowly: a map may take its time on each of very many items.
func TestAStopDoesNotWaitForAPageThatIsParsedSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, ck, _ := pipeline(&sliceSource{items: numbered(1000), page: 1000, ends: true}, &memory.Transport{})
		p.Parse = func(item []byte) ([]transport.Record, error) {
			time.Sleep(time.Second) // virtual
			return []transport.Record{{ID: string(item), Body: item}}, nil
		}
		p.Drain = 5 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := p.Run(ctx)
		if took := time.Since(start); !errors.Is(err, ingest.ErrUnsettled) || took > 67*time.Second || ck.cursor != "" {
			t.Errorf("Run = %v after %v, cursor %q; want ErrUnsettled after a minute and the drain", err, took, ck.cursor)
		}
	})
}
