package earthquakes

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"time"
)

// metadata opens an answer, members in the publisher's order.
type metadata struct {
	Generated int64  `json:"generated"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	API       string `json:"api"`
	Limit     int    `json:"limit,omitempty"`
	Offset    int    `json:"offset,omitempty"`
	Count     int    `json:"count"`
}

// features writes a page of events, or 304 if the client has it.
func features(w http.ResponseWriter, r *http.Request, q query, page []event, now, changed time.Time) {
	meta := metadata{now.UnixMilli(), server(r) + r.URL.RequestURI(), "USGS Earthquakes", http.StatusOK, version, q.limit, 0, len(page)}
	if q.limit > 0 {
		meta.Offset = q.offset
	}
	var b bytes.Buffer
	b.WriteString(`{"type":"FeatureCollection","metadata":`)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(meta)    // numbers and strings always can be
	b.Truncate(b.Len() - 1) // the line break of Encode
	body := b.Len()
	b.WriteString(`,"features":[`)
	for i, e := range page {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(e.raw)
	}
	b.WriteString("]")
	writeBox(&b, page)
	b.WriteString("}")
	// The metadata change with the clock and say nothing new, so the tag leaves them out, and is a weak one.
	w.Header().Set("ETag", fmt.Sprintf(`W/"%x"`, sha256.Sum256(b.Bytes()[body:])))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=60")
	http.ServeContent(w, r, "", changed, bytes.NewReader(b.Bytes()))
}

// writeBox writes the bounding box where there is a box: the least longitude, latitude and depth, then the greatest.
func writeBox(b *bytes.Buffer, page []event) {
	if len(page) == 0 {
		return
	}
	low, high := page[0].place, page[0].place
	for _, e := range page {
		for i, x := range e.place {
			low[i], high[i] = min(low[i], x), max(high[i], x)
		}
	}
	for i := range low {
		if low[i] >= high[i] {
			return
		}
	}
	b.WriteString(`,"bbox":[`)
	for i, x := range append(low[:], high[:]...) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatFloat(x, 'f', -1, 64))
	}
	b.WriteString("]")
}

// count writes the number of events, as text or as an object.
func count(w http.ResponseWriter, q query, n int) {
	if q.format == "text" {
		text(w, strconv.Itoa(n))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if n > maxEvents {
		fmt.Fprintf(w, `{"count":%d,"maxAllowed":%d,"error":"%d matching events exceeds search limit of %d. Modify the search to match fewer events."}`,
			n, maxEvents, n, maxEvents)
		return
	}
	fmt.Fprintf(w, `{"count":%d,"maxAllowed":%d}`, n, maxEvents)
}

// refuse writes an error in the publisher's form (FDSN web service specification 1.0, error messages).
func refuse(w http.ResponseWriter, r *http.Request, now time.Time, why *refusal) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(why.status)
	fmt.Fprintf(w, "Error %d: %s\n\n%s\n\nUsage details are available from %s%s\n\nRequest:\n%s\n\nRequest Submitted:\n%s\n\nService version:\n%s\n",
		why.status, http.StatusText(why.status), why.why, server(r), base,
		html.EscapeString(r.URL.RequestURI()), now.Format("2006-01-02T15:04:05-07:00"), version)
}

// usage says in a few lines what there is.
func usage(w http.ResponseWriter) {
	text(w, "Earthquakes from memory, in the manner of the FDSN event service.\n\n"+
		base+"/query?format=geojson&starttime=…&endtime=…&minmagnitude=…&maxmagnitude=…&orderby=time|time-asc|magnitude|magnitude-asc&limit=1..20000&offset=1..\n"+
		base+"/count with the same parameters\n"+base+"/version\n")
}

func text(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s)
}

// server is where the request came to, as the client called it.
func server(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
