package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/nearest"
)

// serviceLink matches the variables that Kubernetes and Docker set in every container beside a service called "sluice".
var serviceLink = regexp.MustCompile(`^SLUICE_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// Names are the variables that the sections declare.
func Names(sections []Section) []string {
	var names []string
	for _, s := range sections {
		for _, f := range s.fields() {
			names = append(names, f.key)
			if f.isSecret() {
				names = append(names, f.fileKey())
			}
		}
	}
	return names
}

// unknown returns one line per SLUICE_ variable of the environment that no section declares, in alphabetical order. It
// shows names only: a value behind a mistyped name may be a secret.
func unknown(sections []Section) []string {
	names := Names(sections)
	short := make([]string, len(names))
	for i, name := range names {
		short[i] = strings.TrimPrefix(name, own)
	}
	var lines []string
	for _, pair := range os.Environ() {
		key, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(key, own) || slices.Contains(names, key) || serviceLink.MatchString(key) {
			continue
		}
		hint := "`sluice env` lists all variables"
		if near := nearest.Name(strings.TrimPrefix(key, own), short); near != "" {
			hint = "did you mean " + own + near + "?"
		}
		lines = append(lines, fmt.Sprintf("%s: there is no such variable; %s", key, hint))
	}
	slices.Sort(lines)
	return lines
}
