package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"sluice/ingest"
	"sluice/internal/fault"
)

// split cuts a page into its records: the exact bytes of each, in memory of their own.
func (s *Source) split(ans answer) (page, error) {
	switch {
	case ans.empty:
		return page{}, nil
	case !s.cfg.plain():
		return ans.page, nil
	case len(ans.bodies) < 2:
		items, err := s.splitJSON(ans)
		return page{items: items}, err
	}
	var p page
	for i, body := range ans.bodies {
		ans.body = body
		items, err := s.splitJSON(ans)
		if err != nil {
			return page{}, inFile(err, i+1)
		}
		p.items = append(p.items, items...)
		for range items {
			p.files = append(p.files, i+1)
		}
	}
	return p, nil
}

// splitJSON cuts the body of ans.
func (s *Source) splitJSON(ans answer) ([][]byte, error) {
	// encoding/json bounds the nesting, so a page of brackets cannot exhaust the stack; gjson alone checks nothing.
	if !json.Valid(ans.body) {
		return nil, s.badPage(ans)
	}
	if err := s.refusedInside(ans); err != nil {
		return nil, err
	}
	var v gjson.Result
	if s.cfg.Records == "" {
		v = gjson.ParseBytes(ans.body)
	} else {
		v = gjson.GetBytes(ans.body, s.cfg.Records)
	}
	switch {
	case v.Type == gjson.Null && v.Raw != "":
		return nil, nil
	case v.IsArray():
		var records [][]byte
		v.ForEach(func(_, record gjson.Result) bool {
			records = append(records, []byte(record.Raw))
			return true
		})
		return records, nil
	case v.IsObject() && s.cfg.Records == "":
		return [][]byte{[]byte(strings.Trim(v.Raw, " \t\r\n"))}, nil
	}
	return nil, s.noRecords(ans, v)
}

func (s *Source) noRecords(ans answer, v gjson.Result) error {
	where := fmt.Sprintf("what stands at SLUICE_HTTP_RECORDS (%s)", s.cfg.Records)
	if s.cfg.Records == "" {
		where = "the page"
	}
	found := "is nothing"
	switch {
	case v.IsObject():
		found = "is an object"
	case v.Exists():
		found = "is a single value"
	}
	return s.fail(fault.Blocked, "no_records", ans.url, fmt.Errorf(
		"%s %s, want an array of records; %s; set SLUICE_HTTP_RECORDS to the gjson path of the array", where, found, s.shape(ans.body)))
}

// shape describes a page by what stands at its top, and shows no value: messages go to logs and to the status page, which
// hold no records.
func (s *Source) shape(body []byte) string {
	const most = 8
	page := gjson.ParseBytes(body)
	switch {
	case page.IsArray():
		return "the page is an array"
	case !page.IsObject():
		return "the page is a single value"
	}
	var names []string
	more := false
	page.ForEach(func(name, _ gjson.Result) bool {
		more = len(names) == most
		if !more {
			names = append(names, ingest.OneLine(s.quote([]byte(name.String())), 40))
		}
		return !more
	})
	if len(names) == 0 {
		return "the page is an object without any names"
	}
	if more {
		names = append(names, "…")
	}
	return "the page is an object with the names " + strings.Join(names, ", ")
}

// maxMalformed is how many answers in a row may be no pages before reading pauses.
const maxMalformed = 3

// judge gives the verdict on an answer that is no page, having seen how many came before it; with nil it notes a page. One
// may be a proxy's page, or a part of a page, so it is worth another try. What keeps coming waits for a person, or for its
// end: the page is never skipped.
func (s *Source) judge(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		s.malformed = 0
	case ok && (f.Reason == "bad_page" || f.Reason == "error_in_page"):
		if s.malformed++; s.malformed >= maxMalformed {
			f.Class, f.Err = fault.Blocked, fmt.Errorf("%w; so it was %d times in a row: check SLUICE_HTTP_URL and the server behind it", f.Err, s.malformed)
		}
	}
	return err
}

// badPage says where a page stops being JSON.
func (s *Source) badPage(ans answer) error {
	if len(ans.body) == 0 {
		return s.fail(fault.Transient, "bad_page", ans.url, errors.New("the answer has no content, want JSON"))
	}
	var whole json.RawMessage
	err := json.Unmarshal(ans.body, &whole)
	at := int64(len(ans.body))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = syntax.Offset
	}
	kind := ""
	if ans.kind != "" {
		kind = fmt.Sprintf(" (%s)", ingest.OneLine(ans.kind, 60))
	}
	hint := ""
	if isHTML(ans.body) { // only a page for people is shown: all else may hold records
		hint = fmt.Sprintf("; it is an HTML page that begins %q: see whether a login or a proxy stands before the API", s.quote(head(ans.body)))
	}
	return s.fail(fault.Transient, "bad_page", ans.url, fmt.Errorf("the answer%s is not JSON: at byte %d of %d: %v%s",
		kind, at, len(ans.body), err, hint))
}

func isHTML(body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(head(body)))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// head is the start of a page, for messages.
func head(body []byte) []byte { return body[:min(len(body), 4*sample)] }

// byteOrderMark is put before JSON by some servers, against RFC 8259, section 8.1, which lets readers ignore it.
var byteOrderMark = []byte("\xef\xbb\xbf")

func trimMark(body []byte) []byte { return bytes.TrimPrefix(body, byteOrderMark) }
