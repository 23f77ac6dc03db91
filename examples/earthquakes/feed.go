package earthquakes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// base is the path of the API at its publisher.
const base = "/fdsnws/event/1"

// maxEvents is the most that one answer may hold, as at the publisher.
const maxEvents = 20_000

// version is that of the service that published the data.
const version = "1.5.8"

// A Feed answers like the FDSN event service of the U.S. Geological Survey, from memory: methods query, count and version,
// with the parameters format, starttime, endtime, minmagnitude, maxmagnitude, orderby, limit and offset. What the
// publisher refuses is refused with the same text; a parameter that only the publisher knows is answered with 501.
// The zero Feed holds Records. Safe for concurrent use.
type Feed struct {
	// Now is the clock of the service, from which the defaults of starttime and endtime are counted. Nil: it stands at
	// Moment. Not to be changed while requests are served.
	Now func() time.Time

	mu      sync.Mutex
	loaded  bool
	events  []event // oldest first; equal times in the order in which they were added
	changed time.Time
}

// An event is a feature with what queries ask for.
type event struct {
	raw       json.RawMessage
	time      int64 // milliseconds since 1970
	magnitude *float64
	place     [3]float64 // longitude, latitude, depth
}

// NewFeed returns a Feed that holds records instead of those of this package.
func NewFeed(records []json.RawMessage) (*Feed, error) {
	f := &Feed{loaded: true, changed: Moment}
	return f, f.Add(records...)
}

// Add adds events, which have to be GeoJSON features with properties.time; a Feed keeps a copy. It adds all or none.
func (f *Feed) Add(records ...json.RawMessage) error {
	added := make([]event, len(records))
	for i, raw := range records {
		var feature struct {
			Properties struct {
				Time *int64
				Mag  *float64
			}
			Geometry struct{ Coordinates []float64 }
		}
		if err := json.Unmarshal(raw, &feature); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if feature.Properties.Time == nil {
			return fmt.Errorf("event %d has no properties.time", i)
		}
		added[i] = event{raw: slices.Clone(raw), time: *feature.Properties.Time, magnitude: feature.Properties.Mag}
		copy(added[i].place[:], feature.Geometry.Coordinates)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return err
	}
	f.insert(added)
	f.changed = f.changed.Add(time.Second) // no two states have one Last-Modified
	return nil
}

// insert needs the lock. It replaces the slice, so that an answer that is being made keeps the one it took.
func (f *Feed) insert(added []event) {
	f.events = slices.Concat(f.events, added)
	slices.SortStableFunc(f.events, func(a, b event) int { return cmp.Compare(a.time, b.time) })
}

// load fills a zero Feed. It needs the lock.
func (f *Feed) load() error {
	if f.loaded {
		return nil
	}
	whole, err := NewFeed(Records())
	if err != nil {
		return err
	}
	f.loaded, f.events, f.changed = true, whole.events, Moment
	return nil
}

// snapshot returns the events and the time of the last change.
func (f *Feed) snapshot() ([]event, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.load()
	return f.events, f.changed, err
}

// now is the clock of the service.
func (f *Feed) now() time.Time {
	if f.Now == nil {
		return Moment
	}
	return f.Now().UTC()
}

// ServeHTTP answers GET and HEAD.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := f.now()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, now, &refusal{http.StatusMethodNotAllowed, "Only GET is supported."})
		return
	}
	switch r.URL.Path {
	case base, base + "/":
		usage(w)
	case base + "/version":
		text(w, version)
	case base + "/query", base + "/count":
		f.search(w, r, now)
	default:
		refuse(w, r, now, &refusal{http.StatusNotFound, "Not Found"})
	}
}

// search answers query and count.
func (f *Feed) search(w http.ResponseWriter, r *http.Request, now time.Time) {
	counting := r.URL.Path == base+"/count"
	q, refused := parseQuery(r.URL.Query(), now, counting)
	if refused != nil {
		refuse(w, r, now, refused)
		return
	}
	events, changed, err := f.snapshot()
	if err != nil {
		refuse(w, r, now, &refusal{http.StatusServiceUnavailable, err.Error()})
		return
	}
	found := q.find(events)
	if counting {
		count(w, q, len(found))
		return
	}
	page, refused := q.page(found)
	if refused != nil {
		refuse(w, r, now, refused)
		return
	}
	if now.After(changed) {
		changed = now // the default of starttime moves with the clock, and what it selects
	}
	features(w, r, q, page, now, changed)
}
