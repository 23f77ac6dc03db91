package httpapi

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/internal/secret"
)

// sample is how much of an answer a message shows, in bytes.
const sample = 200

// quote is the start of an answer for a message. Servers like to repeat what they did not accept, so the secrets that were
// sent are taken out first.
func (s *Source) quote(start []byte) string {
	text := string(start)
	for _, known := range s.secrets() {
		text = strings.ReplaceAll(text, known, "***")
	}
	return ingest.OneLine(text, sample)
}

// secrets lists what must not be printed, longest first: credentials, the values of own headers, and values of query
// parameters that sound like secrets, as they are and as they stand in a URL.
func (s *Source) secrets() []string {
	all := s.credentials()
	for _, h := range s.cfg.Headers.list {
		value := h.value.Reveal()
		all = append(all, value)
		if _, credentials, found := strings.Cut(value, " "); found {
			all = append(all, credentials) // "Basic …", "ApiKey …"
		}
	}
	for name, values := range s.base.Query() {
		if secretName(name) {
			all = append(all, values...)
		}
	}
	for _, v := range all {
		all = append(all, url.QueryEscape(v), url.PathEscape(v))
	}
	all = slices.DeleteFunc(all, func(v string) bool { return len(v) < 4 }) // "1" would blot out every 1
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// plainHeaders are headers whose values say how an answer should look, and open nothing.
var plainHeaders = regexp.MustCompile(`^(Accept(-.*)?|Content-Type|Prefer|User-Agent|.*-Version)$`)

// Secrets lists what the settings hold that must not be shown, as it is at this moment. Values of headers of the user's own are
// among it, unless their names say that they open nothing.
func (s *Source) Secrets() []string {
	harmless := map[string]bool{}
	for _, h := range s.cfg.Headers.list {
		value := h.value.Reveal()
		_, rest, _ := strings.Cut(value, " ")
		for _, v := range []string{value, rest} {
			for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v)} {
				known, seen := harmless[form]
				harmless[form] = plainHeaders.MatchString(h.name) && (known || !seen)
			}
		}
	}
	return slices.DeleteFunc(s.secrets(), func(v string) bool { return harmless[v] })
}

// secretName reports whether a query parameter sounds like a secret.
func secretName(name string) bool { return secret.Param(name) }

// secretHeader reports whether a header sounds like it carries a credential: Authorization, X-Api-Key, Private-Token.
func secretHeader(name string) bool { return secret.Header(name) }

// showURL is u with the names of its query parameters and without their values.
func showURL(u *url.URL) string {
	return ingest.OneLine(origin(u)+u.EscapedPath()+hideQuery(u.RawQuery), 400)
}

// hideQuery is a query, with the "?", that keeps the names only.
func hideQuery(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		if name, _, found := strings.Cut(p, "="); found {
			parts[i] = name + "=…"
		} else {
			parts[i] = "…"
		}
	}
	return "?" + strings.Join(parts, "&")
}

var queries = regexp.MustCompile(`\?[^\s"']*`)

// hideURLs returns err with a text that shows no query and no control characters; what errors.Is finds stays.
func hideURLs(err error) error {
	return hidden{ingest.OneLine(queries.ReplaceAllString(err.Error(), "?…"), 400), err}
}

type hidden struct {
	text  string
	cause error
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.cause }
