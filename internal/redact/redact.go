// Package redact takes secrets out of what is shown to people or written into files that they share: the secrets that the
// program was given, wherever they stand and however they are escaped, and what stands under names that sound like secrets,
// in query strings, headers, forms and JSON.
//
// It cannot know a secret under a harmless name, nor names in formats other than these (CSV, XML).
package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/secret"
)

const (
	hidden = "***"
	// leastGiven and leastFound are the lengths, in bytes, from which a secret is looked for elsewhere, too. "1" would blot out
	// every 1. What only a name made a secret has to be longer: it may be an ordinary word.
	leastGiven = 4
	leastFound = 8
)

// numbered is what stands for a secret where different secrets have to stay different.
var numbered = regexp.MustCompile(`REDACTED-[0-9]+`)

// A Redactor replaces secrets. It remembers what a name has shown to be one, and finds it elsewhere from then on. Not safe
// for concurrent use.
type Redactor struct {
	number bool
	marks  map[string]string // what stands for each secret
	forms  [][2]string       // the ways to write a secret that is looked for, and its mark
	given  []string
	swap   *strings.Replacer // of forms; nil: to be made
}

// Hiding returns a Redactor that puts *** in the place of every secret.
func Hiding(secrets []string) *Redactor { return redactor(secrets, false) }

// Numbering returns a Redactor that puts REDACTED-1, REDACTED-2 … in the place of secrets, the same for the same one, so that
// what depended on one of them still does.
func Numbering(secrets []string) *Redactor { return redactor(secrets, true) }

func redactor(secrets []string, number bool) *Redactor {
	r := &Redactor{number: number, marks: map[string]string{}}
	for _, s := range secrets {
		if s != "" {
			r.learn(s, leastGiven)
			r.given = append(r.given, s)
		}
	}
	return r
}

// Secret returns what stands for value, which is a secret, and remembers it.
func (r *Redactor) Secret(value string) string { return r.learn(value, leastGiven) }

// learn notes a secret, to be looked for if it has at least so many bytes, and returns what stands for it.
func (r *Redactor) learn(value string, least int) string {
	if value == "" || value == hidden || numbered.FindString(value) == value {
		return value
	}
	if mark, known := r.marks[value]; known {
		return mark
	}
	mark := hidden
	if r.number {
		mark = fmt.Sprintf("REDACTED-%d", len(r.marks)+1)
	}
	r.marks[value] = mark
	if len(value) >= least {
		for _, form := range forms(value) {
			r.forms = append(r.forms, [2]string{form, mark})
		}
		slices.SortStableFunc(r.forms, func(a, b [2]string) int { return len(b[0]) - len(a[0]) })
		r.swap = nil
	}
	return mark
}

// forms are the ways in which a secret may stand in a text.
func forms(value string) []string {
	quoted, _ := json.Marshal(value)
	all := []string{value, string(quoted[1 : len(quoted)-1]), url.QueryEscape(value), url.PathEscape(value),
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))}
	slices.Sort(all)
	return slices.Compact(all)
}

// known replaces the secrets that are known.
func (r *Redactor) known(text string) string {
	if r.swap == nil {
		var pairs []string
		for _, f := range r.forms {
			pairs = append(pairs, f[0], f[1])
		}
		r.swap = strings.NewReplacer(pairs...)
	}
	return r.swap.Replace(text)
}

// Holds reports whether data shows a secret that the Redactor was given, in any of its forms.
func (r *Redactor) Holds(data string) bool {
	for _, s := range r.given {
		if len(s) < leastGiven {
			continue
		}
		for _, form := range forms(s) {
			if strings.Contains(data, form) {
				return true
			}
		}
	}
	return false
}

// Longest is the length of the longest form of a secret that is known, in bytes.
func (r *Redactor) Longest() int {
	longest := 0
	for _, f := range r.forms {
		longest = max(longest, len(f[0]))
	}
	return longest
}

// parameter matches name=value in a URL within a text.
var parameter = regexp.MustCompile(`([?&])([A-Za-z0-9_.\-]{1,64})=([^&#\s"'<>\\]+)`)

// Text replaces the known secrets in a text, and what URLs in it have in parameters that sound like secrets.
func (r *Redactor) Text(text string) string {
	text = r.known(text)
	if !strings.Contains(text, "=") {
		return text
	}
	return parameter.ReplaceAllStringFunc(text, func(found string) string {
		m := parameter.FindStringSubmatch(found)
		if !opens(m[2]) || harmless[strings.ToLower(m[2])] {
			return found
		}
		return m[1] + m[2] + "=" + r.parameter(m[3])
	})
}

// harmless are parameters that in a URL which somebody else has written are as often a country as a credential.
var harmless = map[string]bool{"code": true, "appid": true}

// opens reports whether a parameter of this name carries a credential.
func opens(name string) bool {
	low := strings.ToLower(name)
	return secret.Param(name) || secret.Field(name) || strings.HasSuffix(low, "signature") || strings.HasSuffix(low, "credential") || strings.HasSuffix(low, "assertion")
}

// parameter is what stands for the value of a parameter that is a secret, as it is written in a query.
func (r *Redactor) parameter(raw string) string {
	value, err := url.QueryUnescape(raw)
	if err != nil {
		value = raw
	}
	return r.learn(value, leastFound)
}

// Query redacts the query of a URL, or a form: the parameters that sound like secrets, and known secrets anywhere. What is no
// secret stays as it was written.
func (r *Redactor) Query(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if found && opens(plain) {
			parts[i] = name + "=" + r.parameter(value)
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil && found {
			if shown := r.Text(decoded); shown != decoded {
				part = name + "=" + url.QueryEscape(shown)
			}
		}
		parts[i] = r.known(part)
	}
	return strings.Join(parts, "&")
}

// URL redacts an address. User and password go altogether.
func (r *Redactor) URL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: r.known(u.Path), RawQuery: u.RawQuery}
	if shown.Path == u.Path {
		shown.RawPath = u.RawPath
	}
	if u.RawQuery != "" {
		shown.RawQuery = r.Query(u.RawQuery)
	}
	return shown.String()
}

// Header redacts the value of a header.
func (r *Redactor) Header(name, value string) string {
	if !secret.Header(name) {
		return r.Text(value)
	}
	if low := strings.ToLower(name); strings.HasSuffix(low, "cookie") {
		for part := range strings.SplitSeq(value, ";") {
			if _, held, found := strings.Cut(part, "="); found {
				r.learn(strings.TrimSpace(held), leastFound)
			}
			if strings.HasPrefix(low, "set") {
				break // what follows says how long it lasts and where it goes
			}
		}
	}
	if scheme, credentials, found := strings.Cut(value, " "); found && !strings.ContainsAny(scheme, "=;,") { // "Basic …", "ApiKey …"
		return scheme + " " + r.learn(credentials, leastFound)
	}
	return r.learn(value, leastFound)
}

// Body redacts what a message of this media type holds.
func (r *Redactor) Body(kind string, data []byte) []byte {
	switch trimmed := strings.TrimLeft(string(data[:min(len(data), 64)]), " \t\r\n\ufeff"); {
	case trimmed != "" && strings.Contains(`{["`, trimmed[:1]):
		return r.JSON(data)
	case strings.HasPrefix(strings.ToLower(kind), "application/x-www-form-urlencoded"):
		return []byte(r.Query(string(data)))
	}
	return []byte(r.Text(string(data)))
}
