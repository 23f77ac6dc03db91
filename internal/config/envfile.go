package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"unicode/utf8"
)

// maxEnvFile is the most bytes that a file of variables may have.
const maxEnvFile = 1 << 20

// An EnvFile is a file of variables that has been loaded into the environment of the process.
type EnvFile struct {
	path string
	mine map[string]bool // the variables whose value comes from the file
	not  map[string]bool // the variables that were set before, and win
}

// LoadEnvFile puts the variables of a .env file into the environment of the process, where envconfig and the AWS SDK look
// for them. Variables that are set already win, empty ones included. Errors name the file and the line, never a value; on
// an error nothing has been set.
//
// A line is NAME=VALUE, with or without "export " in front; empty lines and lines that begin with # are skipped. A value
// without quotes ends at the end of the line or at a # after a space, and loses the spaces around it. Between single quotes
// everything stands for itself. Between double quotes \n \r \t \\ \" and \$ are read as in Go or the shell, and any other
// backslash is an error. Quoted values may go over several lines, and a # in them is part of the value. Nothing is
// expanded: $ is a dollar sign. Where a name comes twice, the later line wins.
func LoadEnvFile(path string) (*EnvFile, error) {
	e := &EnvFile{path: path, mine: map[string]bool{}, not: map[string]bool{}}
	if err := e.load(); err != nil {
		return nil, err
	}
	return e, nil
}

// Reload reads the file again and sets the variables that came from it, and those that are new and not set otherwise.
// Variables that have gone from the file are unset. On an error nothing changes. Undo makes all as it was before, for the
// case that something else turns out to be wrong.
func (e *EnvFile) Reload() (undo func(), err error) {
	values, mine, not := map[string]string{}, maps.Clone(e.mine), maps.Clone(e.not)
	for name := range mine {
		if value, set := os.LookupEnv(name); set {
			values[name] = value
		}
	}
	if err := e.load(); err != nil {
		return nil, err
	}
	return func() {
		for name := range e.mine {
			_ = os.Unsetenv(name)
		}
		for name, value := range values {
			_ = os.Setenv(name, value)
		}
		e.mine, e.not = mine, not
	}, nil
}

// readVariables reads the assignments in the file at path. Errors name the file and the line, never a value.
func readVariables(path string) ([]variable, error) {
	data, err := readSmall(path, maxEnvFile)
	if err != nil {
		return nil, fmt.Errorf("env file: %w", err)
	}
	vars, err := parseEnv(string(data))
	if err != nil {
		var at *lineError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("%s:%d: %s", path, at.line, at.what)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return vars, nil
}

func (e *EnvFile) load() error {
	vars, err := readVariables(e.path)
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for _, v := range vars {
		present[v.name] = true
		if _, set := os.LookupEnv(v.name); set && !e.mine[v.name] {
			e.not[v.name] = true // remembered, because Load removes empty ones
		}
		if e.not[v.name] {
			continue
		}
		if err := os.Setenv(v.name, v.value); err != nil {
			return fmt.Errorf("%s: set %s: %w", e.path, v.name, err)
		}
		e.mine[v.name] = true
	}
	for name := range e.mine {
		if !present[name] {
			_ = os.Unsetenv(name)
			delete(e.mine, name)
		}
	}
	return nil
}

// A variable is one assignment of a file.
type variable struct{ name, value string }

// A lineError says what is wrong in which line, without showing any of it.
type lineError struct {
	line int
	what string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// A scanner reads a file of variables.
type scanner struct {
	text string
	at   int // bytes read
	line int // of at, from 1
}

// parseEnv reads all assignments in a text, in order.
func parseEnv(text string) ([]variable, error) {
	text = strings.TrimPrefix(text, "\ufeff") // a byte order mark, as some editors write it
	text = strings.ReplaceAll(text, "\r\n", "\n")
	switch {
	case !utf8.ValidString(text):
		return nil, errors.New("this is not text in UTF-8")
	case strings.ContainsRune(text, 0):
		return nil, errors.New("there is a zero byte in it, which no variable can hold")
	}
	s := &scanner{text: text, line: 1}
	var vars []variable
	for s.skipToName() {
		v, err := s.assignment()
		if err != nil {
			return nil, err
		}
		vars = append(vars, v)
	}
	return vars, nil
}

// skipToName moves over empty lines and comments and reports whether there is anything after them.
func (s *scanner) skipToName() bool {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			s.line++
			s.at++
		case ' ', '\t':
			s.at++
		case '#':
			s.restOfLine()
		default:
			return true
		}
	}
	return false
}

