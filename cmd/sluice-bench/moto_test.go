package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sluice/bench/result"
	"sluice/internal/motoserver"
)

// skip skips aloud, or fails where MUST_RUN, a list of names, demands the test.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), t.Name()) {
		t.Fatalf("MUST_RUN names %s, but %s", t.Name(), why)
	}
	t.Skipf("SKIPPED: %s", why)
}

// startMoto starts moto, a stand-in that others wrote, which asks for signatures and permissions after so many calls.
func startMoto(t *testing.T, open int) string {
	t.Helper()
	address, err := motoserver.Start(t, fmt.Sprint("INITIAL_NO_AUTH_ACTION_COUNT=", open))
	if err != nil {
		skip(t, err.Error())
	}
	return address
}

// A motoUser is one of moto's.
type motoUser struct{ key, secret string }

// user makes a user who may do these actions of SQS, by three calls.
func user(t *testing.T, address, name string, actions ...string) motoUser {
	t.Helper()
	iam := func(pairs ...string) []byte {
		form := url.Values{"Version": {"2010-05-08"}, "UserName": {name}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s %v", pairs[1], answer.StatusCode, body, err)
		}
		return body
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	if err != nil {
		t.Fatal(err)
	}
	iam("Action", "CreateUser")
	iam("Action", "PutUserPolicy", "PolicyName", "p", "PolicyDocument", string(policy))
	var created struct {
		Key    string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(iam("Action", "CreateAccessKey"), &created); err != nil || created.Key == "" {
		t.Fatalf("CreateAccessKey: %+v, %v", created, err)
	}
	return motoUser{created.Key, created.Secret}
}

// TestMoto runs the benchmark against a server that was not written with it, as users with all permissions and with some.
// Moto denies in XML, which no client of the JSON protocol reads.
func TestMoto(t *testing.T) {
	t.Parallel()
	whole(t)
	address := startMoto(t, 9)
	all := user(t, address, "all", "sqs:*")
	deaf := user(t, address, "deaf", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueue*", "sqs:SendMessage*")
	guest := user(t, address, "guest", "sqs:GetQueue*", "sqs:SendMessage*", "sqs:ReceiveMessage", "sqs:DeleteMessage*")
	program, err := exec.LookPath("sluice-bench")
	if err != nil {
		t.Fatal(err)
	}
	workload, err := filepath.Abs("testdata/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		who  motoUser
		code int
		want string // in the complaint
	}{
		{"who may do everything", all, 0, ""},
		{"who may not receive", deaf, exitUnavailable, "sqs: receive from the queue: answered with status 403"},
		{"who may not create queues", guest, exitUnavailable, "sqs: create a queue for the run: answered with status 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			cmd := exec.Command(program, "run", "--workload", workload, "--transports", "sqs", "--out", out)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + address,
				"AWS_ACCESS_KEY_ID=" + c.who.key, "AWS_SECRET_ACCESS_KEY=" + c.who.secret}
			said, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(said), c.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.want, said)
			}
			if err := clean(string(said), []string{c.who.secret}); err != nil {
				t.Error(err)
			}
			f, err := result.Read(filepath.Join(out, "results.json"))
			switch {
			case c.code != 0:
				if !os.IsNotExist(err) {
					t.Errorf("results: %v, want none", err)
				}
			case err != nil:
				t.Error(err)
			case f.Trials[0].Audit.Accepted < 100 || f.Trials[0].Audit.Lost > 0 || f.Trials[0].Audit.Corrupt > 0:
				t.Errorf("%+v, want some hundred records, none lost or altered", f.Trials[0].Audit)
			}
			client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider(all.key, all.secret, "")})
			left, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: aws.String("sluice-bench-")})
			if err != nil || len(left.QueueUrls) > 0 {
				t.Errorf("the queues %q are left, %v", left.QueueUrls, err)
			}
		})
	}
}
