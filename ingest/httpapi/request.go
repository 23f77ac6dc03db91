package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"sluice/ingest/format"
)

// BodyConfig is how requests are made where a plain GET will not do.
type BodyConfig struct {
	Method   string `split_words:"true" default:"GET" desc:"GET or POST"`
	Body     string `split_words:"true" desc:"POST: body of the request, where placeholders stand for what changes: {{cursor}}, {{page}}, {{offset}}, {{limit}}, {{since}}, {{window_start}}, {{window_end}}; {{cursor|null}} is null while there is no cursor. They may stand in the path and query of URL as well. It may be printed, so it must hold no secret"`
	BodyType string `split_words:"true" default:"application/json" desc:"POST: Content-Type of BODY; values are escaped as it demands (JSON, XML, forms)"`
}

// defaultBody is the BodyConfig of an empty environment.
func defaultBody() BodyConfig {
	return BodyConfig{Method: http.MethodGet, BodyType: "application/json"}
}

// method is that of the requests for pages.
func (c BodyConfig) method() string { return cmp.Or(c.Method, http.MethodGet) }

// bodyStyle is how values are written into BODY.
func (c BodyConfig) bodyStyle() int {
	kind, _, _ := mime.ParseMediaType(c.BodyType)
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return asJSON
	case kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml"):
		return asXML
	case kind == "application/x-www-form-urlencoded":
		return asQuery
	}
	return asText
}

// templates are those of the URL and of the body; a broken one is as if it had no placeholder.
func (c Config) templates() (address, body template) {
	address, _ = parseTemplate(c.URL, asPath)
	body, _ = parseTemplate(c.Body, c.bodyStyle())
	return address, body
}

// uses reports whether a placeholder stands in the URL or the body.
func (c Config) uses(name string) bool {
	address, body := c.templates()
	return address.has(name) || body.has(name)
}

func (c Config) checkBody(p *problems) {
	p.oneOf("METHOD", c.method(), http.MethodGet, http.MethodPost)
	if c.method() != http.MethodPost && c.Body != "" {
		p.add("BODY is set, and METHOD is not POST")
	}
	if _, _, err := mime.ParseMediaType(c.BodyType); err != nil && c.Body != "" {
		p.add("BODY_TYPE is no content type, such as application/json")
	}
	if c.Body != "" && c.Headers.has("Content-Type") {
		p.add("both BODY_TYPE and a Content-Type header in HEADERS are set; keep BODY_TYPE")
	}
	for _, t := range []struct {
		name, text string
		style      int
	}{{"URL", c.URL, asPath}, {"BODY", c.Body, c.bodyStyle()}} {
		parsed, err := parseTemplate(t.text, t.style)
		if err != nil {
			p.add("%s %v", t.name, err)
			continue
		}
		c.checkPlaceholders(p, t.name, parsed)
		first := c.sample()
		delete(first, "cursor")
		if c.SinceStart == "" {
			delete(first, "since")
		}
		for _, values := range []map[string]value{first, c.sample()} {
			filled := parsed.fill(values)
			if t.style == asJSON && t.text != "" && !json.Valid([]byte(filled)) {
				p.add("BODY is not JSON once its placeholders are filled in; mend it, or set BODY_TYPE")
				break
			}
			if t.style != asPath || len(parsed) == 1 {
				continue
			}
			if u, err := url.Parse(filled); err != nil || u.Host == "" {
				p.add("URL is no URL once its placeholders are filled in")
				break
			}
		}
	}
}

// checkPlaceholders finds placeholders that have no value ever, or none in the first request.
func (c Config) checkPlaceholders(p *problems, where string, t template) {
	sample := c.sample()
	for _, part := range t {
		if part.name == "" {
			continue
		}
		if _, ok := sample[part.name]; !ok {
			p.add("%s has the placeholder {{%s}}, which never has a value: %s", where, part.name, map[string]string{
				"cursor": "PAGINATION is not cursor", "page": "PAGINATION is not page", "offset": "PAGINATION is not offset",
				"limit": "LIMIT is not set", "since": "SINCE_PATH is not set",
				"window_start": "WINDOW_START is not set", "window_end": "WINDOW_START is not set",
			}[part.name])
		}
		first := part.name == "cursor" || part.name == "since" && c.SinceStart == ""
		if first && part.fallback == nil {
			p.add("%s has {{%s}}, which has no value in the first request; say what stands there then: {{%s|null}}, or {{%s|}} for nothing",
				where, part.name, part.name, part.name)
		}
	}
}

