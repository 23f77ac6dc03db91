package httpapi

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sample is how much of an answer a message shows, in bytes.
const sample = 200

// clean makes foreign text fit for a log and a terminal: one line, no control or invisible characters, at most n bytes.
func clean(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// quote is the start of an answer for a message. Servers like to repeat what they did not accept, so the secrets that were
// sent are taken out first.
func (s *Source) quote(start []byte) string {
	text := string(start)
	for _, secret := range s.secrets() {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return clean(text, sample)
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

// secretNames are query parameters that carry credentials, in lower case, without "-", "_" and ".".
var secretNames = []string{
	"key", "apikey", "apitoken", "accesskey", "accesstoken", "subscriptionkey", "appkey", "appid", "token", "authtoken", "auth", "authorization",
	"secret", "clientsecret", "apisecret", "password", "passwd", "pwd", "sig", "signature", "session", "sessionid", "jwt", "code",
}

// secretName reports whether a query parameter sounds like a secret.
func secretName(name string) bool {
	return slices.Contains(secretNames, strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name)))
}

// secretHeader reports whether a header sounds like it carries a credential: Authorization, X-Api-Key, Private-Token.
func secretHeader(name string) bool {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc([]string{"authorization", "auth", "key", "token", "secret", "password", "cookie", "signature", "session", "jwt", "credential", "credentials"},
		func(end string) bool { return strings.HasSuffix(name, end) })
}

// showURL is u with the names of its query parameters and without their values.
func showURL(u *url.URL) string {
	return clean(origin(u)+u.EscapedPath()+hideQuery(u.RawQuery), 400)
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
	return hidden{clean(queries.ReplaceAllString(err.Error(), "?…"), 400), err}
}

type hidden struct {
	text  string
	cause error
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.cause }
