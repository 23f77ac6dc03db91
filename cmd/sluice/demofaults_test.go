package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/bench"
	"sluice/internal/awslocal/faults"
	"sluice/internal/telemetry"
)

// TestDemoUnderFaults runs the demonstration with every script in examples/faults that does not wait for seconds to pass,
// and looks for what the comment in it says is to be seen.
// progressLine is what a slow demonstration says every few seconds.
var progressLine = regexp.MustCompile(`(?m)^(sqs|apigateway): \d+ of 1707 records settled after \d+s(; in the way: .+)?$\n?`)

func TestDemoUnderFaults(t *testing.T) {
	t.Parallel()
	const sqs, gateway, both = "sqs", "apigateway", ""
	// At least one record came twice, and no more than unknown outcomes allow for: the numbers are compared below.
	const explained = `duplicated +([1-9]\d*); unknown outcomes explain up to (\d+)\n`
	const generous = "1m" // on a busy machine nothing moves for a while
	type run struct {
		transport string
		code      int
		want      []string // regular expressions
	}
	storm := []string{`page is 503 +2\n`, `STS is away +2\n`, `bad_page 1`, `unexpected_answer 1`, `lost +0\n`, `altered +0\n`, explained}
	redirected := []string{`foreign_redirect 2`, `redirected 2`, `lost +0\n`, `duplicated +0;`}
	doubtful := []string{`never answered +1\n`, `reset +1\n`, `done and 504 +1\n`, `no JSON +1\n`, `lost +0\n`, explained}
	// Those that take long with both transports, one after the other, have a run for each.
	cases := map[string][]run{
		"storm.yaml": {{sqs, 0, storm}, {gateway, 0, storm}},
		"login_page.yaml": {{both, 0, []string{`in place of a page +3\n`, `in place of the destination +3\n`, `bad_page 3`, `unexpected_answer 3`, `lost +0\n`,
			`duplicated +0;`}}},
		"torn_pages.yaml": {{sqs, 0, []string{`[5-9] of them failed`, `truncated 2`, `bad_page 1`, `page_bomb\s+1`, `timeout [1-9]`, `lost +0\n`}}},
		"doubtful_answers.yaml": {{sqs, 0, append([]string{`an entry is missing +1\n`, `neither done nor there +1\n`, `there twice +1\n`, `nobody has sent +1\n`, `no_answer [1-9]`}, doubtful...)},
			{gateway, 0, append([]string{`integration_timeout 1`}, doubtful...)}},
		"poison.yaml":     {{sqs, 0, []string{`refused for itself +3\n`, `lost +0\n`, `duplicated +0;`, `set aside +3: invalid_characters 3\n`}}},
		"redirected.yaml": {{sqs, 0, redirected}, {gateway, 0, redirected}},
		"liar.yaml":       {{both, 1, []string{`lost +2\n`, `altered +1\n`}}},
		"locked_out.yaml": {{sqs, exitUnavailable, []string{`[1-3]00 of 1707`, `at the source +1[4-6]07: nothing had moved for ` + demoPatience(), `blocked +source: forbidden`, `SLUICE_HTTP_TOKEN`, `lost +0\n`}}},
		// The faults of the benchmark, those that strike before the demonstration is over.
		"partial_batch_failure.yaml": {{sqs, 0, []string{`lost +0\n`, `sent again +[1-9]`}}},
		"throttle.yaml":              {{sqs, 0, []string{`lost +0\n`}}}, // on a busy machine nobody is too fast
		"5xx.yaml":                   {{gateway, 0, []string{`lost +0\n`, `service_unavailable|service_error|server_error|unavailable`}}},
		"reset_after_send.yaml":      {{gateway, 0, []string{`lost +0\n`, `network`}}},
		"duplicate_delivery.yaml":    {{gateway, 0, []string{`lost +0\n`, `duplicated +[1-9]`}}},
	}
	one := func(name string, c run) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			patience := generous
			if c.code == exitUnavailable {
				patience = demoPatience()
			}
			args := []string{"demo", "--patience", patience, "--faults", filepath.Join("..", "..", "examples", "faults", name)}
			transports := []string{sqs, gateway}
			if c.transport != both {
				args, transports = append(args, "--transport", c.transport), []string{c.transport}
			}
			p := start(t, nil, args...)
			if code := p.wait(t, 2*soon); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			out := p.out.String()
			for _, want := range c.want {
				switch m := regexp.MustCompile(want).FindStringSubmatch(out); {
				case m == nil:
					t.Errorf("nothing like %q", want)
				case want == explained && number(t, m[1]) > number(t, m[2]):
					t.Errorf("%s duplicates, want at most the %s that unknown outcomes explain", m[1], m[2])
				}
			}
			if said := progressLine.ReplaceAllString(p.said(), ""); c.code == 0 && said != "" {
				t.Errorf("it wrote %q to standard error, want nothing but how far it is", said)
			}
			for _, transport := range transports {
				if !strings.Contains(out, "\n"+transport+": ") {
					t.Errorf("nothing about %s", transport)
				}
			}
			for line := range strings.Lines(out + p.said() + "\n") {
				if line = strings.TrimSuffix(line, "\n"); len([]rune(line)) > 80 || strings.ContainsAny(line, "\r\x1b") {
					t.Errorf("line of %d columns, or with control characters: %q", len([]rune(line)), line)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		}
	}
	for name, runs := range cases {
		for _, c := range runs {
			t.Run(strings.TrimSuffix(name+" "+c.transport, " "), one(name, c))
		}
	}
	slow := []string{"clock_skew.yaml", "expired_credentials.yaml", "latency.yaml", "lost_ack.yaml", "stall.yaml"} // after 10 s, or slow
	files, err := filepath.Glob("../../examples/faults/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, run := cases[filepath.Base(file)]; !run && !slices.Contains(slow, filepath.Base(file)) {
			t.Errorf("%s is not run", file)
		}
	}
}

