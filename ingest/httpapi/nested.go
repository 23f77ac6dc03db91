package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"
)

// NestedConfig is about requests that a list leads to.
type NestedConfig struct {
	DetailURL     string `split_words:"true" desc:"path of the detail of a record in the list, with gjson paths of the record in braces: /items/{id}. It is asked for with GET for every new record, on the same origin"`
	DetailPath    string `split_words:"true" desc:"gjson path of the detail in the answer to DETAIL_URL; empty: the whole answer"`
	DetailInto    string `split_words:"true" desc:"name of the field of the record that the detail goes into; empty: the detail takes the place of the record"`
	ChildURL      string `split_words:"true" desc:"path of the pages of a parent, with gjson paths of the parent in braces: /repos/{name}/issues. The list at URL is then one of parents, up to 1000, and what is delivered are the records of their pages, for which PAGINATION, SINCE and WINDOW hold"`
	ParentRecords string `split_words:"true" desc:"CHILD_URL: gjson path of the array of parents in the list; empty: the whole body. RECORDS is then that of the children"`
}

func (c Config) checkNested(p *problems) {
	for _, t := range [][2]string{{"DETAIL_URL", c.DetailURL}, {"CHILD_URL", c.ChildURL}} {
		if t[1] == "" {
			continue
		}
		if err := parseBraces(t[1]).check(); err != nil {
			p.add("%s %v", t[0], err)
		}
		if !c.plain() {
			p.add("%s needs FORMAT=json", t[0])
		}
	}
	if c.DetailURL == "" && (c.DetailPath != "" || c.DetailInto != "") {
		p.add("DETAIL_PATH or DETAIL_INTO is set without DETAIL_URL")
	}
	if c.ChildURL == "" {
		if c.ParentRecords != "" {
			p.add("PARENT_RECORDS is set without CHILD_URL")
		}
		return
	}
	if c.method() != "GET" {
		p.add("CHILD_URL needs METHOD=GET")
	}
	if address, _ := c.templates(); len(address) > 1 {
		p.add("CHILD_URL is set, and URL has placeholders; the list of parents is always read whole")
	}
	if c.CursorRecordPath != "" {
		p.add("CHILD_URL does not go with CURSOR_RECORD_PATH, which would have to fit parents and children")
	}
}

// braces is a path and query with gjson paths in braces: texts and names take turns, and a text is first and last.
type braces []string

func parseBraces(text string) braces {
	var b braces
	for {
		before, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return append(b, text)
		}
		b, text = append(b, before, name), after
	}
}

// check reports what is wrong with the setting.
func (b braces) check() error {
	switch {
	case !strings.HasPrefix(b[0], "/") || strings.HasPrefix(b[0], "//"):
		return errors.New("has to be a path from the root of the same server, such as /items/{id}")
	case len(b) == 1:
		return errors.New("names nothing in braces, so that it would be the same for all; write /items/{id}")
	}
	for i, part := range b {
		switch {
		case i%2 == 1 && strings.TrimSpace(part) == "":
			return errors.New("has {} without a gjson path in it")
		case strings.ContainsAny(part, "{}#") && i%2 == 0, strings.Contains(part, "{"):
			return errors.New("has a brace without its other half, or a #")
		}
	}
	if _, err := url.Parse("http://h" + strings.Join(b, "")); err != nil {
		return errors.New("is no path and query")
	}
	return nil
}

// fill writes the path with the values of a record.
func (b braces) fill(record []byte) (string, error) {
	var out strings.Builder
	query := false
	for i, part := range b {
		if i%2 == 0 {
			query = query || strings.Contains(part, "?")
			out.WriteString(part)
			continue
		}
		v := gjson.GetBytes(record, part)
		text := v.String()
		if v.Type == gjson.Number {
			text = v.Raw // String would go through float64
		}
		switch {
		case v.Type != gjson.String && v.Type != gjson.Number && v.Type != gjson.True && v.Type != gjson.False || text == "":
			return "", fmt.Errorf("it has nothing at {%s} that an address can be made of", part)
		case text == "." || text == ".." || len(text) > maxValue:
			return "", fmt.Errorf("what it has at {%s} makes no address", part)
		case query:
			out.WriteString(url.QueryEscape(text))
		default:
			out.WriteString(url.PathEscape(text))
		}
	}
	return out.String(), nil
}
