package command

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLineShown = 2000 // bytes of a line of standard error that are logged
	maxSaid      = 300  // bytes of it that an error shows
	minSecret    = 4    // shorter values would blot out too much
)

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

// hide returns text without the secrets, which are sorted with the longest first.
func hide(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// longestFirst drops what is too short to be hidden, and sorts the rest so that no secret hides a part of another.
func longestFirst(secrets []string) []string {
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < minSecret })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return secrets
}

// secretEnds are how the names of flags and variables end that carry credentials, in lower case, without "-" and "_".
var secretEnds = []string{"token", "secret", "password", "passwd", "apikey", "accesskey", "secretkey", "privatekey", "credentials", "auth", "pat"}

// secretName reports whether a flag or a variable sounds like a secret.
func secretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(name, end) })
}
