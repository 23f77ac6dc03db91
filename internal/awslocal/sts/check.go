package sts

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The patterns of the service's model.
var (
	anyCharacter   = regexp.MustCompile(`^[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+$`)
	nameCharacters = regexp.MustCompile(`^[\w+=,.@-]*$`)
	idCharacters   = regexp.MustCompile(`^[\w+=,.@:\/-]*$`)
	roleARNs       = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)
	notSupported   = regexp.MustCompile(`^(Policy|PolicyArns\..*|Tags\..*|TransitiveTagKeys\..*|ProvidedContexts\..*|SerialNumber|TokenCode)$`)
)

// A checker reads parameters and collects what is wrong with them, worded as AWS words it.
type checker struct {
	form     url.Values
	problems []string
}

func (c *checker) complain(value, name, constraint string) {
	first, size := utf8.DecodeRuneInString(name)
	c.problems = append(c.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s",
		value, string(unicode.ToLower(first))+name[size:], constraint))
}

// text returns a parameter of shortest to longest characters that matches pattern.
func (c *checker) text(name string, required bool, shortest, longest int, pattern *regexp.Regexp) string {
	s := c.form.Get(name)
	if !c.form.Has(name) {
		if required {
			c.complain("null", name, "not be null")
		}
		return ""
	}
	quoted := "'" + s + "'"
	if n := utf8.RuneCountInString(s); n > longest {
		c.complain(quoted, name, fmt.Sprintf("have length less than or equal to %d", longest))
	} else if n < shortest {
		c.complain(quoted, name, fmt.Sprintf("have length greater than or equal to %d", shortest))
	}
	if !pattern.MatchString(s) {
		c.complain(quoted, name, "satisfy regular expression pattern: "+strings.Trim(pattern.String(), "^$"))
	}
	return s
}

// number returns a parameter of least to most, or fallback if it is absent.
func (c *checker) number(name string, fallback, least, most int) int {
	if !c.form.Has(name) {
		return fallback
	}
	s := c.form.Get(name)
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		c.complain("'"+s+"'", name, "be a number")
	case n > most:
		c.complain("'"+s+"'", name, fmt.Sprintf("have value less than or equal to %d", most))
	case n < least:
		c.complain("'"+s+"'", name, fmt.Sprintf("have value greater than or equal to %d", least))
	}
	return n
}

func (c *checker) result() *fault {
	switch n := len(c.problems); n {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: " + c.problems[0])
	default:
		return invalid(fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(c.problems, "; ")))
	}
}

func invalid(message string) *fault { return &fault{"ValidationError", 400, message} }
