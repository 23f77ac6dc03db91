package jq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/jq"
)

// outputs runs a program on a JSON text and writes what comes out, one after the other, or the error.
func outputs(t testing.TB, program, text string) string {
	t.Helper()
	p, err := jq.Compile(program)
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	v, err := jq.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var all []string
	err = p.Each(t.Context(), v, func(out any) error {
		body, err := jq.Encode(out, 64)
		all = append(all, string(body))
		return err
	})
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.Join(all, " ")
}

// TestWhatBecomesOfNumbers is what docs/shaping.md says: who does not compute with a number gets it as it was written.
func TestWhatBecomesOfNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, program, text, want string }{
		{"untouched", ".", `[1.10,1e400,-0,9007199254740993,1E2,0.1e-7]`, `[1.10,1e400,-0,9007199254740993,1E2,0.1e-7]`},
		{"moved", "{id: .a[0].id}", `{"a":[{"id":12345678901234567890}]}`, `{"id":12345678901234567890}`},
		{"as text", `.id|tostring`, `{"id":9007199254740993.10}`, `"9007199254740993.10"`},
		{"in text", `"no. \(.id)"`, `{"id":9007199254740993}`, `"no. 9007199254740993"`},
		{"sorted", "sort", `[10,9007199254740993,9007199254740992,2]`, `[2,10,9007199254740992,9007199254740993]`},
		{"added, whole", ".+1", "9007199254740993", "9007199254740994"},
		{"added, whole and very large", ".+1", "12345678901234567890", "12345678901234567891"},
		{"from text", "tonumber", `"9007199254740993"`, "9007199254740993"},
		{"compared exactly", ".[0]==.[1]", "[9007199254740993,9007199254740992]", "false"},
		{"added, decimal: rounded to a float64", ".+0.2", "0.1", "0.30000000000000004"},
		{"added, decimal: written shorter", ".+0", "1.10", "1.1"},
		{"floor: rounded to a float64", "floor", "9007199254740993", "9007199254740992"},
		{"out of range", ".+1", "1e400", "error: the result has a number that JSON cannot hold: too large, or none at all"},
		{"no number", "nan", "0", "error: the result has a number that JSON cannot hold: too large, or none at all"},
		{"infinite", "[infinite]", "0", "error: the result has a number that JSON cannot hold: too large, or none at all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outputs(t, c.program, c.text); got != c.want {
				t.Errorf("%s of %s: got %s, want %s", c.program, c.text, got, c.want)
			}
		})
	}
}

func TestHowResultsAreWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, program, text, want string }{
		{"compact, names in the order of the alphabet", ".", `{ "b" : 1, "a" : [ 1, 2 ] }`, `{"a":[1,2],"b":1}`},
		{"nothing escaped that needs not be", ".", `"<b>&amp; \u2028 \u00e9 \/ \u007f"`, "\"<b>&amp; \u2028 é / \\u007f\""},
		{"control characters", ".", `"\u0000\b\n\u001f"`, `"\u0000\b\n\u001f"`},
		{"a character outside of the first plane", ".", `"\ud83d\ude00"`, `"😀"`},
		{"of two values with one name the last", ".", `{"a":1,"a":2}`, `{"a":2}`},
		{"several", ".[]", `[1,"x",null,{}]`, `1 "x" null {}`},
		{"none", "empty", `1`, ``},
		{"bytes that are no text", "@base64d", `"/w=="`, "error: the result has a string that is not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outputs(t, c.program, c.text); got != c.want {
				t.Errorf("%s of %s: got %q, want %q", c.program, c.text, got, c.want)
			}
		})
	}
}

func TestWhatIsNestedTooDeepIsNotWritten(t *testing.T) {
	t.Parallel()
	if got := outputs(t, "reduce range(64) as $i (0; [.])", "0"); strings.Count(got, "[") != 64 {
		t.Errorf("64 levels: got %s", got)
	}
	for _, program := range []string{"reduce range(65) as $i (0; [.])", "reduce range(100000) as $i (0; {a: .})"} {
		if got := outputs(t, program, "0"); got != "error: the result is nested too deep" {
			t.Errorf("%s: got %.80s, want it refused", program, got)
		}
	}
}

