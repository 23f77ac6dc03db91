package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/bench"
	"sluice/examples/earthquakes"
	"sluice/transport"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	// Settings of the user's own, and a proxy, must not reach the demonstration.
	p := start(t, map[string]string{"SLUICE_TRANSPORT": "nonsense", "SLUICE_INFLIGHT": "none", "AWS_PROFILE": "production",
		"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}, "demo")
	if code := p.wait(t, 2*soon); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	out := p.out.String()
	for _, line := range []string{
		"records                                1,707             1,707",
		"lost                                       0                 0",
		"altered                                    0                 0",
		"requests                                 171             1,707",
		"price on AWS                       $0.000068         $0.005974",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	for line := range strings.Lines(out + p.said() + "\n") {
		if line = strings.TrimSuffix(line, "\n"); len([]rune(line)) > 80 || strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("line of %d columns, or with control characters: %q", len([]rune(line)), line)
		}
	}
	golden(t, "demo.golden", masked(out)+"--- standard error:\n"+p.said()+"\n")
}

var (
	ports   = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	numbers = regexp.MustCompile(`(?m)^((?:duplicated|accept latency p50|accept latency p99|records per second) )(.*)$`)
)

// masked takes out of a report what is different every time, and the columns with it.
func masked(text string) string {
	text = ports.ReplaceAllString(text, "127.0.0.1:PORT")
	return numbers.ReplaceAllString(text, "${1}…")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		write(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s; -update writes it anew)\n%s", got, path, want)
	}
}

func TestAuditFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	want := earthquakes.Records()[:20]
	arrived := func(change func(records []transport.Record) []transport.Record) []transport.Record {
		records := make([]transport.Record, len(want))
		for i, body := range want {
			records[i].Body = bytes.Clone(body)
		}
		return change(records)
	}
	cases := []struct {
		name   string
		change func([]transport.Record) []transport.Record
		want   bench.Audit
		whole  bool
	}{
		{"all as they were, in another order", func(r []transport.Record) []transport.Record {
			r[0], r[19] = r[19], r[0]
			return r
		}, bench.Audit{Sent: 20, Arrived: 20}, true},
		{"one twice", func(r []transport.Record) []transport.Record { return append(r, r[3]) },
			bench.Audit{Sent: 20, Arrived: 20, Duplicates: 1}, true},
		{"one lost", func(r []transport.Record) []transport.Record { return r[1:] },
			bench.Audit{Sent: 20, Arrived: 19, Lost: 1}, false},
		{"one lost and another twice", func(r []transport.Record) []transport.Record { return append(r[1:], r[3]) },
			bench.Audit{Sent: 20, Arrived: 19, Lost: 1, Duplicates: 1}, false},
		{"one space more", func(r []transport.Record) []transport.Record {
			r[5].Body = append(r[5].Body, ' ')
			return r
		}, bench.Audit{Sent: 20, Arrived: 20, Altered: 1}, false},
		{"a number written in another way", func(r []transport.Record) []transport.Record {
			var v any
			if err := json.Unmarshal(r[5].Body, &v); err != nil {
				t.Fatal(err)
			}
			r[5].Body, _ = json.Marshal(v)
			return r
		}, bench.Audit{Sent: 20, Arrived: 20, Altered: 1}, false},
		{"one that nobody sent", func(r []transport.Record) []transport.Record {
			return append(r, transport.Record{Body: []byte(`{"id":"nobody"}`)})
		}, bench.Audit{Sent: 20, Arrived: 20, Ghosts: 1}, false},
		{"nothing at all", func([]transport.Record) []transport.Record { return nil },
			bench.Audit{Sent: 20, Lost: 20}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := audit(want, arrived(c.change))
			if got != c.want || got.Whole() != c.whole {
				t.Errorf("got %+v, whole %v; want %+v, whole %v", got, got.Whole(), c.want, c.whole)
			}
			var out bytes.Buffer
			err := report(&out, []bench.Trial{
				{Transport: "sqs", Took: time.Second, Audit: bench.Audit{Sent: 20, Arrived: 20}},
				{Transport: "apigateway", Took: time.Second, Audit: got},
			})
			if (err == nil) != c.whole {
				t.Errorf("the demonstration ends with %v, want an error: %v", err, !c.whole)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "apigateway: ") || exitCode(err) == 0) {
				t.Errorf("error %q with exit code %d, want the name of the transport and not 0", err, exitCode(err))
			}
			if !strings.Contains(out.String(), "lost") {
				t.Errorf("no table: %s", out.String())
			}
		})
	}
}
