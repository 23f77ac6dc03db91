package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// own is what all variables of this program begin with.
const own = "SLUICE_"

// Load reads the variables of the used sections into their structs, validates these, and reports everything that is wrong
// at once: one line per problem, which begins with the name of a variable and never shows a secret. A SLUICE_ variable
// that neither a used nor a known section declares is a problem too; known lists the sections that are not selected now,
// so that switching needs no other variable to be removed.
//
// Empty SLUICE_ variables are removed from the environment of the process, because they count as unset. After an error the
// structs must not be used.
func Load(used, known []Section) error {
	dropEmpty()
	var problems []string
	for _, s := range used {
		problems = append(problems, s.load()...)
	}
	problems = append(problems, unknown(append(slices.Clone(used), known...))...)
	return join(problems)
}

// join makes one error of many lines, or nil of none.
func join(lines []string) error {
	errs := make([]error, len(lines))
	for i, line := range lines {
		errs[i] = errors.New(line)
	}
	return errors.Join(errs...)
}

// dropEmpty makes empty variables unset, so that envconfig takes the default instead of failing to parse "".
func dropEmpty() {
	for _, pair := range os.Environ() {
		if key, value, _ := strings.Cut(pair, "="); value == "" && strings.HasPrefix(key, own) {
			_ = os.Unsetenv(key)
		}
	}
}

// load reads and validates one section and returns its problems.
func (s Section) load() []string {
	fields := s.fields()
	var problems []string
	unread := map[string]bool{} // variables that have a problem already
	for _, f := range fields {
		if err := f.load(); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", f.key, err))
			unread[f.key] = true
			_ = f.reset() // Validate must not trip over a field that has been reported
		}
	}
	if c, ok := s.Into.(completer); ok {
		c.complete(os.Getenv)
	}
	for _, line := range s.validate(fields) {
		if name, _, _ := strings.Cut(line, ":"); !unread[name] {
			problems = append(problems, line)
		}
	}
	return problems
}

// A completer fills in what the defaults in the tags cannot say.
type completer interface {
	complete(getenv func(string) string)
}

// load reads one field. Its error goes on from the name of the variable.
func (f field) load() error {
	if f.isSecret() {
		return f.loadSecret()
	}
	raw := os.Getenv(f.key)
	if err := f.refuseOctal(raw); err != nil {
		return err
	}
	err := f.read()
	if err == nil {
		return nil
	}
	var parse *envconfig.ParseError
	if errors.As(err, &parse) && decodes(f.spec.Type) {
		return parse.Err // its own words; it knows what may be shown
	}
	return fmt.Errorf("%s is not %s", quote(raw), wanted(f.spec.Type))
}

// leadingZero matches numbers that envconfig takes for octal.
var leadingZero = regexp.MustCompile(`^[+-]?0[0-9_]`)

// refuseOctal keeps 010 from becoming 8.
func (f field) refuseOctal(raw string) error {
	if kind := f.spec.Type.Kind(); kind < reflect.Int || kind > reflect.Uint64 || f.spec.Type == durationType || !leadingZero.MatchString(raw) {
		return nil
	}
	return fmt.Errorf("%s begins with a zero; write it without", quote(raw))
}

// wanted says in words what a value of type t looks like.
func wanted(t reflect.Type) string {
	switch kind := t.Kind(); {
	case t == durationType:
		return "a duration; write a number and a unit, such as 500ms, 30s, 5m or 1h"
	case kind == reflect.Bool:
		return "true or false"
	case kind >= reflect.Int && kind <= reflect.Int64:
		return fmt.Sprintf("a whole number of at most %d bits", t.Bits())
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 of at most %d bits", t.Bits())
	case kind == reflect.Float32, kind == reflect.Float64:
		return "a number"
	case kind == reflect.Slice:
		return "a list separated by commas, each element " + wanted(t.Elem())
	case kind == reflect.Map:
		return "a list of name:value pairs separated by commas; neither may contain a colon or a comma"
	}
	return "a " + t.String()
}

// quote shows a value that is not a secret, in quotes, and not more than the beginning of it.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}

// validate returns what the struct's own Validate says, one line per problem, each with the whole name of its variable and
// without any secret.
func (s Section) validate(fields []field) []string {
	v, ok := s.Into.(validator)
	if !ok {
		return nil
	}
	var lines []string
	for _, err := range flatten(v.Validate()) {
		lines = append(lines, s.line(err, fields))
	}
	return lines
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// line turns "QUEUE_URL is not set" into "SLUICE_SQS_QUEUE_URL: not set". Text that does not begin with one of the
// variables gets the section's prefix in front.
func (s Section) line(err error, fields []field) string {
	full := map[string]string{}
	for _, f := range fields {
		full[f.key] = f.key
		full[strings.TrimPrefix(f.key, s.Prefix+"_")] = f.key
		if f.isSecret() {
			full[strings.TrimPrefix(f.fileKey(), s.Prefix+"_")] = f.fileKey()
		}
	}
	text := strings.Join(strings.Fields(redact(err.Error(), fields)), " ") // in this order: a secret may have spaces in it
	end := strings.IndexAny(text, " :=")
	if end < 0 || full[text[:end]] == "" {
		return s.Prefix + ": " + spellOut(text, full)
	}
	key, rest := full[text[:end]], spellOut(text[end:], full)
	if rest[0] == '=' {
		return key + rest
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, ":"), " ")
	switch next, _, _ := strings.Cut(rest, " "); next {
	case "and", "or", "with", "without", "needs":
		return key + " " + rest // the sentence would break
	}
	return key + ": " + strings.TrimPrefix(rest, "is ")
}

// variableOrQuoted matches quoted text and what is surely the name of a variable: capitals with an underscore.
var variableOrQuoted = regexp.MustCompile(`"[^"]*"|\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b`)

// spellOut writes the whole names of variables into a text, outside quotes.
func spellOut(text string, full map[string]string) string {
	return variableOrQuoted.ReplaceAllStringFunc(text, func(word string) string {
		if key := full[word]; key != "" {
			return key
		}
		return word
	})
}

// redact is the second net: whatever a Validate said, its text shows no secret of the section.
func redact(text string, fields []field) string {
	for _, f := range fields {
		if f.isSecret() {
			text = hide(text, f.secret().Reveal())
		}
	}
	return text
}

// hide replaces a secret in a text, also where the text has it in quotes or without the spaces around it, unless it is so
// short that it says nothing and would be found anywhere.
func hide(text, secret string) string {
	const shortest = 4
	inQuotes := strconv.Quote(secret)
	for _, form := range []string{secret, inQuotes[1 : len(inQuotes)-1], strings.TrimSpace(secret)} {
		if len(form) >= shortest {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return text
}
