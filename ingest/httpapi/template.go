package httpapi

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sluice/ingest"
)

// placeholders are the names that a template knows, in the order in which they become query parameters.
var placeholders = []string{"limit", "since", "window_start", "window_end", paginationCursor, paginationPage, paginationOffset}

// The ways in which a value is written into the text around it.
const (
	asText  = iota // as it is
	asPath         // one segment of a path
	asQuery        // a value of a query or of a form
	asJSON         // JSON, inside a string or in the place of a value
	asXML
)

// A template is a text with placeholders: {{name}} or {{name|what stands there while there is no value}}. There are no
// conditions, loops or functions.
type template []part

type part struct {
	text     string // before the placeholder
	name     string // "": the text ends the template
	fallback *string
	style    int
	inString bool // asJSON: between quotes
}

// A value fills a placeholder.
type value struct {
	text   string
	number bool // it may stand in JSON without quotes
}

// parseTemplate reads a template whose values are written in a style; asPath turns into asQuery behind a question mark.
func parseTemplate(text string, style int) (template, error) {
	var t template
	quoted := false
	for {
		before, rest, found := strings.Cut(text, "{{")
		if style == asPath && strings.Contains(before, "?") {
			style = asQuery
		}
		quoted = quotedAfter(before, quoted)
		if !found {
			return append(t, part{text: before}), nil
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, errors.New("has a {{ without }}")
		}
		name, fallback, has := strings.Cut(inside, "|")
		p := part{text: before, name: strings.TrimSpace(name), style: style, inString: style == asJSON && quoted}
		if !slices.Contains(placeholders, p.name) {
			return nil, fmt.Errorf("has the placeholder {{%s}}, which there is not; there are %s", ingest.OneLine(p.name, 40), strings.Join(placeholders, ", "))
		}
		if has {
			p.fallback = &fallback
		}
		t, text = append(t, p), after
	}
}

// quotedAfter reports whether JSON is inside a string behind text, given whether it is before.
func quotedAfter(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && quoted:
			i++
		}
	}
	return quoted
}

// has reports whether the template has the placeholder.
func (t template) has(name string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.name == name })
}

// fill writes the template with values. What has no value is its fallback.
func (t template) fill(values map[string]value) string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
		if p.name == "" {
			continue
		}
		v, ok := values[p.name]
		switch {
		case ok:
			b.WriteString(p.write(v))
		case p.fallback != nil:
			b.WriteString(*p.fallback)
		}
	}
	return b.String()
}

// write is v as it stands in the place of p. In JSON outside a string, a number stands as a number where it is one by its
// nature or the fallback is one, and everything else as a string.
func (p part) write(v value) string {
	switch p.style {
	case asPath:
		return url.PathEscape(v.text)
	case asQuery:
		return url.QueryEscape(v.text)
	case asXML:
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(v.text)) // a Builder takes everything
		return b.String()
	case asJSON:
		if _, ok := number(v.text); ok && !p.inString && (v.number || p.numeric()) {
			return v.text
		}
		text := quoteJSON(v.text)
		if p.inString {
			return text[1 : len(text)-1]
		}
		return text
	}
	return v.text
}

// numeric reports whether the fallback is a number.
func (p part) numeric() bool {
	if p.fallback == nil {
		return false
	}
	_, ok := number(strings.TrimSpace(*p.fallback))
	return ok
}

// quoteJSON writes a JSON string.
func quoteJSON(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always can be written
	return strings.TrimSuffix(b.String(), "\n")
}