// demoPatience is the patience of a demonstration that is to give up: some requests that end after 2 s have to fit in.
func demoPatience() string {
	if raced {
		return "20s"
	}
	return "6s"
}

func number(t *testing.T, digits string) int {
	t.Helper()
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDemoGivesUp: no script makes the demonstration hang. It says what is in the way, and what was not delivered is at the
// source and not lost.
func TestDemoGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ rules, transport, want string }{
		"all calls wait":           {`{call: "*", do: stall, for: 24h}`, "sqs", `blocked +source: timeout`},
		"all calls hang":           {`{call: "*", do: accept_then_hang}`, "apigateway", `blocked +source: timeout`},
		"all answers drip":         {`{call: "*", do: slow, bytes_per_second: 1}`, "sqs", `blocked +source: timeout`},
		"the source shows nothing": {`{call: source, do: answer, headers: {Content-Type: application/json}, body: '{"features":[]}'}`, "sqs", `blocked +nothing; the source answers, and shows no more`},
		"a used-up quota":          {`{call: POST /records, do: fail_request, code: LimitExceeded}`, "apigateway", `blocked +destination: quota_exhausted`},
		"a quota that others met":  {`{call: POST /records, nth: 10-15, do: fail_request, code: LimitExceeded}`, "apigateway", `blocked +destination: quota_exhausted`},
		"a mass of refusals":       {`{call: SendMessageBatch, do: fail_entries, code: InvalidMessageContents}`, "sqs", `(?s)set aside +50: .*blocked +deadletter: mass_dead_letters`},
		"no role":                  {`{call: AssumeRole, do: fail_request, code: AccessDenied}`, "sqs", `blocked +destination: role_denied`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := filepath.Join(t.TempDir(), "endless.yaml")
			write(t, script, "rules:\n  - "+c.rules+"\n")
			p := start(t, nil, "demo", "--patience", demoPatience(), "--transport", c.transport, "--faults", script)
			if code := p.wait(t, 2*soon); code != exitUnavailable {
				t.Errorf("exit code %d, want %d", code, exitUnavailable)
			}
			if want := regexp.MustCompile(`(?m)^` + c.transport + `: \d+ of 1707 records settled after \d+s(; in the way: .+)?$`); !want.MatchString(p.said()) {
				t.Errorf("nothing like %q on standard error, which has\n%s", want, p.said())
			}
			out := p.out.String()
			for _, want := range []string{c.want, `lost +0\n`, `at the source +1\d{3}: nothing had moved for ` + demoPatience() + `, so this was given up`} {
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("nothing like %q in\n%s", want, out)
				}
			}
		})
	}
}

