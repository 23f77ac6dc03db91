package command

import (
	"slices"
	"strings"
)

const (
	maxLineShown = 2000 // bytes of a line of standard error that are logged
	maxSaid      = 300  // bytes of it that an error shows
	minSecret    = 4    // shorter values would blot out too much
)

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
