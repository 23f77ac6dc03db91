package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
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
				names = append(names, f.key)
			}
			declared[f.key] = true
			if f.isSecret() {
				names = append(names, f.fileKey())
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
		if near := nearest(key, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		lines = append(lines, fmt.Sprintf("%s: there is no such variable; %s", key, hint))
	}
	slices.Sort(lines)
	return lines
}

// nearest returns the name with the fewest edits between it and key, or "" if even that one is nothing like it.
func nearest(key string, names []string) string {
	key = strings.TrimPrefix(key, own)
	best, fewest := "", max(2, len(key)/2)+1
	for _, name := range names {
		if d := distance(key, strings.TrimPrefix(name, own)); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