func TestHowFarADemonstrationIs(t *testing.T) {
	t.Parallel()
	const start = "sqs: 3 of 1707 records settled after 15s"
	if got := soFar("sqs", 3, 1707, 15020*time.Millisecond, nil); got != start {
		t.Errorf("got %q, want %q", got, start)
	}
	got := soFar("sqs", 3, 1707, 15*time.Second, []telemetry.Reason{{Part: "source", Reason: "timeout"}, {Part: "destination", Reason: "throttled"}})
	if want := start + "; in the way: source timeout"; got != want { // a second one would not fit
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestVerdictUnderFaults: the demonstration ends with 0 only if nothing is lost or altered, and nothing is left.
func TestVerdictUnderFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result faultyResult
		code   int
	}{
		"all there":             {faultyResult{}, 0},
		"duplicates":            {faultyResult{audit: bench.Audit{Duplicates: 3}}, 0},
		"lost":                  {faultyResult{lost: 1}, exitFailure},
		"altered":               {faultyResult{audit: bench.Audit{Altered: 1}}, exitFailure},
		"from nowhere":          {faultyResult{audit: bench.Audit{Ghosts: 1}}, exitFailure},
		"given up":              {faultyResult{gaveUp: true, waiting: 3, patience: time.Second}, exitUnavailable},
		"given up and one lost": {faultyResult{gaveUp: true, lost: 1}, exitFailure},
	} {
		code := 0
		if err := c.result.verdict(); err != nil {
			code = exitCode(err)
		}
		if code != c.code {
			t.Errorf("%s: ends with %d, want %d", name, code, c.code)
		}
	}
}

func TestDemoFlags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags demoFlags
		want  string // of the error
	}{
		"none":              {demoFlags{patience: 1}, ""},
		"a transport":       {demoFlags{patience: 1, transport: "apigateway"}, ""},
		"another transport": {demoFlags{patience: 1, transport: "jetstream"}, `--transport: "jetstream" is none of sqs, apigateway`},
		"no patience":       {demoFlags{}, "--patience: 0s, want more than 0"},
		"patience for none": {demoFlags{patience: 1, patienceSet: true}, "--patience: it means something with --faults only"},
		"no script":         {demoFlags{patience: 1, faults: "none.yaml"}, "--faults: open none.yaml: no such file or directory"},
	} {
		_, _, err := c.flags.check()
		if got := ""; err != nil {
			if got = err.Error(); got != c.want {
				t.Errorf("%s: got %q, want %q", name, got, c.want)
			}
		} else if c.want != "" {
			t.Errorf("%s: no error, want %q", name, c.want)
		}
	}
}

// TestReportFits: long names and messages do not break the page.
func TestReportFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 40) + strings.Repeat("x", 200)
	r := faultyResult{transport: "sqs", struck: []faults.Count{{Rule: 1, Name: long, Fired: 1}}, witness: &witness{pages: tally{long: 3}},
		asideFor: tally{"a": 1, "b": 12}}
	var b strings.Builder
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
	if !strings.Contains(b.String(), "set aside     13: b 12, a 1\n") {
		t.Errorf("the dead letters are not listed by frequency:\n%s", &b)
	}
}
