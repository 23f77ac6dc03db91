package farend

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// python is a Lambda function in Python that runs outside of Lambda: it gets an event a line and answers with a line.
type python struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

func (p *python) start(t *testing.T, script string, env []string) {
	t.Helper()
	cmd := exec.Command("python3", "-c", script+"\nimport sys\nfor line in sys.stdin:\n    print(json.dumps(handler(json.loads(line), None)), flush=True)\n")
	cmd.Env, cmd.Stderr = append(Clean(os.Environ()), env...), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the function ended with %v", err)
		}
	})
}

func (p *python) invoke(_ context.Context, event []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var one bytes.Buffer
	if err := json.Compact(&one, event); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", &one); err != nil {
		return nil, err
	}
	line, err := p.out.ReadBytes('\n')
	if err == nil && !json.Valid(line) {
		err = fmt.Errorf("the function printed %q", line)
	}
	return line, err
}

// TestHandlerOfTheDocumentation runs the function that docs/benchmark.md shows, behind the API of the stand-in.
func TestHandlerOfTheDocumentation(t *testing.T) {
	whole(t)
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		why := fmt.Sprintf("no python3 with boto3 on this machine: %v %s", err, out)
		if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), t.Name()) {
			t.Fatal(why)
		}
		t.Skip("SKIPPED: " + why)
	}
	page, err := os.ReadFile("../../docs/benchmark.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, begins := strings.Cut(string(page), "\n```python\n")
	script, _, ends := strings.Cut(script, "\n```\n")
	if !begins || !ends {
		t.Fatal("docs/benchmark.md has no handler in Python")
	}
	for records, contentType := range map[string]string{"json": "application/json", "binary": "application/octet-stream"} {
		t.Run(records, func(t *testing.T) {
			var handler python
			f := &function{cloud: startCloudBefore(t, handler.invoke)}
			f.url = f.queue(t, "receipts")
			handler.start(t, script, append(slices.Clone(f.env), "RECEIPTS_URL="+f.url))
			f.env = append(f.env, "SLUICE_APIGATEWAY_CONTENT_TYPE="+contentType)
			o := f.options(t, records)
			far, err := Open(t.Context(), "apigateway", o)
			if err != nil {
				t.Fatal(err)
			}
			got := deliver(t, far, o)
			wantDelivered(t, far, got)
			if a := got.Audit; a.OK != 260 {
				t.Errorf("%+v, want 260 ok", a)
			}
			shut(t, far)
		})
	}
}
