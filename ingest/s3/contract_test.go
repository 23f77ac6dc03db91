package s3_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/s3"
	"sluice/ingest/sourcetest"
)

// A shape is a way to lay items out in objects.
type shape struct {
	name  string
	ext   string
	item  func(i int) []byte                     // as a Read returns it; nil: line
	raw   func(i int) string                     // as it stands in an object; nil: item
	text  func(raws []string) string             // of an object; nil: lines
	pack  func(t testing.TB, text string) string // nil: it is not compressed
	each  bool                                   // an object for each record, and an empty one behind it; else for each addition
	again bool                                   // a new Source for each Read
	tweak func(c *s3.Config)
	lacks map[string]string
}

// another makes the text of another record from that of one, as an item or as it stands in an object.
var another = strings.NewReplacer("a line", "another", "row", "cow", "line ", "text ")

func jsonLines(raws []string) string { return strings.Join(append(raws, ""), "\n") }

func rows(i int) []byte { return fmt.Appendf(nil, `{"id":"%d","text":"a\n\"row\""}`, i) }

func rawRow(i int) string { return fmt.Sprintf("%d,\"a\n\"\"row\"\"\"", i) }

func csvRows(raws []string) string { return strings.Join(append(raws, ""), "\r\n") }

func csvTable(raws []string) string { return "\ufeffid,text\r\n" + csvRows(raws) }

// What some shapes have no hook for.
var (
	behindObject = map[string]string{"Forget": "the last cursor is behind an object: a key, which a bucket cannot forget"}
	onePage      = map[string]string{"Forget": behindObject["Forget"], "Pages": "one batch holds all"}
)

var shapes = []shape{
	{name: "an object for each addition", ext: ".ndjson"},
	{name: "an object for each record", each: true, tweak: func(c *s3.Config) { c.Batch = 7 }, lacks: behindObject},
	{name: "a record for each read", tweak: func(c *s3.Config) { c.Batch = 1 }, lacks: behindObject},
	{name: "seven records for each read", tweak: func(c *s3.Config) { c.Batch = 7 }},
	{name: "all of it in one read", tweak: func(c *s3.Config) { c.Batch = 1000 }, lacks: onePage},
	{name: "asked for again at each read", again: true},
	{name: "gzip", ext: ".gz", pack: gz},
	{name: "gzip, a record for each read", ext: ".gz", pack: gz, tweak: func(c *s3.Config) { c.Batch = 1 }},
	{name: "gzip of two members, by content", ext: ".data", pack: func(t testing.TB, text string) string {
		return gz(t, text[:len(text)/2]) + gz(t, text[len(text)/2:])
	}},
	{name: "gzip, asked for again at each read", pack: gz, again: true},
	{name: "zstd", ext: ".zst", pack: zst, tweak: func(c *s3.Config) { c.Batch = 7 }},
	{name: "csv", ext: ".csv", item: rows, raw: rawRow, text: csvTable, tweak: func(c *s3.Config) { c.Format = "csv" }},
	{name: "csv, a record for each read", item: rows, raw: rawRow, text: csvTable,
		tweak: func(c *s3.Config) { c.Format, c.Batch = "csv", 1 }, lacks: behindObject},
	{name: "csv, asked for again at each read", item: rows, raw: rawRow, text: csvTable, again: true,
		tweak: func(c *s3.Config) { c.Format = "csv" }},
	{name: "csv in gzip", ext: ".csv.gz", item: rows, raw: rawRow, text: csvTable, pack: gz, tweak: func(c *s3.Config) { c.Format = "csv" }},
	{name: "csv without a header", item: rows, raw: rawRow, text: csvRows,
		tweak: func(c *s3.Config) { c.Format, c.Columns = "csv", []string{"id", "text"} }},
	{name: "lines", ext: ".log", item: func(i int) []byte { return fmt.Appendf(nil, `{"line":"line %d"}`, i) },
		raw:  func(i int) string { return fmt.Sprintf("line %d", i) },
		text: func(raws []string) string { return strings.Join(raws, "\n") }, tweak: func(c *s3.Config) { c.Format = "lines" }},
	{name: "an array of json", ext: ".json", text: func(raws []string) string { return "[\n" + strings.Join(raws, ",\n") + "\n]\n" },
		tweak: func(c *s3.Config) { c.Format = "json" }},
}

