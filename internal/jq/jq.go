// Package jq compiles and runs jq programs that are pure: what comes out depends on the value that goes in alone. Programs
// that would read anything else (the clock, the environment, another input, a module) or print are refused when they are
// compiled. Numbers on which a program does not compute keep every digit.
package jq

import (
	"context"
	"errors"
	"fmt"

	"github.com/itchyny/gojq"
)

// A Program is compiled. Safe for concurrent use.
type Program struct{ code *gojq.Code }

// Compile compiles a program. The error says what is wrong and, where the syntax is, the line and the column.
func Compile(source string) (*Program, error) {
	query, err := gojq.Parse(source)
	if err != nil {
		return nil, located(source, err)
	}
	if err := pure(query); err != nil {
		return nil, err
	}
	// The environment is kept out too, for the case that a name of it is ever missing from the list.
	code, err := gojq.Compile(query, gojq.WithEnvironLoader(func() []string { return nil }))
	if err != nil {
		return nil, err
	}
	return &Program{code}, nil
}

// located puts the place into a syntax error.
func located(source string, err error) error {
	syntax, ok := errors.AsType[*gojq.ParseError](err)
	if !ok {
		return err
	}
	line, column := 1, 1
	for _, c := range source[:max(0, min(syntax.Offset-len(syntax.Token), len(source)))] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Errorf("%w at line %d, column %d", err, line, column)
}

// Each calls each with every output for v, in order, until there is no more or each fails. v must be as Decode returns it,
// and is not changed; outputs share memory with it. When ctx ends, so does the program, with the cause of it; what is done
// by a single built-in function is not interrupted.
func (p *Program) Each(ctx context.Context, v any, each func(any) error) error {
	outputs := p.code.RunWithContext(ctx, v)
	for {
		out, more := outputs.Next()
		if !more {
			return nil
		}
		if err, failed := out.(error); failed {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		if err := each(out); err != nil {
			return err
		}
	}
}

// errEnough ends a program of which the first output is enough.
var errEnough = errors.New("enough")

// First returns the first output for v; found says whether there is one.
func (p *Program) First(ctx context.Context, v any) (out any, found bool, err error) {
	err = p.Each(ctx, v, func(o any) error {
		out, found = o, true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, found, err
}

// True reports whether jq takes v for true: all is, but null and false.
func True(v any) bool { return v != nil && v != false }
