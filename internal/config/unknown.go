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

// unknown returns one line per SLUICE_ variable of the environment that no section declares, in alphabetical order. It
// shows names only: a value behind a mistyped name may be a secret.
func unknown(sections []Section) []string {
	var names []string
	declared := map[string]bool{}
	for _, s := range sections {
		for _, f := range s.fields() {
			if !declared[f.key] {
				names = append(names, strings.TrimPrefix(f.key, own))
			}
			declared[f.key] = true
			if f.isSecret() {
				names = append(names, strings.TrimPrefix(f.fileKey(), own))
				declared[f.fileKey()] = true
			}
		}
	}
	var lines []string
	for _, pair := range os.Environ() {
		key, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(key, own) || declared[key] || serviceLink.MatchString(key) {
			continue
		}
		hint := "`sluice env` lists all variables"
		if near := nearest.Name(strings.TrimPrefix(key, own), names); near != "" {
			hint = "did you mean " + own + near + "?"
		}
		lines = append(lines, fmt.Sprintf("%s: there is no such variable; %s", key, hint))
	}
	slices.Sort(lines)
	return lines
}
