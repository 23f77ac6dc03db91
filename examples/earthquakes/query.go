package earthquakes

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAge is how far back a query reaches that has no starttime.
const maxAge = 30 * 24 * time.Hour

// A query is what a request asks for.
type query struct {
	format                     string
	start, end                 int64 // milliseconds since 1970, inclusive
	minMagnitude, maxMagnitude *float64
	order                      string
	limit, offset              int // limit 0: none given
}

// A refusal is an answer that holds no data.
type refusal struct {
	status int
	why    string
}

func bad(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// known are the parameters that the publisher has and this Feed has not.
var known = []string{
	"minlatitude", "minlat", "maxlatitude", "maxlat", "minlongitude", "minlon", "maxlongitude", "maxlon", "latitude", "lat", "longitude",
	"lon", "minradius", "maxradius", "minradiuskm", "maxradiuskm", "mindepth", "maxdepth", "magnitudetype", "magtype", "includeallorigins",
	"includeallmagnitudes", "includearrivals", "includedeleted", "includesuperseded", "eventid", "catalog", "contributor", "updatedafter",
	"callback", "jsonerror", "eventtype", "reviewstatus", "minmmi", "maxmmi", "mincdi", "maxcdi", "minfelt", "alertlevel", "mingap", "maxgap",
	"minsig", "maxsig", "producttype", "productcode", "kmlcolorby", "kmlanimated", "nodata",
}

// parseQuery reads the parameters. A parameter with an empty value counts as not given.
func parseQuery(values url.Values, now time.Time, counting bool) (query, *refusal) {
	q := query{
		format: "quakeml", start: now.Add(-maxAge).UnixMilli(), end: now.UnixMilli(), order: "time", offset: 1,
	}
	if counting {
		q.format = "text"
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name][len(values[name])-1]
		if value == "" {
			continue
		}
		if refused := q.set(name, value); refused != nil {
			return q, refused
		}
	}
	if q.format != "geojson" && !(counting && q.format == "text") {
		return q, &refusal{http.StatusNotImplemented, fmt.Sprintf("Format %q is not supported by this server; set format=geojson.", q.format)}
	}
	return q, nil
}

// set reads one parameter.
func (q *query) set(name, value string) (refused *refusal) {
	switch name {
	case "format":
		q.format, refused = oneOf(name, value, "quakeml", "geojson", "csv", "kml", "kmlraw", "xml", "text", "cap")
	case "starttime", "start":
		q.start, refused = moment(name, value)
	case "endtime", "end":
		q.end, refused = moment(name, value)
	case "minmagnitude", "minmag":
		q.minMagnitude, refused = magnitude(name, value)
	case "maxmagnitude", "maxmag":
		q.maxMagnitude, refused = magnitude(name, value)
	case "orderby":
		q.order, refused = oneOf(name, value, "time", "time-asc", "magnitude", "magnitude-asc")
	case "limit":
		q.limit, refused = integer(name, value, 1, maxEvents)
	case "offset":
		q.offset, refused = integer(name, value, 1, 0)
	default:
		if slices.Contains(known, name) {
			return &refusal{http.StatusNotImplemented, fmt.Sprintf("Parameter %q is not supported by this server.", name)}
		}
		return bad("Unknown parameter \"%s\".", name)
	}
	return refused
}

func oneOf(name, value string, valid ...string) (string, *refusal) {
	if !slices.Contains(valid, value) {
		return "", bad("Bad %s value \"%s\". Valid values are: \"%s\".", name, value, strings.Join(valid, `", "`))
	}
	return value, nil
}

// layouts are the forms of ISO 8601 that are understood; a fraction of a second may follow the seconds.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02",
}

// moment reads a time, without a zone in UTC. The fraction of a second does not count: the publisher's service drops it.
func moment(name, value string) (int64, *refusal) {
	for _, layout := range layouts {
		if at, err := time.Parse(layout, strings.Replace(value, " ", "T", 1)); err == nil {
			return at.Unix() * 1000, nil
		}
	}
	return 0, bad("Bad %s value \"%s\". Valid values are ISO-8601 timestamps.", name, value)
}

func magnitude(name, value string) (*float64, *refusal) {
	m, err := strconv.ParseFloat(value, 64)
	if err != nil || m != m || strings.ContainsAny(value, "xXpP_nN") {
		return nil, bad("Bad %s value \"%s\". Valid values are numeric", name, value)
	}
	return &m, nil
}

// integer reads digits in a range; most 0 means no upper end.
func integer(name, value string, least, most int) (int, *refusal) {
	n, err := strconv.Atoi(value)
	if err == nil && strings.Trim(value, "0123456789") == "" && n >= least && (most == 0 || n <= most) {
		return n, nil
	}
	valid := fmt.Sprintf("%d <= %s", least, name)
	if most > 0 {
		valid += fmt.Sprintf(" <= %d", most)
	}
	return 0, bad("Bad %s value \"%s\". Valid values are %s", name, value, valid)
}

// find returns the events that match, in the order asked for. Events of one time keep the order in which they were added,
// and the reverse of it newest first, so that pages do not overlap.
func (q query) find(events []event) []event {
	var found []event
	for _, e := range events {
		if e.time < q.start || e.time > q.end || !q.strong(e) {
			continue
		}
		found = append(found, e)
	}
	if !strings.HasSuffix(q.order, "-asc") {
		slices.Reverse(found)
	}
	value := func(e event) float64 {
		if e.magnitude == nil {
			return -100
		}
		return *e.magnitude
	}
	switch q.order {
	case "magnitude":
		slices.SortStableFunc(found, func(a, b event) int { return cmp.Compare(value(b), value(a)) })
	case "magnitude-asc":
		slices.SortStableFunc(found, func(a, b event) int { return cmp.Compare(value(a), value(b)) })
	}
	return found
}

// strong reports whether the magnitude of e is within what is asked for.
func (q query) strong(e event) bool {
	if q.minMagnitude != nil && (e.magnitude == nil || *e.magnitude < *q.minMagnitude) {
		return false
	}
	return q.maxMagnitude == nil || (e.magnitude != nil && *e.magnitude <= *q.maxMagnitude)
}

// page cuts what was found to offset and limit. More than the service gives at once is refused, not cut.
func (q query) page(found []event) ([]event, *refusal) {
	found = found[min(q.offset-1, len(found)):]
	if q.limit > 0 {
		return found[:min(q.limit, len(found))], nil
	}
	if len(found) > maxEvents {
		return nil, bad("%d matching events exceeds search limit of %d. Modify the search to match fewer events.", len(found), maxEvents)
	}
	return found, nil
}
