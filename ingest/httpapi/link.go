package httpapi

import (
	"strings"
)

// nextLink returns the target of the first link with rel="next" in Link headers (RFC 8288), or "".
//
// Links about another resource than the page itself (parameter anchor) do not count, and of several rel parameters of one
// link only the first does, as the RFC demands. What is malformed ends the header it stands in.
func nextLink(headers []string) string {
	for _, h := range headers {
		for h != "" {
			var l link
			if l, h = cutLink(h); l.next && !l.anchored {
				return l.target
			}
		}
	}
	return ""
}

type link struct {
	target         string
	next, anchored bool
}

// cutLink takes the first link off a header.
func cutLink(h string) (l link, rest string) {
	h = strings.TrimLeft(h, " \t,")
	if !strings.HasPrefix(h, "<") {
		return link{}, ""
	}
	target, h, found := strings.Cut(h[1:], ">")
	if !found {
		return link{}, ""
	}
	l.target = strings.TrimSpace(target)
	related := false
	for {
		h = strings.TrimLeft(h, " \t")
		if !strings.HasPrefix(h, ";") {
			break
		}
		var name, value string
		name, value, h = cutParam(h[1:])
		switch {
		case strings.EqualFold(name, "rel") && !related:
			related = true
			for _, relation := range strings.Fields(strings.Trim(value, "'")) { // which some take for quotes
				l.next = l.next || strings.EqualFold(relation, "next")
			}
		case strings.EqualFold(name, "anchor"):
			l.anchored = true
		}
	}
	if h != "" && h[0] != ',' {
		h = "" // malformed: nothing behind it can be trusted
	}
	return l, h
}

// cutParam takes name, name=token or name="text" off the front.
func cutParam(h string) (name, value, rest string) {
	h = strings.TrimLeft(h, " \t")
	end := strings.IndexAny(h, "=;, \t")
	if end < 0 {
		return h, "", ""
	}
	name, h = h[:end], strings.TrimLeft(h[end:], " \t")
	if !strings.HasPrefix(h, "=") {
		return name, "", h
	}
	h = strings.TrimLeft(h[1:], " \t")
	if !strings.HasPrefix(h, `"`) {
		if end = strings.IndexAny(h, ";, \t"); end < 0 {
			end = len(h)
		}
		return name, h[:end], h[end:]
	}
	var text strings.Builder
	for i := 1; i < len(h); i++ {
		switch {
		case h[i] == '"':
			return name, text.String(), h[i+1:]
		case h[i] == '\\' && i+1 < len(h):
			i++
		}
		text.WriteByte(h[i])
	}
	return name, "", "" // the quote is never closed
}
