package format

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// DelimiterOf is the delimiter that a setting names: one character, \t or tab for a tab, nothing for a comma. 0: it names none.
func DelimiterOf(text string) rune {
	switch text {
	case "":
		return ','
	case `\t`, "tab":
		return '\t'
	}
	if r, n := utf8.DecodeRuneInString(text); n == len(text) && r != utf8.RuneError {
		return r
	}
	return 0
}

// WithCSV is o with the settings of csv, if that is its kind.
func (o Options) WithCSV(delimiter string, columns []string) Options {
	if o.Kind != CSV {
		return o
	}
	o.Delimiter = DelimiterOf(delimiter)
	if len(columns) > 0 {
		o.Columns = columns
	}
	return o
}

// CheckCSV says what is wrong with the settings DELIMITER and COLUMNS of a source that reads a kind; nil: nothing.
func CheckCSV(kind, delimiter string, columns []string) error {
	switch {
	case kind != CSV && len(columns) > 0:
		return errors.New("COLUMNS is set, but only FORMAT=csv has columns")
	case kind != CSV:
		return nil
	case DelimiterOf(delimiter) == 0:
		return fmt.Errorf("DELIMITER is %.40q, want one character, or \\t", delimiter)
	}
	if _, err := NewDecoder(strings.NewReader(""), Options{Kind: CSV}.WithCSV(delimiter, columns)); err != nil {
		return fmt.Errorf("DELIMITER or COLUMNS: %w", err)
	}
	return nil
}
