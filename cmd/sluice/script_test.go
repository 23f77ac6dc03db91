package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/ingest"
	"sluice/internal/awslocal"
)

// feedSize is how many earthquakes the feed of a script holds: three pages of 40.
const feedSize = 120

// TestScript runs the scripts in testdata/script, each in a world of its own. Beside the commands of testscript they have:
//
//	exits CODE ARGS…        runs sluice; it must end with CODE, print no secret, and complain in one sentence per problem
//	complains REGEXP        the complaint of the last exits is one line that matches
//	source MOOD [N]         puts the source into a mood (see moods), after N more requests
//	queue NAME              creates a queue
//	arrived whole|N [NAME]  empties a queue: everything that the feed held has arrived unaltered, or N messages have
//	uncomment FILE          takes the # away from the variables in a .env file
//	damage FILE             changes one byte
//	private FILE…           only the owner can read these
//	hold DIR                holds the checkpoint in DIR until the script ends, as another daemon would
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"complains": complains,
			"source":    sourceMood,
			"queue":     queue,
			"arrived":   arrived,
			"hold":      hold,
			"uncomment": uncomment,
			"damage":    damage,
			"private":   private,
		},
	})
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setUp(env *testscript.Env) error {
	w, err := newWorld(feedSize, awslocal.Options{})
	if err != nil {
		return err
	}
	env.Defer(w.close)
	env.Values[worldKey{}] = w
	vars := w.settings()
	vars["SLUICE_HTTP_LIMIT"] = "40"
	vars["SLUICE_STATE_DIR"] = "state"
	// What scripts spoil and mend, and an address where nobody listens.
	vars["GOOD_API_KEY"], vars["GOOD_EXTERNAL_ID"] = vars["SLUICE_APIGATEWAY_API_KEY"], vars["SLUICE_ROLE_EXTERNAL_ID"]
	vars["GOOD_QUEUE_URL"], vars["GOOD_URL"] = vars["SLUICE_SQS_QUEUE_URL"], vars["SLUICE_APIGATEWAY_URL"]
	vars["GOOD_ROLE_ARN"], vars["GOOD_SECRET"] = vars["SLUICE_ROLE_ARN"], vars["AWS_SECRET_ACCESS_KEY"]
	vars["AWS"], vars["SOURCE"] = w.awsServer.URL, w.sourceServer.URL
	vars["AWS_ADDRESS"], vars["GOOD_KEY_ID"] = w.awsServer.Listener.Addr().String(), vars["AWS_ACCESS_KEY_ID"]
	vars["NOBODY"] = "http://127.0.0.1:1"
	for _, pair := range environ(env.Getenv("PATH"), vars) {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	return nil
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("sluice", args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("sluice %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	out, complaint := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if err := clean(out+complaint, worldOf(ts).secrets()); err != nil {
		ts.Fatalf("%v", err)
	}
	if said := strings.Contains("\n"+complaint, "\nsluice:"); said != (want != 0) {
		ts.Fatalf("exit code %d, and a complaint is %v", got, said)
	}
}

// soup is text that is for programmers and not for operators.
var soup = regexp.MustCompile(`operation error|exceeded maximum number|StatusCode|https response error|failed to sign|api error|RequestID:` +
	`|%!|goroutine \d|panic:|&\{|<nil>|\b0x[0-9a-f]{6,}|context canceled|\*\w+\.\w+Error|apikey=[^…]|key=geheim`)

// clean reports soup and secrets in a text.
func clean(text string, secrets []string) error {
	if found := soup.FindString(text); found != "" {
		return fmt.Errorf("the output has %q in it, want words for an operator:\n%s", found, text)
	}
	for _, s := range secrets {
		if len(s) > 3 && strings.Contains(text, s) {
			return fmt.Errorf("the output shows the secret %q", s)
		}
	}
	return nil
}

func complains(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: complains REGEXP")
	}
	text := ts.ReadFile("stderr")
	if i := strings.LastIndex("\n"+text, "\nsluice: "); i >= 0 {
		text = text[i:]
	}
	line, rest, _ := strings.Cut(text, "\n")
	const most = 600
	switch {
	case !strings.HasPrefix(line, "sluice: ") || strings.TrimSpace(rest) != "":
		ts.Fatalf("the end is no complaint of one line: %q", text)
	case len(line) > most:
		ts.Fatalf("the complaint has %d bytes, want at most %d: %s", len(line), most, line)
	case !regexp.MustCompile(args[0]).MatchString(line):
		ts.Fatalf("complaint %q, want a match of %s", line, args[0])
	}
}

func sourceMood(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: source MOOD [N]")
	}
	mood, ok := moods[args[0]]
	if !ok {
		ts.Fatalf("there is no mood %q", args[0])
	}
	if len(args) == 2 {
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		mood = after(n, mood)
	}
	w := worldOf(ts)
	if mood == nil {
		w.sourceHook.Store(nil)
		return
	}
	w.beforeSource(mood)
}

func queue(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: queue NAME")
	}
	_, err := worldOf(ts).createQueue(args[0])
	ts.Check(err)
}

func arrived(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: arrived whole|N [NAME]")
	}
	w, url := worldOf(ts), ""
	if len(args) == 2 {
		url = strings.TrimSuffix(w.settings()["SLUICE_SQS_QUEUE_URL"], "records") + args[1]
	}
	if args[0] == "whole" {
		a, err := w.audit(url)
		ts.Check(err)
		if !a.Whole() || a.Sent != feedSize {
			ts.Fatalf("arrived: %+v, want %d records, none lost, none altered", a, feedSize)
		}
		return
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := w.bodies(url)
	ts.Check(err)
	if len(got) != want {
		ts.Fatalf("%d messages have arrived, want %d", len(got), want)
	}
	if want == 1 {
		ts.Check(os.WriteFile(ts.MkAbs("arrived.json"), append(got[0], '\n'), 0o600))
	}
}

func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	held, err := ingest.OpenCheckpoint(context.Background(), ingest.CheckpointOptions{Dir: ts.MkAbs(args[0])})
	ts.Check(err)
	ts.Defer(func() { _ = held.Close() })
}

var commented = regexp.MustCompile(`(?m)^#([A-Z][A-Z0-9_]*=)`)

func uncomment(ts *testscript.TestScript, _ bool, args []string) {
	text := commented.ReplaceAllString(ts.ReadFile(args[0]), "$1")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

func private(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.Mode().Perm()&0o077 != 0 {
			ts.Fatalf("%s has mode %v, want nothing for others", name, info.Mode())
		}
	}
}
