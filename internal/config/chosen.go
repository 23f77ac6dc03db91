package config

import (
	"os"

	"sluice/internal/secret"
)

// A Setting is a variable that has been set.
type Setting struct {
	Name   string // SLUICE_HTTP_URL; of a secret never the one with _FILE at its end
	Value  string // as it stands in the environment; of a secret what its file says
	Secret bool
}

// Chosen lists the variables of sections that Load has filled and that were set, in the order of the reference.
func Chosen(used []Section) []Setting {
	var all []Setting
	for _, s := range used {
		for _, f := range s.fields() {
			switch {
			case f.isSecret() && f.secret().IsSet():
				all = append(all, Setting{f.key, f.secret().Reveal(), true})
			case !f.isSecret() && os.Getenv(f.key) != "":
				all = append(all, Setting{f.key, os.Getenv(f.key), false})
			}
		}
	}
	return all
}

// Secrets lists the secrets of sections that Load has filled, those too that are not set and may be some day.
func Secrets(used []Section) []secret.Value {
	var all []secret.Value
	for _, s := range used {
		for _, f := range s.fields() {
			if f.isSecret() {
				all = append(all, f.secret())
			}
		}
	}
	return all
}

// ParseEnvFile reads a file as LoadEnvFile does, and changes nothing.
func ParseEnvFile(path string) (map[string]string, error) {
	vars, err := readVariables(path)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, v := range vars {
		values[v.name] = v.value
	}
	return values, nil
}