// restOfLine returns what is left of the line and moves to its end.
func (s *scanner) restOfLine() string {
	rest, _, _ := strings.Cut(s.text[s.at:], "\n")
	s.at += len(rest)
	return rest
}

func (s *scanner) errorf(line int, format string, args ...any) error {
	return &lineError{line: line, what: fmt.Sprintf(format, args...)}
}

func (s *scanner) assignment() (variable, error) {
	start, line := s.at, s.line
	head, _, found := strings.Cut(s.restOfLine(), "=")
	if !found {
		return variable{}, s.errorf(line, "there is no = in it; want NAME=VALUE")
	}
	s.at = start + len(head) + len("=")
	name := strings.TrimSpace(head)
	if words := strings.Fields(name); len(words) == 2 && words[0] == "export" {
		name = words[1]
	}
	if !isName(name) {
		return variable{}, s.errorf(line, "what stands before the = is not the name of a variable; want letters, digits and _, not beginning with a digit")
	}
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	value, err := s.value(name)
	return variable{name, value}, err
}

func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// value reads the value of the variable called name, and the rest of its last line.
func (s *scanner) value(name string) (string, error) {
	if s.at == len(s.text) || s.text[s.at] != '"' && s.text[s.at] != '\'' {
		return s.bare(), nil
	}
	first := s.line
	value, err := s.quoted(name)
	if err != nil {
		return "", err
	}
	if rest := strings.TrimSpace(s.restOfLine()); rest != "" && !strings.HasPrefix(rest, "#") {
		return "", s.errorf(s.line, "there is text after the closing quote of %s, which begins in line %d; "+
			"put the whole value into quotes, with \\\" for a quote in it", name, first)
	}
	return value, nil
}

// bare reads a value without quotes.
func (s *scanner) bare() string {
	rest := s.restOfLine()
	for i := range rest {
		if rest[i] == '#' && (i == 0 || rest[i-1] == ' ' || rest[i-1] == '\t') {
			rest = rest[:i]
			break
		}
	}
	return strings.TrimSpace(rest)
}

// escapes holds what may follow a backslash between double quotes, and what it means.
const escapes = "n\nr\rt\t\\\\\"\"$$"

// quoted reads a value between quotes.
func (s *scanner) quoted(name string) (string, error) {
	first, quote := s.line, s.text[s.at]
	var value strings.Builder
	for s.at++; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case c == quote:
			s.at++
			return value.String(), nil
		case c == '\\' && quote == '"':
			s.at++
			meaning, ok := unescape(s.text[s.at:])
			if !ok {
				return "", s.errorf(s.line, "in the value of %s a backslash stands before a character that needs none; "+
					"write \\\\ for a backslash, or use single quotes", name)
			}
			value.WriteByte(meaning)
		default:
			if c == '\n' {
				s.line++
			}
			value.WriteByte(c)
		}
	}
	return "", s.errorf(first, "the quote that opens the value of %s is never closed", name)
}

// unescape returns the meaning of the first byte of rest after a backslash.
func unescape(rest string) (byte, bool) {
	if rest == "" {
		return 0, false
	}
	for i := 0; i < len(escapes); i += 2 {
		if escapes[i] == rest[0] {
			return escapes[i+1], true
		}
	}
	return 0, false
}

// Quoted is a value as it has to stand in a file of variables.
func Quoted(value string) string {
	if !strings.ContainsAny(value, " \t\r\n#'\"\\$") && value != "" {
		return value
	}
	if !strings.ContainsAny(value, "'\r") {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`, `\`, `\\`, `"`, `\"`, "$", `\$`).Replace(value) + `"`
}
