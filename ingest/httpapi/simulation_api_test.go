package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	lookback = 50 // seconds that are read again, in plans with a look-back
	latest   = 20 // seconds by which a record may come late
	// ahead bounds how far the newest value goes up within a sweep. A sweep asks from its newest value, less the look-back,
	// so that what comes late while it is read is found by the next one only if ahead and latest are less than that.
	ahead = 15

	beginOfTime = 1_000_000 // the clock of the API at the start, in Unix seconds
	endless     = 2000      // requests within one Read that no plan can need
)

// A simulatedAPI answers in the place of the network, as its plan says. It adds records while it is read and, as long as it is
// troubled, fails in all ways that pass by themselves. It is asked by one goroutine.
type simulatedAPI struct {
	plan
	rnd      *rand.Rand
	troubled bool

	records []issued
	times   map[int]int // how often a record is among them, by its id
	now     int64       // its clock, and the reader's, in Unix seconds
	newest  int64       // value
	swept   int64       // newest value when the last sweep ended
	age     int         // tokens of earlier ages are forgotten

	asked   int            // requests
	inRead  int            // requests of the Read that is going on
	refused int            // times at which it refused a place that it had forgotten since the one before, since the reader started over
	refusal int            // its age at the last of them
	forbade bool           // the children of a parent, in that Read
	paged   bool           // a whole page was shown in that Read
	logins  map[string]int // login pages since the last one that was read, of the "list" and as a "detail"
	struck  tally
}

// An issued record. Two of the same id are equal to the byte.
type issued struct {
	id, place, parent int
	at                int64
}

func (w issued) text() string {
	return fmt.Sprintf(`{"id":%d,"at":%d,"x":"é%s"}`, w.id, w.at, strings.Repeat("y", w.id%40))
}

func newSimulatedAPI(p plan, rnd *rand.Rand) *simulatedAPI {
	return &simulatedAPI{plan: p, rnd: rnd, troubled: true, now: beginOfTime, newest: 1000, swept: 1000,
		times: map[int]int{}, logins: map[string]int{}, struck: tally{}}
}

// grow adds up to two records, now and then one of them twice.
func (a *simulatedAPI) grow() {
	for range a.rnd.IntN(3) {
		w := issued{id: len(a.times) + 1, at: a.nextValue(), parent: a.rnd.IntN(a.Parents), place: len(a.records)}
		a.records = append(a.records, w)
		a.times[w.id]++
		// Where pages are numbered, small ones of equal records are taken for an API that does not heed the number.
		if (!a.numbered() || a.Size > 2) && a.rnd.IntN(12) == 0 {
			w.place++
			a.records = append(a.records, w)
			a.times[w.id]++
		}
	}
	if a.Windows && a.rnd.IntN(2) == 0 {
		a.now += a.rnd.Int64N(6)
	}
}

// nextValue is the value of a new record: often that of the one before, and late at times if there is a look-back.
func (a *simulatedAPI) nextValue() int64 {
	at := a.now
	if !a.Windows {
		if a.rnd.IntN(3) == 0 && (!a.Lookback || a.newest-a.swept <= ahead) {
			a.newest += a.rnd.Int64N(4)
		}
		at = a.newest
	}
	if a.Lookback && (a.Windows || a.rnd.IntN(3) == 0) {
		at -= a.rnd.Int64N(latest)
	}
	return at
}

// RoundTrip answers a request of the reader.
func (a *simulatedAPI) RoundTrip(req *http.Request) (*http.Response, error) {
	a.asked++
	if a.inRead++; a.inRead > endless {
		return nil, errors.New("asked for ever")
	}
	q, err := question(req)
	if err != nil {
		return nil, err
	}
	kind := "list"
	id, isDetail := strings.CutPrefix(req.URL.Path, "/details/")
	if isDetail {
		kind = "detail"
	}
	if a.troubled {
		a.grow()
		if a.Forgets && a.rnd.Float64() < 0.03 {
			a.age++
		}
		if resp, err := a.stumble(req, kind); resp != nil || err != nil {
			return resp, err
		}
	}
	if isDetail {
		a.logins[kind] = 0
		return reply(req, 200, nil, `{"more":`+id+`}`), nil
	}
	return a.list(req, q)
}

// question is what is asked for by the query, or by the body in its place.
func question(req *http.Request) (url.Values, error) {
	q := req.URL.Query()
	if req.Body == nil {
		return q, nil
	}
	var posted struct {
		Cursor *string
		Since  *json.Number
	}
	if err := json.NewDecoder(req.Body).Decode(&posted); err != nil {
		return nil, err
	}
	if posted.Cursor != nil {
		q.Set("after", *posted.Cursor)
	}
	if posted.Since != nil {
		q.Set("since", posted.Since.String())
	}
	return q, nil
}

// stumble is an answer that is no page, or nothing.
func (a *simulatedAPI) stumble(req *http.Request, kind string) (*http.Response, error) {
	switch a.rnd.IntN(25) {
	case 0:
		a.struck["500"]++
		return reply(req, 500, nil, "oops"), nil
	case 1:
		a.struck["429"]++
		return reply(req, 429, nil, "slow down"), nil
	case 2, 3: // so that several follow upon each other at times
		a.struck["login page"]++
		a.logins[kind]++
		return reply(req, 200, http.Header{"Content-Type": {"text/html"}}, "<html>log in</html>"), nil
	case 4:
		a.struck["no answer"]++
		return nil, io.ErrUnexpectedEOF
	case 5:
		if strings.HasPrefix(req.URL.Path, "/p/") {
			a.struck["403"]++
			a.forbade = true
			return reply(req, 403, nil, "not this one"), nil
		}
	}
	return nil, nil
}