// garbage are texts that are no cursors of this source.
var garbage = []ingest.Cursor{
	`{"v":1,"k":""}`, `{"v":2,"k":"in/a"}`, `{"v":1,"k":"in/a","o":5}`, `{"v":1,"k":"in/a","e":"x"}`, `{"v":1,"k":"in/a","e":"x","o":-5}`,
	`{"v":1,"k":"other/a"}`, `{"v":1,"k":"in/a","l":3}`, `{"v":1, "k":"in/a"}`, ingest.Cursor(`{"v":1,"k":"in/` + strings.Repeat("k", 1024) + `"}`),
}

// A store is a bucket whose objects a test writes.
type store interface {
	put(t testing.TB, key, text string)
	remove(t testing.TB, key string)
}

// A layout holds the items of an origin in the objects of a store.
type layout struct {
	shape
	store
	objects map[string][]int // numbers of the items
	raws    map[int]string   // items that have changed
	have    int
	first   int // objects that were inserted
}

// write writes an object anew.
func (l *layout) write(t testing.TB, key string) {
	var raws []string
	for _, i := range l.objects[key] {
		raw, changed := l.raws[i]
		switch {
		case changed:
		case l.raw != nil:
			raw = l.raw(i)
		default:
			raw = string(l.item(i))
		}
		raws = append(raws, raw)
	}
	text := ""
	if len(raws) > 0 {
		text = l.text(raws)
		if l.pack != nil {
			text = l.pack(t, text)
		}
	}
	l.put(t, key, text)
}

// add adds the next n items.
func (l *layout) add(t testing.TB, n int) {
	for i := range n {
		key := fmt.Sprintf("in/%06d%s", l.have, l.ext)
		if l.each {
			key = fmt.Sprintf("in/%06d%s", l.have+i, l.ext)
			l.put(t, key+".empty", "")
		}
		l.objects[key] = append(l.objects[key], l.have+i)
	}
	for key, items := range l.objects {
		if items[len(items)-1] >= l.have {
			l.write(t, key)
		}
	}
	l.have += n
}

// holding returns the key of the object that item i is in.
func (l *layout) holding(i int) string {
	for key, items := range l.objects {
		if slices.Contains(items, i) {
			return key
		}
	}
	return ""
}

func (l *layout) change(t testing.TB, i int) []byte {
	raw := string(l.item(i))
	if l.raw != nil {
		raw = l.raw(i)
	}
	l.raws[i] = another.Replace(raw)
	l.write(t, l.holding(i))
	return []byte(another.Replace(string(l.item(i))))
}

func (l *layout) delete(t testing.TB, i int) {
	key := l.holding(i)
	l.objects[key] = slices.DeleteFunc(slices.Clone(l.objects[key]), func(k int) bool { return k == i })
	if len(l.objects[key]) > 0 {
		l.write(t, key)
		return
	}
	delete(l.objects, key)
	l.remove(t, key)
}

func (l *layout) insert(t testing.TB) []byte {
	l.first++
	key, i := fmt.Sprintf("in/!%06d%s", 500_000-l.first, l.ext), 500_000-l.first
	l.objects[key] = []int{i}
	l.write(t, key)
	return l.item(i)
}

func (l *layout) forget(t testing.TB) {
	for key := range l.objects {
		l.remove(t, key)
	}
}

// reopened has a new Source for each Read, as if the program were started anew; not where it has told of something, which it
// tells once.
type reopened struct {
	*s3.Source
	open func() *s3.Source
}

