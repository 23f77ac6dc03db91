package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/netaddr"
)

// The ways in which one page leads to the next.
const (
	paginationNone   = "none"   // there is one page
	paginationLink   = "link"   // Link header with rel="next" (RFC 8288)
	paginationNext   = "next"   // URL in the body, at NextPath
	paginationCursor = "cursor" // token in the body, at CursorPath, goes into CursorParam
	paginationPage   = "page"   // PageParam counts pages
	paginationOffset = "offset" // OffsetParam counts records
)

// How since values are read (all) and written (all but text and number, and same).
const (
	sinceText    = "text"
	sinceNumber  = "number"
	sinceUnix    = "unix"
	sinceUnixMs  = "unix_ms"
	sinceRFC3339 = "rfc3339"
	sinceSame    = "same"
)

// Config is read from the environment by internal/config, prefix SLUICE_HTTP.
type Config struct {
	URL     string `split_words:"true" desc:"where to read: an http or https URL, with the query parameters that every request needs. Its name must not lead to this machine, the link or a metadata service; an address of this machine may be written as such"`
	Records string `split_words:"true" desc:"gjson path of the array of records in a page; empty: the whole body, an array or one object. For FORMAT=xml the name of the element that is a record"`

	Pagination  string `split_words:"true" default:"none" desc:"how one page leads to the next: none, link (Link header), next (URL in the body), cursor (token in the body), page, offset"`
	CursorPath  string `split_words:"true" desc:"cursor: gjson path of the token of the next page; absent, null, false, 0 or empty there: no next page"`
	CursorParam string `split_words:"true" desc:"cursor: query parameter that the token goes into"`
	NextPath    string `split_words:"true" desc:"next: gjson path of the URL of the next page; absent, null, false or empty there: no next page"`
	PageParam   string `split_words:"true" default:"page" desc:"page: query parameter of the page number"`
	PageStart   int    `split_words:"true" default:"1" desc:"page: number of the first page"`
	OffsetParam string `split_words:"true" default:"offset" desc:"offset: query parameter of the number of the first record"`
	OffsetStart int    `split_words:"true" default:"0" desc:"offset: number of the first record, 0 or 1"`
	LimitParam  string `split_words:"true" default:"limit" desc:"query parameter of the page size"`
	Limit       int    `split_words:"true" default:"0" desc:"page size, in records; 0: the parameter is not sent"`

	SinceParam  string `split_words:"true" desc:"query parameter set from the newest value seen, inclusive; empty: none"`
	SincePath   string `split_words:"true" desc:"gjson path in a record of the value for SINCE_PARAM"`
	SinceType   string `split_words:"true" default:"text" desc:"how that value is read and compared: text, number, unix, unix_ms, rfc3339"`
	SinceFormat string `split_words:"true" default:"same" desc:"how it is written into the parameter: same (as in the record), unix, unix_ms, rfc3339 (whole seconds, UTC)"`
	SinceStart  string `split_words:"true" desc:"value of the parameter on the first sweep, as the API wants it; empty: the parameter is not sent then"`

	SinceLookback time.Duration `split_words:"true" default:"0s" desc:"how much earlier than the newest value seen a sweep asks, for records that come late; what has been read is skipped. For values that are times; with SINCE_FORMAT=same an RFC 3339 time is written in UTC"`

	FormatConfig
	PagesConfig
	WindowConfig
	BodyConfig
	NestedConfig

	Interval time.Duration `split_words:"true" default:"1m" desc:"wait between two sweeps"`
	Headers  Headers       `split_words:"true" desc:"further request headers, as Name: value, one per line; \\n stands for a line break too"`
	Timeout  time.Duration `split_words:"true" default:"30s" desc:"limit for one request, from connecting to the last byte of the page"`

	AuthConfig
	BudgetConfig

	MaxPageBytes int `split_words:"true" default:"67108864" desc:"how much of a page is held at once, in bytes after decompression; a longer one is read in parts, and one that has to be held whole stops reading (page_too_large), as does one that grows more than 100 times by decompression. Up to three times as much memory is used"`
	// MaxRecordBytes is not enforced here: an item that is too long still has to become a dead letter, whole, so the check
	// is the Parser's, which can reject one item. MaxPageBytes bounds it all the same.
	MaxRecordBytes int `split_words:"true" default:"1048576" desc:"longest record, in bytes; a longer one is set aside"`

	// Now is the clock; nil: the one of the system.
	Now func() time.Time `ignored:"true"`
	// Dial opens the connections; nil: the network does. It is for a source in the same process.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `ignored:"true"`
	// Wrap stands between the source and what makes its requests, to look at them or to answer in its place; nil: nothing does.
	Wrap func(http.RoundTripper) http.RoundTripper `ignored:"true"`
}