// list answers with a page of records, or of parents.
func (a *simulatedAPI) list(req *http.Request, q url.Values) (*http.Response, error) {
	rows := a.rows(req.URL.Path, q)
	var p shownPage
	if a.numbered() {
		p = a.numberedPage(rows, q)
	} else {
		after, ok, err := a.after(q.Get("after"))
		switch {
		case err != nil:
			return nil, err
		case !ok:
			status := []int{400, 404, 410, 422}[a.rnd.IntN(4)]
			if a.refusal != a.age {
				a.refused, a.refusal = a.refused+1, a.age
			}
			a.struck[fmt.Sprint("forgotten ", status)]++
			return reply(req, status, nil, `{"error":"expired"}`), nil
		}
		p = a.pageAfter(rows, after, req.URL)
	}
	text := `{"data":[` + strings.Join(p.texts, ",") + `]` + p.extra + `}`
	if a.troubled && a.rnd.IntN(25) == 0 {
		a.struck["cut off"]++
		resp := reply(req, 200, p.header, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(text[:a.rnd.IntN(len(text))]), broken{}))
		return resp, nil
	}
	a.paged = true
	return reply(req, 200, p.header, text), nil
}

// A row is what a page can show, in the order of at and place.
type row struct {
	at    int64
	place int
	text  string
}

func (r row) order(o row) int { return cmp.Or(cmp.Compare(r.at, o.at), cmp.Compare(r.place, o.place)) }

// rows are all that is asked for, whatever the page. Without values to ask by they stand in the order in which they came.
func (a *simulatedAPI) rows(path string, q url.Values) (rows []row) {
	parent := -1
	if a.Children {
		if path == "/items" {
			for i := range a.Parents {
				rows = append(rows, row{place: i, text: fmt.Sprintf(`{"p":%d}`, i)})
			}
			return rows
		}
		_, _ = fmt.Sscanf(path, "/p/%d/items", &parent)
	}
	from, to := bound(q, math.MinInt64, "since", "from"), bound(q, math.MaxInt64, "to")
	for _, w := range a.records {
		if (parent < 0 || w.parent == parent) && w.at >= from && w.at < to {
			r := row{place: w.place, text: w.text()}
			if a.Since || a.Windows {
				r.at = w.at
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, row.order)
	return rows
}

// bound is the first of the parameters that is set.
func bound(q url.Values, otherwise int64, names ...string) int64 {
	for _, name := range names {
		if n, err := strconv.ParseInt(q.Get(name), 10, 64); err == nil {
			return n
		}
	}
	return otherwise
}

// A shownPage is a page before it is written.
type shownPage struct {
	texts  []string
	extra  string // fields beside the records
	header http.Header
}

// show puts rows on the page.
func (p *shownPage) show(rows []row) {
	for _, r := range rows {
		p.texts = append(p.texts, r.text)
	}
}

// numberedPage is the page with a number, or the one at an offset.
func (a *simulatedAPI) numberedPage(rows []row, q url.Values) (p shownPage) {
	total, from := len(rows), int(bound(q, 0, "offset"))
	if a.Mode == paginationPage {
		total, from = (len(rows)+a.Size-1)/a.Size, (int(bound(q, 1, "page"))-1)*a.Size
	}
	from = min(from, len(rows))
	to := min(from+a.Size, len(rows))
	p.show(rows[from:to])
	if a.Total {
		p.extra = fmt.Sprintf(`,"total":%d`, total)
	}
	if a.More {
		p.extra = fmt.Sprintf(`,"more":%v`, to < len(rows))
	}
	return p
}

// after is the row behind which a token goes on; not ok: the API has forgotten it.
func (a *simulatedAPI) after(token string) (r row, ok bool, err error) {
	if token == "" {
		return row{at: math.MinInt64}, true, nil
	}
	var age int
	if _, err := fmt.Sscanf(token, "%d.%d.%d", &age, &r.at, &r.place); err != nil {
		return r, false, fmt.Errorf("a token that was never given out: %q", token)
	}
	return r, age == a.age, nil
}

// pageAfter is the page behind a row. A ragged one holds fewer records than there are, or none, and names the next by what it
// has never said before.
func (a *simulatedAPI) pageAfter(rows []row, after row, at *url.URL) (p shownPage) {
	from, size := 0, a.Size
	for from < len(rows) && rows[from].order(after) <= 0 {
		from++
	}
	if a.Ragged && a.troubled {
		size = a.rnd.IntN(a.Size + 1)
	}
	to := min(from+size, len(rows))
	p.show(rows[from:to])
	if to > from {
		after = rows[to-1]
	}
	if to == len(rows) && (!a.Eager || to == from) {
		return p
	}
	token := fmt.Sprintf("%d.%d.%d", a.age, after.at, after.place)
	if a.Ragged {
		token += fmt.Sprint(".", a.asked)
	}
	q := at.Query()
	q.Set("after", token)
	next := *at
	next.RawQuery = q.Encode()
	switch a.Mode {
	case paginationLink:
		p.header = http.Header{"Link": {fmt.Sprintf(`<%s>; rel="next"`, next.String())}}
	case paginationNext:
		p.extra = fmt.Sprintf(`,"next":%q`, next.String())
	case paginationCursor:
		p.extra = fmt.Sprintf(`,"next":%q`, token)
	}
	return p
}

// reply is an answer with a body of unknown length.
func reply(req *http.Request, status int, h http.Header, body string) *http.Response {
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: status, Status: strconv.Itoa(status), Header: h, Request: req, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// broken is a connection that ends before the body does.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
