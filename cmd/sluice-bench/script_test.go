package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/bench/result"
	"sluice/bench/result/resulttest"
	"sluice/internal/awslocal/faults"
)

// TestScript runs the scripts in testdata/script, each in a world of its own. Beside the commands of testscript they have:
//
//	exits CODE ARGS…        runs sluice-bench; it must end with CODE and print no secret; each problem is one sentence
//	complains REGEXP…       the complaint of the last exits has so many problems, which match in this order
//	configured TRANSPORT…   sets the variables of the world's servers
//	forbid ACTION           the stand-in denies everybody this action of SQS
//	queue NAME              makes a queue
//	put QUEUE N             puts messages into a queue
//	holds QUEUE N           a queue has so many messages
//	queues NAME…            these are the queues of the stand-in, and no others
//	called ACTION N         the stand-in was asked for an action so often
//	stream NAME SUBJECT     makes a stream
//	streams NAME:CONSUMERS… these are the streams of the NATS server, and so many consumers they have
//	results FILE [KIND]     writes the results of a run that never took place
//	valid FILE              a results.json is what the published schema says, and has no secret in it
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "complains": complains, "configured": configured, "forbid": forbid, "queue": queue, "put": put, "holds": holds,
			"queues": queues, "called": called, "stream": stream, "streams": streams, "results": results, "valid": valid,
		},
	})
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setUp(env *testscript.Env) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	env.Defer(w.close)
	env.Values[worldKey{}] = w
	workloads, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	env.Vars = slices.DeleteFunc(env.Vars, func(pair string) bool { return strings.HasPrefix(pair, "AWS_") || strings.HasPrefix(pair, "SLUICE_") })
	env.Setenv("WORKLOADS", workloads)
	env.Setenv("TMPDIR", env.Getenv("WORK")+"/.tmp")
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("QUEUE_URL", w.url("records"))
	proxy := w.startProxy()
	env.Defer(proxy.Close)
	env.Setenv("PROXY", proxy.URL)
	return nil
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("sluice-bench", args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("sluice-bench %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	out, complaint := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if err := clean(out+complaint, worldOf(ts).secrets()); err != nil {
		ts.Fatalf("%v", err)
	}
	if said := strings.Contains("\n"+complaint, "\nsluice-bench:"); said != (want != 0) {
		ts.Fatalf("exit code %d, and a complaint is %v", got, said)
	}
}

// soup is text that is for programmers and not for operators.
var soup = regexp.MustCompile(`operation error|exceeded maximum number|StatusCode|https response error|failed to sign|api error|RequestID:` +
	`|%!|goroutine \d|panic:|&\{|<nil>|0x[0-9a-f]{6,}|context canceled|\*\w+\.\w+Error|bufio\.|token too long|\bNaN\b`)

// clean reports soup and secrets in a text.
func clean(text string, secrets []string) error {
	if found := soup.FindString(text); found != "" {
		return fmt.Errorf("the output has %q in it, want words for an operator:\n%s", found, text)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return fmt.Errorf("the output shows the secret %q", s)
		}
	}
	return nil
}

func complains(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: complains REGEXP…")
	}
	_, text, _ := strings.Cut("\n"+ts.ReadFile("stderr"), "\nsluice-bench:")
	problems := strings.Split(strings.TrimSpace(text), "\n")
	if len(problems) != len(args) {
		ts.Fatalf("%d problems, want %d: %q", len(problems), len(args), text)
	}
	const most = 800 // the list of all metrics has 560
	for i, problem := range problems {
		if len(problem) > most {
			ts.Fatalf("a problem has %d bytes, want at most %d: %s", len(problem), most, problem)
		}
		if !regexp.MustCompile(args[i]).MatchString(problem) {
			ts.Fatalf("problem %q, want a match of %s", problem, args[i])
		}
	}
}

func configured(ts *testscript.TestScript, _ bool, args []string) {
	vars, err := worldOf(ts).settings(args...)
	ts.Check(err)
	for name, value := range vars {
		ts.Setenv(name, value)
	}
}

func forbid(ts *testscript.TestScript, _ bool, args []string) {
	script, err := faults.Parse(fmt.Appendf(nil, "rules: [{call: %s, do: fail_request, code: AccessDenied, status: 403, message: you may not %s}]", args[0], args[0]))
	ts.Check(err)
	ts.Check(worldOf(ts).standIn.Arm(script))
}

func queue(ts *testscript.TestScript, _ bool, args []string) {
	_, err := worldOf(ts).sqs().CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: &args[0]})
	ts.Check(err)
}

func put(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(worldOf(ts).put(context.Background(), args[0], n))
}

func holds(ts *testscript.TestScript, _ bool, args []string) {
	n, err := worldOf(ts).held(context.Background(), args[0])
	ts.Check(err)
	if fmt.Sprint(n) != args[1] {
		ts.Fatalf("the queue %s holds %d messages, want %s", args[0], n, args[1])
	}
}

func queues(ts *testscript.TestScript, _ bool, args []string) {
	names, err := worldOf(ts).queues(context.Background())
	ts.Check(err)
	if !slices.Equal(names, args) {
		ts.Fatalf("there are the queues %q, want %q", names, args)
	}
}

func called(ts *testscript.TestScript, _ bool, args []string) {
	if n := worldOf(ts).standIn.Calls()[args[0]]; fmt.Sprint(n) != args[1] {
		ts.Fatalf("%s was called %d times, want %s: %v", args[0], n, args[1], worldOf(ts).standIn.Calls())
	}
}

func stream(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).stream(func(js jetstream.JetStream) error {
		_, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: args[0], Subjects: args[1:]})
		return err
	}))
}

func streams(ts *testscript.TestScript, _ bool, args []string) {
	got, err := worldOf(ts).streams(context.Background())
	ts.Check(err)
	if !slices.Equal(got, args) {
		ts.Fatalf("there are the streams and consumers %q, want %q", got, args)
	}
}

func results(ts *testscript.TestScript, _ bool, args []string) {
	f := resulttest.Fixture()
	if len(args) > 1 {
		for i := range f.Targets {
			f.Targets[i].Kind = args[1]
		}
	}
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(errors.Join(f.Write(file), file.Close()))
}

func valid(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	ts.Check(conforms(text))
	ts.Check(clean(text, worldOf(ts).secrets()))
}

// conforms holds a results.json against the published schema.
func conforms(text string) error {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(result.SchemaDoc))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:sluice:bench:1", schema); err != nil {
		return err
	}
	compiled, err := compiler.Compile("urn:sluice:bench:1")
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return err
	}
	return compiled.Validate(tree)
}
