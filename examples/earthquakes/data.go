// Package earthquakes holds a week of real earthquakes and serves them as their publisher does, for the demonstration and
// for tests: 1,707 events of the U.S. Geological Survey as they stood on 2018-02-07, and the part of the FDSN event API
// that a poller needs.
package earthquakes

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

//go:embed earthquakes.env
var settings []byte

// Settings is the file earthquakes.env, which reads the publisher's API, or a Feed where SLUICE_HTTP_URL names one.
func Settings() []byte { return bytes.Clone(settings) }

//go:embed earthquakes-2018-02.geojson.gz
var packed []byte

// Moment is when the data were published: 2018-02-07 01:49 UTC.
var Moment = time.Date(2018, 2, 7, 1, 49, 0, 0, time.UTC)

// Open returns the data as they were published: GeoJSON, newest event first.
func Open() (io.ReadCloser, error) {
	return gzip.NewReader(bytes.NewReader(packed))
}

// Records returns the 1,707 events, oldest first, each byte for byte as in the data. The caller may keep and change them.
func Records() []json.RawMessage {
	records, err := load()
	if err != nil {
		panic(fmt.Sprintf("earthquakes: the embedded data are damaged: %v", err)) // cannot be: they are part of the program
	}
	return records
}

func load() ([]json.RawMessage, error) {
	r, err := Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var page struct{ Features []json.RawMessage }
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, err
	}
	slices.Reverse(page.Features)
	return page.Features, nil
}
