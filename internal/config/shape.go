package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// maxProgram is the most bytes that a file with a program of jq may have.
const maxProgram = 1 << 20

// shaped checks the settings that make records of what is read. Programs of jq are compiled by whoever runs them, and what is
// wrong with their files is told by Programs.
func (c Core) shaped() error {
	_, headers := c.Headers()
	return errors.Join(
		once("FILTER", c.Filter, c.FilterFile),
		once("MAP", c.Map, c.MapFile),
		limit("MAP_TIMEOUT", c.MapTimeout),
		pathOrProgram("RECORD_ID", c.RecordID),
		pathOrProgram("RECORD_KEY", c.RecordKey),
		headers,
	)
}

// once refuses a program that is given twice.
func once(name, program, file string) error {
	if program != "" && file != "" {
		return fmt.Errorf("%s_FILE is set, and %s too; unset one of them", name, name)
	}
	return nil
}

func limit(name string, value time.Duration) error {
	if value <= 0 || value > time.Minute {
		return fmt.Errorf("%s is %v, want more than 0s and at most 1m", name, value)
	}
	return nil
}

// programPrefix begins a path that is a program of jq.
const programPrefix = "jq:"

func pathOrProgram(name, value string) error {
	if program, found := strings.CutPrefix(value, programPrefix); found {
		if strings.TrimSpace(program) == "" {
			return fmt.Errorf("%s is %s, want a program of jq behind it", name, quote(value))
		}
		return nil
	}
	return path(name, value)
}

// Programs returns the programs of Filter and Map, or those in their files.
func (c Core) Programs() (filter, shape string, err error) {
	var errs [2]error
	filter, errs[0] = program("FILTER_FILE", c.Filter, c.FilterFile)
	shape, errs[1] = program("MAP_FILE", c.Map, c.MapFile)
	return filter, shape, errors.Join(errs[:]...)
}

// program is the text, or what is in the file. A file with nothing in it is a mistake: it would let everything pass.
func program(name, text, path string) (string, error) {
	if path == "" {
		return text, nil
	}
	data, err := readSmall(path, maxProgram)
	if err == nil && strings.TrimSpace(string(data)) == "" {
		err = errors.New("there is no program in it")
	}
	if err != nil {
		return "", fmt.Errorf("%s%s: %s: %w", own, name, quote(path), bare(err))
	}
	return string(data), nil
}

// A Header is one of RecordHeaders.
type Header struct{ Name, Path string }

// maxHeaders leaves room for our own: SQS takes 10 attributes.
const maxHeaders = 8

// headerStart matches the beginning of a pair. What follows a comma and does not look like one is part of the path before.
var headerStart = regexp.MustCompile(`(?:^|[,\n])[ \t\r]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=(?:[^=]|$)`)

// keptHeaders are names, or beginnings of names, that mean something to a destination.
var keptHeaders = regexp.MustCompile(`(?i)^(aws|amazon|nats-|x-|sluice-|(cc|bcc)$)`)

// Headers reads RecordHeaders.
func (c Core) Headers() ([]Header, error) {
	text := c.RecordHeaders
	starts := headerStart.FindAllStringSubmatchIndex(text, -1)
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(starts) == 0 || strings.TrimSpace(text[:starts[0][0]]) != "" {
		return nil, fmt.Errorf("RECORD_HEADERS is %s, want Name=path, and more of them after a comma", quote(text))
	}
	var errs []error
	var headers []Header
	seen := map[string]bool{}
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		name, value, _ := strings.Cut(text[at[2]:end], "=")
		h := Header{strings.TrimSpace(name), strings.TrimSpace(value)}
		switch err := pathOrProgram("RECORD_HEADERS", h.Path); {
		case h.Path == "":
			errs = append(errs, fmt.Errorf("RECORD_HEADERS: %s has no path", quote(h.Name)))
		case len(h.Name) > 64:
			errs = append(errs, fmt.Errorf("RECORD_HEADERS: %s is longer than 64 characters", quote(h.Name)))
		case keptHeaders.MatchString(h.Name):
			errs = append(errs, fmt.Errorf("RECORD_HEADERS: %s begins like a name that a destination keeps for itself; choose another", quote(h.Name)))
		case seen[strings.ToLower(h.Name)]:
			errs = append(errs, fmt.Errorf("RECORD_HEADERS: %s comes twice", quote(h.Name)))
		default:
			errs = append(errs, err)
		}
		seen[strings.ToLower(h.Name)] = true
		headers = append(headers, h)
	}
	if len(headers) > maxHeaders {
		errs = append(errs, fmt.Errorf("RECORD_HEADERS has %d headers, want at most %d", len(headers), maxHeaders))
	}
	return headers, errors.Join(errs...)
}
