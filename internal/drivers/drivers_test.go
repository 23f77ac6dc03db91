package drivers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/drivers"
)

// everything is an environment with the settings of all transports.
var everything = map[string]string{
	"SLUICE_HTTP_URL":           "http://127.0.0.1:1/events",
	"SLUICE_SQS_QUEUE_URL":      "http://127.0.0.1:1/000000000000/records",
	"SLUICE_APIGATEWAY_URL":     "http://127.0.0.1:1/v1/records",
	"SLUICE_APIGATEWAY_API_KEY": "an-api-key-of-some-length",
	"SLUICE_JETSTREAM_URL":      "nats://127.0.0.1:1",
	"SLUICE_JETSTREAM_SUBJECT":  "records",
	"SLUICE_RABBITMQ_URL":       "amqp://127.0.0.1:1",
	"SLUICE_RABBITMQ_QUEUE":     "records",
	"SLUICE_ROLE_ARN":           "arn:aws:iam::000000000000:role/sluice-writer",
	"SLUICE_ROLE_EXTERNAL_ID":   "sluice-external",
	"AWS_REGION":                "us-east-1",
	"AWS_ACCESS_KEY_ID":         "LKIAEXAMPLE",
	"AWS_SECRET_ACCESS_KEY":     "not-a-secret",
	"AWS_EC2_METADATA_DISABLED": "true",
	"AWS_ENDPOINT_URL":          "http://127.0.0.1:1",
}

