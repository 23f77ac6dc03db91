package config

import "reflect"

// Differences lists the variables whose values differ between two lists of the same sections, secrets aside. Both have
// been filled by Load.
func Differences(old, fresh []Section) []string {
	var changed []string
	for i := range min(len(old), len(fresh)) {
		before, after := old[i].fields(), fresh[i].fields()
		if len(before) != len(after) {
			continue
		}
		for k, f := range before {
			if !f.isSecret() && !reflect.DeepEqual(f.value.Interface(), after[k].value.Interface()) {
				changed = append(changed, f.key)
			}
		}
	}
	return changed
}