func TestImpureProgramsAreRefused(t *testing.T) {
	t.Parallel()
	for program, what := range map[string]string{
		"now":                                    "now, which depends on the clock",
		`{at: (now|todate)}`:                     "now",
		`.a as [$x, {b: $y}] | [$x, now]`:        "now",
		`def f: def g: now; g; f`:                "now",
		`def f(x): x; f(now)`:                    "now",
		`"at \(now)"`:                            "now",
		`@json "at \(now)"`:                      "now",
		`.[now]`:                                 "now",
		`.a[now:]`:                               "now",
		`if . then 1 elif now then 2 else 3 end`: "now",
		`try error(now) catch 1`:                 "now",
		`reduce .[] as $x (now; .)`:              "now",
		`foreach .[] as $x (0; .; now)`:          "now",
		`label $out | now, break $out`:           "now",
		`. as {(now|tostring): $x} | $x`:         "now",
		`-now`:                                   "now",
		`.a |= now`:                              "now",
		`input`:                                  "another input",
		`[inputs]`:                               "another input",
		`input_filename`:                         "another input",
		`$ENV.HOME`:                              "the environment",
		`env`:                                    "the environment",
		`debug`:                                  "print",
		`debug("x")`:                             "print",
		`stderr`:                                 "print",
		`localtime`:                              "time zone",
		`strflocaltime("%H")`:                    "time zone",
		`halt`:                                   "end",
		`"x"|halt_error`:                         "end",
		`import "a" as a; a::f`:                  `it imports "a"; there are no modules`,
		`include "a"; .`:                         `it imports "a"; there are no modules`,
		`"a"|modulemeta`:                         "modules",
	} {
		_, err := jq.Compile(program)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v, want it refused because of %s", program, err, what)
		}
	}
	for _, program := range []string{`.now`, `{now: .input}`, `"now"`, `getpath(["env"])`, `."$ENV"`, `mktime`, `gmtime|todate`, `fromdate`, `.[] as $now | $now`} {
		if _, err := jq.Compile(program); err != nil {
			t.Errorf("%s: refused: %v", program, err)
		}
	}
}

func TestWhatDoesNotCompileIsLocated(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		"{a: .b":               "at line 1, column",
		".a |\n  .b ||| .c":    "at line 2, column",
		".a | foo(1)":          "function not defined: foo/1",
		"$x":                   "variable not defined: $x",
		`"é" | \` + "\n" + `x`: "line 1, column",
	} {
		if _, err := jq.Compile(program); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", program, err, want)
		}
	}
}

func TestAProgramWithoutAnEndIsStopped(t *testing.T) {
	t.Parallel()
	slow := errors.New("too slow")
	for _, program := range []string{"def f: f; f", "last(repeat(.))", "[limit(1000000000; repeat(1)) | empty]"} {
		p, err := jq.Compile(program)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, slow)
		if _, _, err = p.First(ctx, nil); !errors.Is(err, slow) {
			t.Errorf("%s: got %v, want the cause of the end", program, err)
		}
		cancel()
	}
}

// TestInputsAreNotChanged: filter, map and names are given the same value, and several at once.
func TestInputsAreNotChanged(t *testing.T) {
	t.Parallel()
	const text = `{"a":{"b":[3,1,2]},"c":"x"}`
	v, err := jq.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, program := range []string{".a.b |= sort", ".a.b[0] = 9", "del(.a)", ".a.b += [1]", `.c |= ascii_upcase | .d = 1`, "to_entries", "walk(.)", `test("x"; "g")?`, `reduce range(3) as $i (.; .a.b[$i] += 1)`} {
		p, err := jq.Compile(program)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			all.Go(func() {
				for range 50 {
					if _, _, err := p.First(context.Background(), v); err != nil {
						t.Errorf("%s: %v", program, err)
					}
				}
			})
		}
	}
	all.Wait()
	if got, err := jq.Encode(v, 64); err != nil || string(got) != text {
		t.Errorf("the input is %s, %v; want it as it was: %s", got, err, text)
	}
}

func TestTextThatDecodingWouldAlter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"plain é 😀 \ud83d\ude00 \u00e9 \\ud800 \" \\"`: "",
		"\"\xff\"":             "not valid UTF-8",
		`"\ud800"`:             `\ud800`,
		`"\udc00\ud800"`:       `\udc00`,
		`"\ud800\u0041"`:       `\ud800`,
		`"\uD83Dx"`:            `\uD83D`,
		`{"\udfff":1}`:         `\udfff`,
		`"\\\ud800"`:           `\ud800`,
		`"\ud83d\\ude00"`:      `\ud83d`,
		`["\n\ud83d\ude00\t"]`: "",
		"\"\xed\xa0\x80\"":     "not valid UTF-8",
	} {
		err := jq.Altered([]byte(text))
		if got := fmt.Sprint(err); (err == nil) != (want == "") || !strings.Contains(got, want) && err != nil {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// FuzzAltered compares with what decoding and encoding does: a text that is said to keep all has no U+FFFD more.
func FuzzAltered(f *testing.F) {
	for _, seed := range []string{`"\ud83d\ude00"`, `"\\ud800"`, `"\ud800\\"`, "\"\xff\"", `{"a\udc00":"\u005c\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := jq.Decode(text)
		if err != nil || !json.Valid(text) || len(text) > 1<<12 {
			return
		}
		out, err := jq.Encode(v, 1000)
		if err != nil {
			return
		}
		meant := strings.Count(string(text), "\uFFFD") + strings.Count(strings.ToLower(string(text)), `\ufffd`)
		got := strings.Count(string(out), "\uFFFD")
		switch err := jq.Altered(text); {
		case err == nil && got > meant:
			t.Errorf("%q is said to be kept, and became %q", text, out)
		case err != nil && got == 0 && !strings.Contains(string(text), ","): // a value that comes twice may hide it
			t.Errorf("%q is said to be altered (%v), and became %q", text, err, out)
		}
	})
}