func (r *reopened) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	b, err := r.Source.Read(ctx, after)
	if err == nil {
		_ = r.Source.Close()
		r.Source = r.open()
	}
	return b, err
}

// harness is the suite's view of a shape. start makes a bucket and says how it is read; hang has it fall silent, nil: it cannot.
func (sh shape) harness(start func(t testing.TB) (st store, address, bucket string, hang func())) sourcetest.Harness {
	if sh.item == nil {
		sh.item = line
	}
	if sh.text == nil {
		sh.text = jsonLines
	}
	h := sourcetest.Harness{Item: sh.item, Garbage: garbage, Loop: loop, Tells: "object_changed", Lacks: map[string]string{
		"Tied":  "no two objects have the same key",
		"Twice": "a key that is listed twice is refused: TestAStrangerAnswers",
	}, Misses: map[sourcetest.Disturbance]string{
		sourcetest.ChangedBefore:  "an object that was read is not read again",
		sourcetest.InsertedBefore: "what has a key before the place is not listed",
	}}
	if !sh.each && !sh.again && sh.lacks["Pages"] == "" {
		h.Misses[sourcetest.ChangedAfter] = "an object that is open is read to its end as it was"
	}
	for hook, why := range sh.lacks {
		h.Lacks[hook] = why
	}
	h.New = func(t testing.TB, n int) sourcetest.Origin {
		st, address, bucket, hang := start(t)
		if hang == nil {
			h.Lacks["Hang"] = "TestContract has it"
		}
		for key, text := range map[string]string{"before": "not in the prefix\n", "zzz": "not in the prefix\n", "in/": ""} {
			st.put(t, key, text)
		}
		l := &layout{shape: sh, store: st, objects: map[string][]int{}, raws: map[int]string{}}
		l.add(t, n)
		open := func() *s3.Source {
			return open(t, address, func(c *s3.Config) {
				c.Bucket, c.Prefix = bucket, "in/"
				if sh.tweak != nil {
					sh.tweak(c)
				}
			})
		}
		o := sourcetest.Origin{
			Source: open(),
			Reopen: func() ingest.Source { return open() },
			Append: func(n int) { l.add(t, n) },
			Change: func(i int) []byte { return l.change(t, i) },
			Delete: func(i int) { l.delete(t, i) },
			Insert: func() []byte { return l.insert(t) },
			Hang:   hang,
		}
		if sh.again {
			o.Source = &reopened{open(), open}
		}
		if h.Lacks["Forget"] == "" {
			o.Forget = func() { l.forget(t) }
		}
		return o
	}
	return h
}

// loop is an S3 whose pages of one object each lead into a circle, by token and by key.
func loop(t testing.TB, lead, period int) ingest.Source {
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !q.Has("list-type") {
			w.Header().Set("ETag", `"x"`)
			_, _ = w.Write(append(line(0), '\n'))
			return
		}
		n, err := strconv.Atoi(q.Get("continuation-token"))
		if last, err2 := strconv.Atoi(strings.TrimPrefix(q.Get("start-after"), "in/")); err != nil && err2 == nil {
			n = last + 1
		}
		if n >= lead {
			n = lead + (n-lead)%period
		}
		page := strings.Replace(list(fmt.Sprintf("in/%06d", n)), "false", "true", 1)
		_, _ = io.WriteString(w, strings.Replace(page, "</ListBucketResult>", fmt.Sprintf("<NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n+1), 1))
	}))
	return open(t, address, func(c *s3.Config) { c.Prefix = "in/" })
}

// TestContract runs the suite that every source passes against gofakes3, with a listing that comes in pages of three.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, sh := range shapes {
		t.Run(sh.name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, sh.harness(func(t testing.TB) (store, string, string, func()) {
				s := newServer(t)
				s.maxKeys = 3
				return s, s.address, bucket, func() {
					s.meddle(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
				}
			}))
		})
	}
}