// sample has a value for every placeholder that can have one.
func (c Config) sample() map[string]value {
	all := map[string]value{}
	switch c.Pagination {
	case paginationCursor:
		all["cursor"] = value{text: `a"b`}
	case paginationPage, paginationOffset:
		all[c.Pagination] = value{"1", true}
	}
	if c.Limit > 0 {
		all["limit"] = value{"1", true}
	}
	if c.dated() {
		all["since"] = value{text: `a"b`}
	}
	if c.windowed() {
		all["window_start"], all["window_end"] = value{text: "1"}, value{text: "2"}
	}
	return all
}

// values are those of the request for the page at st.
func (s *Source) values(st state) map[string]value {
	all := map[string]value{}
	switch s.cfg.Pagination {
	case paginationCursor:
		if st.At != "" {
			all["cursor"] = value{text: st.At}
		}
	case paginationPage, paginationOffset:
		all[s.cfg.Pagination] = value{s.number(st, 0), true}
	}
	if s.cfg.Limit > 0 {
		all["limit"] = value{fmt.Sprint(s.cfg.Limit), true}
	}
	switch numeric := s.since.numeric(); {
	case !s.cfg.dated():
	case st.Since != nil:
		all["since"] = value{st.Since.Text, numeric}
	case s.cfg.SinceStart != "":
		all["since"] = value{s.cfg.SinceStart, numeric}
	}
	if st.Window != nil {
		from, to := s.bounds(*st.Window)
		numeric := s.cfg.WindowFormat == sinceUnix || s.cfg.WindowFormat == sinceUnixMs
		all["window_start"], all["window_end"] = value{from, numeric}, value{to, numeric}
	}
	return all
}

// numeric reports whether the parameter is a number.
func (r sinceReader) numeric() bool {
	switch r.format {
	case sinceUnix, sinceUnixMs:
		return true
	case sinceSame:
		return r.kind == sinceNumber || r.kind == sinceUnix || r.kind == sinceUnixMs
	}
	return false
}

// params are the query parameters that values go into, by the name of the placeholder. What stands in a template is not
// sent a second time.
func (c Config) params() map[string]string {
	all := map[string]string{
		"limit": c.LimitParam, "since": c.SinceParam, "window_start": c.WindowStartParam, "window_end": c.WindowEndParam,
	}
	if name := c.positionParam(); name != "" {
		all[c.Pagination] = name
	}
	maps.DeleteFunc(all, func(name, param string) bool { return param == "" || c.uses(name) })
	return all
}

// target is the URL of the page at st.
func (s *Source) target(st state) *url.URL {
	if st.At != "" && s.byURL() {
		if next, err := url.Parse(origin(s.base) + st.At); err == nil { // checkPath has seen to that
			return next
		}
	}
	values := s.values(st)
	u := *s.base
	if len(s.address) > 1 {
		if filled, err := url.Parse(s.address.fill(values)); err == nil && sameOrigin(filled, s.base) {
			u = *filled
		}
	}
	for _, name := range placeholders {
		if v, ok := values[name]; ok && s.params[name] != "" {
			u.RawQuery = setParam(u.RawQuery, s.params[name], v.text)
		}
	}
	return &u
}

// request makes the request for the page at st.
func (s *Source) request(ctx context.Context, target *url.URL, st state) (*http.Request, error) {
	var body io.Reader
	if s.cfg.method() == http.MethodPost {
		body = strings.NewReader(s.body.fill(s.values(st)))
	}
	req, err := http.NewRequestWithContext(ctx, s.cfg.method(), target.String(), body)
	if err == nil && s.cfg.Body != "" {
		req.Header.Set("Content-Type", s.cfg.BodyType)
	}
	return req, err
}

// furtherMeaning is what Fingerprint has to hold of the settings in embedded structs; nothing where they are not used, so
// that cursors from before they were there go on working.
func (c Config) furtherMeaning() (parts []string) {
	add := func(set bool, more ...string) {
		if set {
			parts = append(parts, more...)
		}
	}
	add(c.CursorHeader != "", "cursor header", c.CursorHeader)
	add(c.CursorRecordPath != "", "cursor record", c.CursorRecordPath)
	add(c.windowed(), "window", c.WindowStart, c.WindowStartParam, c.WindowEndParam)
	add(c.method() != http.MethodGet, "method", c.Method, c.Body)
	add(c.ChildURL != "", "children", c.ChildURL, c.ParentRecords)
	add(!c.plain(), "format", c.Format)
	add(c.format() == format.CSV, string(format.DelimiterOf(c.Delimiter)), c.Columns)
	return parts
}

// op is the name of what fails in a request.
func (s *Source) op() string { return "http." + s.cfg.method() }
