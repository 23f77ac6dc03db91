package workload

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/workload.md anew")

const page = "../../docs/workload.md"

// blocks are the structs of a workload, in the order in which the page explains them.
func blocks() []struct {
	name string
	of   reflect.Type
} {
	return []struct {
		name string
		of   reflect.Type
	}{
		{"workload", reflect.TypeFor[Workload]()}, {"records", reflect.TypeFor[Records]()}, {"size", reflect.TypeFor[Size]()}, {"keys", reflect.TypeFor[Keys]()},
		{"phases", reflect.TypeFor[Phase]()}, {"search", reflect.TypeFor[Ladder]()}, {"batching", reflect.TypeFor[Batching]()},
		{"transports", reflect.TypeFor[Side]()}, {"consumer", reflect.TypeFor[Consumer]()}, {"faults", reflect.TypeFor[Fault]()},
		{"trials", reflect.TypeFor[Trials]()}, {"budget", reflect.TypeFor[Budget]()},
	}
}

// table is the reference of one struct, from its tags.
func table(of reflect.Type) string {
	var b strings.Builder
	b.WriteString("| Key | Value | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range slices.Collect(func(yield func(reflect.StructField) bool) {
		for i := range of.NumField() {
			if key := of.Field(i).Tag.Get("yaml"); key != "" && key != "-" && !yield(of.Field(i)) {
				return
			}
		}
	}) {
		fallback := f.Tag.Get("default")
		switch {
		case f.Tag.Get("need") != "":
			fallback = "**needed**"
		case fallback != "":
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Tag.Get("yaml"), value(f), fallback, strings.ReplaceAll(f.Tag.Get("desc"), "|", `\|`))
	}
	return b.String()
}

// value says what a key takes: unit and bounds.
func value(f reflect.StructField) string {
	low, high, t := f.Tag.Get("min"), f.Tag.Get("max"), f.Type
	text := ""
	switch t {
	case durationType:
		text = "time"
	case reflect.TypeFor[PerSecond](), reflect.TypeFor[RateOrAuto]():
		text = "rate"
	case reflect.TypeFor[Bytes]():
		text = "length"
	case reflect.TypeFor[Share]():
		text = "percentage"
	case reflect.TypeFor[SLO]():
		text = "objective"
	case reflect.TypeFor[Size](), reflect.TypeFor[Keys](), reflect.TypeFor[Ladder](), reflect.TypeFor[Records](), reflect.TypeFor[Batching](),
		reflect.TypeFor[*Batching](), reflect.TypeFor[Consumer](), reflect.TypeFor[Trials](), reflect.TypeFor[Budget]():
		return "block, below"
	}
	switch {
	case f.Tag.Get("one") != "":
		return "`" + strings.Join(strings.Fields(f.Tag.Get("one")), "`, `") + "`"
	case text != "":
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return "list of at most " + f.Tag.Get("items") + " blocks, below"
	case t.Kind() == reflect.Slice:
		text = "list of at most " + f.Tag.Get("items") + " whole numbers"
	case t.Kind() == reflect.Bool:
		return "`true`, `false`"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Float64:
		text = "number"
	default:
		text = "whole number"
	}
	if strings.HasSuffix(t.Name(), "OrAuto") {
		text += " or `auto`"
	}
	if low != "" && low == high {
		return text + ", " + low
	}
	if low != "" {
		text += ", " + low + " to " + high
	}
	return text
}

func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(doc)
	for _, block := range blocks() {
		marks := regexp.MustCompile(`(?s)(<!-- keys of ` + block.name + ` -->\n).*?(<!-- end -->)`)
		if n := len(marks.FindAllString(want, -1)); n != 1 {
			t.Errorf("%s has %d places for the keys of %s, want 1", page, n, block.name)
		}
		want = marks.ReplaceAllStringFunc(want, func(old string) string {
			m := marks.FindStringSubmatch(old)
			return m[1] + table(block.of) + m[2]
		})
	}
	if want == string(doc) {
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the tags in the code; run go test ./bench/workload -update and read the diff", page)
}

// Every key must say what it means, every number how large it may be, and every list how long.
func TestEveryKeyIsDescribedAndBounded(t *testing.T) {
	t.Parallel()
	described := map[reflect.Type]bool{}
	for _, block := range blocks() {
		described[block.of] = true
	}
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		if !described[of] {
			t.Errorf("%v has no table in %s", of, page)
		}
		for i := range of.NumField() {
			f := of.Field(i)
			key := f.Tag.Get("yaml")
			if key == "" || key == "-" {
				continue
			}
			if f.Tag.Get("desc") == "" {
				t.Errorf("%v.%s has no description", of, f.Name)
			}
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				if f.Tag.Get("items") == "" {
					t.Errorf("%v.%s is a list of any length", of, f.Name)
				}
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			scalar := isScalar(reflect.New(inner).Elem())
			if !scalar {
				walk(inner)
			}
			_, low := f.Tag.Lookup("min")
			_, high := f.Tag.Lookup("max")
			number := scalar && inner.Kind() != reflect.String && inner.Kind() != reflect.Bool && inner.Kind() != reflect.Uint64 && inner.Kind() != reflect.Struct
			if number != low || number != high {
				t.Errorf("%v.%s has bounds: %v, %v; a number has both, and nothing else has any", of, f.Name, low, high)
			}
		}
	}
	walk(reflect.TypeFor[Workload]())
}

// The YAML blocks of the page are workloads, or parts of one that are valid beside the rest.
func TestTheExamplesOnThePageAreValid(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(found) < 4 {
		t.Fatalf("%s has %d examples, want at least 4", page, len(found))
	}
	for _, m := range found {
		text := m[1]
		if !strings.Contains(text, "workload: 1") {
			text = "workload: 1\n" + text
		}
		if !strings.Contains(text, "phases:") {
			text += "phases: [{name: a, rate: 1/s, duration: 1m}]\n"
		}
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestTheTablesOfFaultsAgree(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[Fault]().FieldByName("Kind")
	words := strings.Fields(field.Tag.Get("one"))
	slices.Sort(words)
	if !slices.Equal(words, FaultKinds()) {
		t.Errorf("the tag allows %q, the rules know %q", words, FaultKinds())
	}
}
