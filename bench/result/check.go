package result

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice/bench/cost"
)

// sets are the closed sets of values, by struct and field.
var sets = map[string][]string{
	"File.schema":        {Schema},
	"Target.kind":        {AWS, StandIn, Embedded, Local, Remote, Null},
	"Target.consumer":    {"own", "reply", "receipts"},
	"Phase.kind":         {"open", "closed"},
	"Step.kind":          {"open", "closed"},
	"Comparison.verdict": {ABetter, BBetter, Equivalent, Inconclusive, NoVerdict},
}

// signed are the numbers that may be below zero, by struct and field: a record can be seen before its acceptance is, and a
// fit can be worse than the mean.
var signed = []string{"Second.backlog", "Step.backlog_slope", "USL.r2", "Check.value", "Check.limit"}

// check reports the first place where f says what no run does. A reader that takes the numbers as they are can then rely
// on them: a gate must not open because somebody has edited a count.
func (f *File) check() error {
	if err := values(reflect.ValueOf(f).Elem(), ""); err != nil {
		return err
	}
	if sum := sha256.Sum256([]byte(f.Workload.Doc)); f.Workload.SHA256 != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("has a workload.sha256 that is not that of workload.doc, which is %x", sum)
	}
	if _, err := cost.ParseBook([]byte(f.PriceBook.Doc)); err != nil {
		return fmt.Errorf("has a price_book.doc that cannot be read: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if err := f.described(); err != nil {
		return err
	}
	return f.drawn()
}

// values walks all numbers and closed sets below v, whose place in the file is path.
func values(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return values(v.Elem(), path)
		}
	case reflect.Struct:
		return fields(v, path)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := values(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if err := values(v.MapIndex(key), fmt.Sprintf("%s[%q]", path, key)); err != nil {
				return err
			}
		}
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 {
			return fmt.Errorf("has %d in %s, want 0 or more", v.Int(), path)
		}
	case reflect.Float64:
		if v.Float() < 0 {
			return fmt.Errorf("has %v in %s, want 0 or more", v.Float(), path)
		}
	}
	return nil
}

func fields(v reflect.Value, path string) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue // those of a time
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		place := strings.TrimPrefix(path+"."+name, ".")
		kind := v.Type().Name() + "." + name
		if set, text := sets[kind], v.Field(i); set != nil && !slices.Contains(set, text.String()) {
			return fmt.Errorf("has %q in %s, want one of %s", text, place, strings.Join(set, ", "))
		}
		if slices.Contains(signed, kind) {
			continue
		}
		if err := values(v.Field(i), place); err != nil {
			return err
		}
	}
	return nil
}

// described reports what is about a transport without exactly one target: nobody could say what its far end was.
func (f *File) described() error {
	targets := map[string]int{}
	for i, t := range f.Targets {
		if targets[t.Transport]++; targets[t.Transport] > 1 {
			return fmt.Errorf("has a second target of %q in targets[%d]", t.Transport, i)
		}
	}
	absent := func(list string, i int, transport string) error {
		if targets[transport] > 0 {
			return nil
		}
		return fmt.Errorf("has no target for the transport %q of %s[%d]", transport, list, i)
	}
	for i, t := range f.Trials {
		if err := absent("trials", i, t.Transport); err != nil {
			return err
		}
	}
	for i, s := range f.Searches {
		if err := absent("searches", i, s.Transport); err != nil {
			return err
		}
	}
	for i, c := range f.Comparisons {
		for _, transport := range []string{c.A, c.B} {
			if err := absent("comparisons", i, transport); err != nil {
				return err
			}
		}
	}
	return nil
}

// drawn reports a histogram that cannot be read.
func (f *File) drawn() error {
	for i := range f.Trials {
		for j := range f.Trials[i].Phases {
			all := reflect.ValueOf(f.Trials[i].Phases[j].HDR)
			for k := range all.NumField() {
				if _, err := DecodeHistogram(all.Field(k).String()); err != nil {
					return fmt.Errorf("has no histogram in trials[%d].phases[%d].hdr.%s: %w", i, j, all.Type().Field(k).Tag.Get("json"), err)
				}
			}
		}
	}
	return nil
}