// Default returns the Config of an empty environment.
func Default() Config {
	return Config{
		Pagination: paginationNone,
		PageParam:  "page", PageStart: 1, OffsetParam: "offset", LimitParam: "limit",
		SinceType: sinceText, SinceFormat: sinceSame,
		Interval: time.Minute, Timeout: 30 * time.Second,
		MaxPageBytes: 64 << 20, MaxRecordBytes: 1 << 20,
		FormatConfig: FormatConfig{Format: "json", Delimiter: ","}, WindowConfig: defaultWindows(), BodyConfig: defaultBody(),
		AuthConfig: defaultAuth(), BudgetConfig: defaultBudget(),
	}
}

// Validate reports everything that is wrong, not only the first thing. No message shows a secret or a query value.
func (c Config) Validate() error {
	var p problems
	c.checkURL(&p)
	c.checkPagination(&p)
	c.checkSince(&p)
	c.checkWindows(&p)
	c.checkPages(&p)
	c.checkBody(&p)
	c.checkFormat(&p)
	c.checkNested(&p)
	c.checkParams(&p)
	p.positive("INTERVAL", int64(c.Interval), c.Interval)
	p.positive("TIMEOUT", int64(c.Timeout), c.Timeout)
	p.positive("MAX_PAGE_BYTES", int64(c.MaxPageBytes), c.MaxPageBytes)
	p.positive("MAX_RECORD_BYTES", int64(c.MaxRecordBytes), c.MaxRecordBytes)
	if c.Limit < 0 {
		p.add("LIMIT is %d, want 0 or more", c.Limit)
	}
	p.errs = append(p.errs, c.Headers.problems()...)
	c.checkAuth(&p)
	c.checkBudget(&p)
	return errors.Join(p.errs...)
}

// problems collects what is wrong.
type problems struct{ errs []error }

