package earthquakes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/examples/earthquakes"
)

// ask makes a request of a feed.
func ask(f http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://feed.test/fdsnws/event/1/"+target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// ids are those of the features in an answer.
func ids(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var page struct {
		Metadata struct{ Count int }
		Features []struct{ ID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if page.Metadata.Count != len(page.Features) {
		t.Errorf("metadata.count is %d with %d features", page.Metadata.Count, len(page.Features))
	}
	out := []string{}
	for _, f := range page.Features {
		out = append(out, f.ID)
	}
	return out
}

func TestRecordsAreTheDataInOrderOfTime(t *testing.T) {
	records := earthquakes.Records()
	if len(records) != 1707 {
		t.Fatalf("%d records, want 1707", len(records))
	}
	last := int64(0)
	for i, raw := range records {
		var e struct{ Properties struct{ Time int64 } }
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if e.Properties.Time < last {
			t.Fatalf("record %d is older than the one before", i)
		}
		last = e.Properties.Time
	}
	slices.Reverse(records)
	if _, features, _ := bytes.Cut(published(t), []byte(`"features":[`)); !bytes.HasPrefix(features, bytes.Join(rawBytes(records), []byte(",\n"))) {
		t.Error("the records are not the bytes of the data")
	}
}

func rawBytes(records []json.RawMessage) [][]byte {
	var out [][]byte
	for _, r := range records {
		out = append(out, r)
	}
	return out
}

// published is the data as the publisher gave it out.
func published(t *testing.T) []byte {
	t.Helper()
	r, err := earthquakes.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTheWholeAnswerIsTheData compares everything but the metadata with what the publisher gave out.
func TestTheWholeAnswerIsTheData(t *testing.T) {
	got := ask(&earthquakes.Feed{}, "GET", "query?format=geojson").Body.Bytes()
	_, want, _ := bytes.Cut(published(t), []byte(`"features":`))
	head, body, _ := bytes.Cut(got, []byte(`"features":`))
	if !bytes.Equal(body, want) {
		t.Errorf("features and bbox differ from the data: %d bytes, want %d", len(body), len(want))
	}
	wantHead := `{"type":"FeatureCollection","metadata":{"generated":1517968140000,"url":"http://feed.test/fdsnws/event/1/query?format=geojson",` +
		`"title":"USGS Earthquakes","status":200,"api":"1.5.8","count":1707},`
	if string(head) != wantHead {
		t.Errorf("head is %s\nwant    %s", head, wantHead)
	}
}

// feature makes an event.
func feature(id string, at string, mag any) json.RawMessage {
	when, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"type":"Feature","properties":{"mag":%v,"time":%d},"geometry":{"type":"Point","coordinates":[1,2,3]},"id":%q}`, mag, when.UnixMilli(), id)
}

func TestQueries(t *testing.T) {
	f, err := earthquakes.NewFeed([]json.RawMessage{
		feature("old", "2017-12-01T00:00:00Z", 9),
		feature("a", "2018-02-01T00:00:00Z", 1.5),
		feature("b", "2018-02-02T12:00:00.250Z", 3),
		feature("c", "2018-02-02T12:00:00.750Z", "null"),
		feature("d", "2018-02-02T12:00:01Z", -0.5),
		feature("d2", "2018-02-02T12:00:01Z", 3),
		feature("future", "2018-02-08T00:00:00Z", 4),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, query string
		want        []string
	}{
		{"defaults: 30 days back to now, newest first", "", []string{"d2", "d", "c", "b", "a"}},
		{"empty values are not given", "starttime=&limit=", []string{"d2", "d", "c", "b", "a"}},
		{"oldest first", "orderby=time-asc", []string{"a", "b", "c", "d", "d2"}},
		{"greatest first", "orderby=magnitude", []string{"d2", "b", "a", "d", "c"}},
		{"smallest first", "orderby=magnitude-asc", []string{"c", "d", "a", "b", "d2"}},
		{"a date", "starttime=2018-02-02", []string{"d2", "d", "c", "b"}},
		{"earlier than the default", "starttime=2017-01-01&orderby=time-asc&limit=1", []string{"old"}},
		{"later than the default", "endtime=2018-03-01&limit=1", []string{"future"}},
		{"inclusive at both ends", "starttime=2018-02-02T12:00:01&endtime=2018-02-02T12:00:01", []string{"d2", "d"}},
		{"zulu", "starttime=2018-02-02T12:00:01Z", []string{"d2", "d"}},
		{"zone with colon", "starttime=2018-02-02T14:00:01%2B02:00", []string{"d2", "d"}},
		{"zone without", "starttime=2018-02-02T14:00:01%2B0200", []string{"d2", "d"}},
		{"space for the T", "starttime=2018-02-02+12:00:01", []string{"d2", "d"}},
		{"no seconds", "starttime=2018-02-02T12:00", []string{"d2", "d", "c", "b"}},
		{"a fraction is dropped, as by the publisher", "starttime=2018-02-02T12:00:00.900Z", []string{"d2", "d", "c", "b"}},
		{"short names", "start=2018-02-02&end=2018-02-02T12:00:00Z", []string{}},
		{"magnitude, inclusive; none is not enough", "minmagnitude=1.5", []string{"d2", "b", "a"}},
		{"magnitude at most", "maxmag=1.5", []string{"d", "a"}},
		{"limit", "limit=2", []string{"d2", "d"}},
		{"offset counts from 1", "limit=2&offset=2", []string{"d", "c"}},
		{"offset behind the end", "limit=2&offset=6", []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ids(t, ask(f, "GET", "query?format=geojson&"+tc.query))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("query %s (-want +got):\n%s", tc.query, diff)
			}
		})
	}
	if got := ask(f, "GET", "query?format=geojson&limit=3&offset=2").Body.String(); !strings.Contains(got, `"limit":3,"offset":2,"count":3}`) {
		t.Errorf("metadata lack limit and offset: %.300s", got)
	}
	for target, want := range map[string]string{
		"count": "5", "count?format=geojson&minmagnitude=3": `{"count":2,"maxAllowed":20000}`, "version": "1.5.8",
	} {
		if got := ask(f, "GET", target).Body.String(); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	f := &earthquakes.Feed{}
	for _, tc := range []struct {
		target string
		status int
		why    string
	}{
		{"query?format=geojson&starttime=not-a-date", 400, `Bad starttime value "not-a-date". Valid values are ISO-8601 timestamps.`},
		{"query?format=geojson&endtime=2018-02-30", 400, `Bad endtime value "2018-02-30". Valid values are ISO-8601 timestamps.`},
		{"query?format=geojson&limit=0", 400, `Bad limit value "0". Valid values are 1 <= limit <= 20000`},
		{"query?format=geojson&limit=20001", 400, `Bad limit value "20001". Valid values are 1 <= limit <= 20000`},
		{"query?format=geojson&limit=%2B5", 400, `Bad limit value "+5". Valid values are 1 <= limit <= 20000`},
		{"query?format=geojson&offset=0", 400, `Bad offset value "0". Valid values are 1 <= offset`},
		{"query?format=geojson&minmagnitude=big", 400, `Bad minmagnitude value "big". Valid values are numeric`},
		{"query?format=geojson&minmagnitude=NaN", 400, `Bad minmagnitude value "NaN". Valid values are numeric`},
		{"query?format=geojson&orderby=size", 400, `Bad orderby value "size". Valid values are: "time", "time-asc", "magnitude", "magnitude-asc".`},
		{"query?format=yaml", 400, `Bad format value "yaml". Valid values are: "quakeml", "geojson", "csv", "kml", "kmlraw", "xml", "text", "cap".`},
		{"query?format=geojson&page=2", 400, `Unknown parameter "page".`},
		{"query?format=geojson&minlatitude=2", 501, `Parameter "minlatitude" is not supported by this server.`},
		{"query", 501, `Format "quakeml" is not supported by this server; set format=geojson.`},
		{"nothing", 404, "Not Found"},
	} {
		w := ask(f, "GET", tc.target)
		want := fmt.Sprintf("Error %d: %s\n\n%s\n\nUsage details are available from http://feed.test/fdsnws/event/1\n\nRequest:\n/fdsnws/event/1/%s\n\n"+
			"Request Submitted:\n2018-02-07T01:49:00+00:00\n\nService version:\n1.5.8\n",
			tc.status, http.StatusText(tc.status), tc.why, strings.ReplaceAll(tc.target, "&", "&amp;"))
		if got := w.Body.String(); w.Code != tc.status || got != want || w.Header().Get("Content-Type") != "text/plain" {
			t.Errorf("%s = %d\n%s\nwant %d\n%s", tc.target, w.Code, got, tc.status, want)
		}
	}
	if w := ask(f, "POST", "query?format=geojson"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST = %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := ask(f, "HEAD", "query?format=geojson&limit=1"); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD = %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestMoreThanTheServiceGivesAtOnce(t *testing.T) {
	records := make([]json.RawMessage, 20_001)
	for i := range records {
		records[i] = feature(fmt.Sprint(i), "2018-02-01T00:00:00Z", 1)
	}
	f, err := earthquakes.NewFeed(records)
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(f, "GET", "query?format=geojson"); w.Code != 400 || !strings.Contains(w.Body.String(),
		"20001 matching events exceeds search limit of 20000. Modify the search to match fewer events.") {
		t.Errorf("without limit: %d %.200s", w.Code, w.Body)
	}
	if got := ids(t, ask(f, "GET", "query?format=geojson&limit=20000&orderby=time-asc&offset=2")); len(got) != 20_000 || got[0] != "1" {
		t.Errorf("with limit: %d events, the first %v", len(got), got[:min(1, len(got))])
	}
}

func TestNotModified(t *testing.T) {
	f := &earthquakes.Feed{}
	first := ask(f, "GET", "query?format=geojson")
	tag, modified := first.Header().Get("ETag"), first.Header().Get("Last-Modified")
	for _, header := range [][]string{{"If-None-Match", tag}, {"If-Modified-Since", modified}} {
		if w := ask(f, "GET", "query?format=geojson", header...); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%v = %d with %d bytes, want 304", header, w.Code, w.Body.Len())
		}
		if w := ask(f, "GET", "query?format=geojson&limit=5", "If-None-Match", tag); w.Code != http.StatusOK {
			t.Errorf("another query with that tag = %d, want 200", w.Code)
		}
	}
	if err := f.Add(feature("new", "2018-02-07T01:48:00Z", 1)); err != nil {
		t.Fatal(err)
	}
	for _, header := range [][]string{{"If-None-Match", tag}, {"If-Modified-Since", modified}} {
		if w := ask(f, "GET", "query?format=geojson", header...); w.Code != http.StatusOK || !slices.Contains(ids(t, w), "new") {
			t.Errorf("%v after an event was added = %d, want 200 with it", header, w.Code)
		}
	}
}

func TestAddTakesAllOrNothing(t *testing.T) {
	f, err := earthquakes.NewFeed(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{`{`, `{"properties":{}}`, `{"properties":{"time":"x"}}`} {
		if err := f.Add(feature("good", "2018-02-01T00:00:00Z", 1), json.RawMessage(broken)); err == nil {
			t.Errorf("Add(%s) = nil, want an error", broken)
		}
	}
	if got := ids(t, ask(f, "GET", "query?format=geojson")); len(got) > 0 {
		t.Errorf("the feed holds %v, want nothing", got)
	}
}