// setenv makes the environment that of everything and pairs, without any other variable of ours.
func setenv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // so that it comes back after the test
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range everything {
		t.Setenv(name, value)
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

const forAll = drivers.ForSource | drivers.ForTransport

func TestOneVariableSwitchesTheTransport(t *testing.T) {
	for _, c := range []struct {
		transport string
		opened    string
	}{{"sqs", "*sqs.Transport"}, {"apigateway", "*apigateway.Transport"}, {"jetstream", "*jetstream.Transport"},
		{"rabbitmq", "*rabbitmq.Transport"}, {"memory", "*memory.Transport"}} {
		t.Run(c.transport, func(t *testing.T) {
			setenv(t, "SLUICE_TRANSPORT", c.transport)
			s, err := drivers.Load(forAll)
			if err != nil {
				t.Fatal(err)
			}
			d, err := s.Transport(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if got := fmt.Sprintf("%T", d.Transport); got != c.opened {
				t.Errorf("opened a %s, want a %s", got, c.opened)
			}
			if signs := d.AWS != nil; signs != (c.transport == "sqs" || c.transport == "apigateway") {
				t.Errorf("signs: %v", signs)
			}
		})
	}
}

// TestASourceThatSignsNeedsTheRole whatever the transport is, and only then.
func TestASourceThatSignsNeedsTheRole(t *testing.T) {
	for _, c := range []struct {
		service  string
		complain bool
	}{{"", false}, {"execute-api", true}} {
		setenv(t, "SLUICE_TRANSPORT", "memory", "SLUICE_ROLE_ARN", "wrong", "SLUICE_HTTP_AWS_SERVICE", c.service)
		if _, err := drivers.Load(forAll); err != nil != c.complain {
			t.Errorf("service %q, a wrong role: %v, want a complaint: %v", c.service, err, c.complain)
		}
		setenv(t, "SLUICE_TRANSPORT", "sqs", "SLUICE_HTTP_AWS_SERVICE", c.service) // once, though both sign
		s, err := drivers.Load(forAll)
		if err != nil {
			t.Fatal(err)
		}
		source, err := s.Source()
		if err != nil {
			t.Fatalf("service %q: %v", c.service, err)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
	setenv(t, "SLUICE_TRANSPORT", "memory", "SLUICE_HTTP_AWS_SERVICE", "execute-api", "AWS_REGION", "", "SLUICE_ROLE_ARN", "", "SLUICE_ROLE_EXTERNAL_ID", "")
	s, err := drivers.Load(forAll)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Source(); err == nil || !strings.Contains(err.Error(), "SLUICE_HTTP_AWS_REGION") {
		t.Errorf("without a region: %v, want an error that says where to set it", err)
	}
}

func TestOneVariableSwitchesTheSource(t *testing.T) {
	for _, c := range []struct {
		source, opened string
		broken         string // a setting of the other source, which does not matter
		interval       time.Duration
		record         int
		budget         int64
	}{
		{"http", "*httpapi.Source", "SLUICE_FILE_INTERVAL", time.Minute, 3 << 20, 7*(64<<20) + 64<<20},
		{"file", "*file.Source", "SLUICE_HTTP_INTERVAL", 2 * time.Second, 4 << 20, 7*(8<<20+6*(4<<20)) + 64<<20},
		{"s3", "*s3.Source", "SLUICE_HTTP_INTERVAL", 30 * time.Second, 2 << 20, 7*(8<<20+6*(2<<20)) + 64<<20},
	} {
		t.Run(c.source, func(t *testing.T) {
			setenv(t, "SLUICE_SOURCE", c.source, "SLUICE_FILE_PATHS", filepath.Join(t.TempDir(), "*"), "SLUICE_FILE_INTERVAL", "2s",
				"SLUICE_FILE_MAX_RECORD_BYTES", "4194304", "SLUICE_S3_BUCKET", "my-bucket", "SLUICE_S3_MAX_RECORD_BYTES", "2097152", "SLUICE_HTTP_MAX_RECORD_BYTES", "3145728", c.broken, "soon")
			s, err := drivers.Load(forAll)
			if err != nil {
				t.Fatal(err)
			}
			source, err := s.Source()
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			if got := fmt.Sprintf("%T", source); got != c.opened {
				t.Errorf("opened a %s, want a %s", got, c.opened)
			}
			if s.Interval() != c.interval || s.MaxRecordBytes() != c.record || s.MemoryBudget() != c.budget {
				t.Errorf("interval %v, record %d, budget %d; want %v, %d, %d", s.Interval(), s.MaxRecordBytes(), s.MemoryBudget(), c.interval, c.record, c.budget)
			}
		})
	}
}

func TestOnlyTheSelectedTransportMayComplain(t *testing.T) {
	wrong := map[string]string{"sqs": "SLUICE_SQS_TIMEOUT", "apigateway": "SLUICE_APIGATEWAY_TIMEOUT",
		"jetstream": "SLUICE_JETSTREAM_TIMEOUT", "rabbitmq": "SLUICE_RABBITMQ_TIMEOUT"}
	for selected := range wrong {
		for broken, variable := range wrong {
			t.Run(selected+" selected, "+broken+" broken", func(t *testing.T) {
				setenv(t, "SLUICE_TRANSPORT", selected, variable, "soon")
				_, err := drivers.Load(forAll)
				if complains := err != nil; complains != (selected == broken) {
					t.Errorf("got %v, want a complaint: %v", err, selected == broken)
				}
				if err != nil && !strings.HasPrefix(err.Error(), variable+": ") {
					t.Errorf("got %q, want it to begin with %s", err, variable)
				}
			})
		}
	}
}

func TestACommandNeedsOnlyWhatItUses(t *testing.T) {
	cases := []struct {
		name  string
		need  int
		unset string
		wants bool
	}{
		{"a source for one that reads", drivers.ForSource, "SLUICE_HTTP_URL", true},
		{"no source for one that only delivers", drivers.ForTransport, "SLUICE_HTTP_URL", false},
		{"a queue for one that delivers", drivers.ForTransport, "SLUICE_SQS_QUEUE_URL", true},
		{"no queue for one that only reads", drivers.ForSource, "SLUICE_SQS_QUEUE_URL", false},
		{"neither for one that does neither", 0, "SLUICE_SQS_QUEUE_URL", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			setenv(t, c.unset, "")
			if _, err := drivers.Load(c.need); (err != nil) != c.wants {
				t.Errorf("without %s: %v, want a complaint: %v", c.unset, err, c.wants)
			}
		})
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(schema, []byte(`{"type": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	setenv(t, "SLUICE_SOURCE", "ftp", "SLUICE_TRANSPORT", "pigeon", "SLUICE_SCHEMA_FILE", schema, "SLUICE_TRANSPROT", "sqs")
	_, err := drivers.Load(forAll)
	if err == nil {
		t.Fatal("no complaint")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{"SLUICE_SOURCE: ", "SLUICE_TRANSPORT: ", "SLUICE_SCHEMA_FILE: ", "SLUICE_TRANSPROT: there is no such variable; did you mean SLUICE_TRANSPORT?"} {
		found := 0
		for _, line := range lines {
			if strings.HasPrefix(line, want) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d lines begin with %q, want 1:\n%v", found, want, err)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines, want 4:\n%v", len(lines), err)
	}
}

func TestSchemaIsThereOnceItIsLoaded(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(schema, []byte(`{"type": "object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	setenv(t, "SLUICE_SCHEMA_FILE", schema)
	for need, want := range map[int]bool{forAll: true, drivers.ForTransport: true, 0: false} {
		s, err := drivers.Load(need)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Naming.Schema != nil; got != want {
			t.Errorf("need %d: a schema is loaded: %v, want %v", need, got, want)
		}
	}
	setenv(t, "SLUICE_SCHEMA_FILE", schema+".none")
	_, err := drivers.Load(forAll)
	if err == nil || strings.Count(err.Error(), "SLUICE_SCHEMA_FILE") != 1 {
		t.Errorf("a schema that is not there: %v, want one complaint", err)
	}
}

func TestReloadSecretsOfTheSelectedTransport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first-key-000000000000\n")
	setenv(t, "SLUICE_TRANSPORT", "apigateway", "SLUICE_APIGATEWAY_API_KEY", "", "SLUICE_APIGATEWAY_API_KEY_FILE", file)
	s, err := drivers.Load(forAll)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := s.ReloadSecrets(); err != nil || len(changed) != 0 {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	write("second-key-00000000000\n")
	changed, err := s.ReloadSecrets()
	if err != nil || len(changed) != 1 || changed[0] != "SLUICE_APIGATEWAY_API_KEY" {
		t.Errorf("changed %v, %v, want the API key", changed, err)
	}
	if got := s.APIGateway.APIKey.Reveal(); got != "second-key-00000000000" {
		t.Errorf("the key is %q, want the second", got)
	}
}