func (p *problems) add(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

func (p *problems) positive(name string, n int64, shown any) {
	if n <= 0 {
		p.add("%s is %v, want more than 0", name, shown)
	}
}

func (p *problems) notNegative(name string, d time.Duration) {
	if d < 0 {
		p.add("%s is %v, want 0 or more", name, d)
	}
}

func (p *problems) oneOf(name, got string, want ...string) {
	if !slices.Contains(want, got) {
		p.add("%s is %q, want one of %s", name, got, strings.Join(want, ", "))
	}
}

func (c Config) checkURL(p *problems) {
	if c.URL == "" {
		p.add("URL is not set")
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		p.add("URL is not a URL")
		return
	case u.Scheme != "http" && u.Scheme != "https":
		p.add("URL has the scheme %q, want http or https", u.Scheme)
		return
	case u.Hostname() == "":
		p.add("URL names no host")
		return
	}
	if u.User != nil {
		p.add("URL holds a user name or password; use USER and PASSWORD, or TOKEN")
	}
	if u.Fragment != "" {
		p.add("URL has a fragment (#…), which no server ever sees; remove it, or write %%23")
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		p.add("URL has a query that cannot be parsed; write %%3B for a semicolon, %%25 for a percent sign")
	}
	if netaddr.Metadata(u.Hostname()) {
		p.add("URL is that of a metadata service, which hands out credentials and has no records")
	}
	if what := c.exposed(u); len(what) > 0 && u.Scheme == "http" && !netaddr.Loopback(u.Hostname()) {
		p.add("URL is plain http to another host, where %s could be read on the way; use https", strings.Join(what, ", "))
	}
}

// exposed lists what of a request is a secret, or sounds like one: the token, headers, query parameters.
func (c Config) exposed(u *url.URL) []string {
	what := c.exposedAuth()
	for _, h := range c.Headers.list {
		if secretHeader(h.name) {
			what = append(what, h.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		if secretName(name) && !slices.Contains([]string{"code", "appid"}, strings.ToLower(name)) { // as often a country as a credential
			what = append(what, "the parameter "+ingest.OneLine(name, 40))
		}
	}
	return what
}

func (c Config) checkPagination(p *problems) {
	p.oneOf("PAGINATION", c.Pagination, paginationNone, paginationLink, paginationNext, paginationCursor, paginationPage, paginationOffset)
	switch c.Pagination {
	case paginationCursor:
		c.checkCursorPlace(p)
		if !c.uses("cursor") {
			p.needs("PAGINATION=cursor", "CURSOR_PARAM", c.CursorParam)
		}
	case paginationNext:
		p.needs("PAGINATION=next", "NEXT_PATH", c.NextPath)
	case paginationPage:
		if !c.uses("page") {
			p.needs("PAGINATION=page", "PAGE_PARAM", c.PageParam)
		}
	case paginationOffset:
		if !c.uses("offset") {
			p.needs("PAGINATION=offset", "OFFSET_PARAM", c.OffsetParam)
		}
	}
	if c.PageStart < 0 {
		p.add("PAGE_START is %d, want 0 or more", c.PageStart)
	}
	if c.OffsetStart < 0 {
		p.add("OFFSET_START is %d, want 0 or more", c.OffsetStart)
	}
	if c.Limit > 0 && !c.uses("limit") {
		p.needs("LIMIT", "LIMIT_PARAM", c.LimitParam)
	}
}

func (p *problems) needs(who, name, value string) {
	if value == "" {
		p.add("%s needs %s, which is not set", who, name)
	}
}

func (c Config) checkSince(p *problems) {
	p.oneOf("SINCE_TYPE", c.SinceType, sinceText, sinceNumber, sinceUnix, sinceUnixMs, sinceRFC3339)
	p.oneOf("SINCE_FORMAT", c.SinceFormat, sinceSame, sinceUnix, sinceUnixMs, sinceRFC3339)
	if (c.SinceType == sinceText || c.SinceType == sinceNumber) && c.SinceFormat != sinceSame {
		p.add("SINCE_FORMAT=%s needs a SINCE_TYPE that is a time (unix, unix_ms, rfc3339), not %s", c.SinceFormat, c.SinceType)
	}
	p.notNegative("SINCE_LOOKBACK", c.SinceLookback)
	if c.SinceLookback > 0 && (c.SinceType == sinceText || c.SinceType == sinceNumber) {
		p.add("SINCE_LOOKBACK needs a SINCE_TYPE that is a time (unix, unix_ms, rfc3339), not %s", c.SinceType)
	}
	if c.SinceParam == "" && !c.uses("since") {
		if c.SincePath != "" {
			p.add("SINCE_PATH is set without SINCE_PARAM, and {{since}} is not in URL or BODY")
		}
		if c.SinceStart != "" {
			p.add("SINCE_START is set without SINCE_PARAM")
		}
		if c.SinceLookback > 0 {
			p.add("SINCE_LOOKBACK is set without SINCE_PARAM")
		}
		return
	}
	p.needs("SINCE_PARAM", "SINCE_PATH", c.SincePath)
}

// dated reports whether sweeps ask for what is as new as a value.
func (c Config) dated() bool { return c.SincePath != "" }

// checkParams finds query parameters that would overwrite each other.
func (c Config) checkParams(p *problems) {
	seen, params, sent := map[string]string{}, c.params(), c.sample()
	if c.APIKeyParam != "" {
		seen[c.APIKeyParam] = "API_KEY_PARAM"
	}
	for _, name := range placeholders {
		param := params[name]
		if _, ok := sent[name]; !ok || param == "" {
			continue
		}
		setting := strings.ToUpper(name) + "_PARAM"
		if other, twice := seen[param]; twice {
			p.add("%s and %s are both %q", other, setting, param)
		}
		seen[param] = setting
	}
}

// positionParam is the query parameter that says which page is wanted, or "" where none does.
func (c Config) positionParam() string {
	switch c.Pagination {
	case paginationCursor:
		return c.CursorParam
	case paginationPage:
		return c.PageParam
	case paginationOffset:
		return c.OffsetParam
	}
	return ""
}
