package awslocal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The clients here were written by others than this stand-in and the drivers: the AWS CLI, botocore and curl.

// run runs a program with the variables that the stand-in printed, and no others that could reach a real account.
func (s *standin) run(t *testing.T, c aws.Credentials, name string, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "NO_PROXY=127.0.0.1", "HTTPS_PROXY=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
		"AWS_CONFIG_FILE=" + home + "/none", "AWS_SHARED_CREDENTIALS_FILE=" + home + "/none"}
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey)
	if c.SessionToken != "" {
		cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN="+c.SessionToken)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// need skips, or fails under MUST_RUN, where a program cannot be run.
func need(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("no %s %s on this machine: %v %s", name, strings.Join(args, " "), err, out))
	}
}

func TestAWSCLI(t *testing.T) {
	need(t, "aws", "--version")
	s := start(t, Options{})
	user := s.user()
	cli := func(c aws.Credentials, args ...string) (string, error) {
		// Version 1 of the CLI overrides AWS_ENDPOINT_URL_SQS with an address of its own, but not this option.
		return s.run(t, c, "aws", append(args, "--endpoint-url", s.server.options.BaseURL)...)
	}

	out, err := cli(user, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	if want := "arn:aws:iam::000000000000:user/sluice"; err != nil || strings.TrimSpace(out) != want {
		t.Errorf("get-caller-identity: got %q, %v; want %s", out, err, want)
	}
	assume := []string{"sts", "assume-role", "--role-arn", s.env["SLUICE_ROLE_ARN"], "--role-session-name", "cli", "--query", "Credentials", "--output", "json"}
	out, err = cli(user, append(assume, "--external-id", "wrong-id")...)
	if want := "(AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::000000000000:user/sluice is not authorized to perform: sts:AssumeRole on resource: " + s.env["SLUICE_ROLE_ARN"]; err == nil || !strings.Contains(out, want) {
		t.Errorf("assume-role with a wrong external id: got %q, %v; want %s", out, err, want)
	}
	out, err = cli(user, append(assume, "--external-id", s.env["SLUICE_ROLE_EXTERNAL_ID"])...)
	var session struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	if e := json.Unmarshal([]byte(out), &session); err != nil || e != nil {
		t.Fatalf("assume-role: got %q, %v; want credentials", out, err)
	}
	role := aws.Credentials{AccessKeyID: session.AccessKeyId, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken}
	out, err = cli(role, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	if want := "arn:aws:sts::000000000000:assumed-role/sluice-writer/cli"; err != nil || strings.TrimSpace(out) != want {
		t.Errorf("get-caller-identity of the session: got %q, %v; want %s", out, err, want)
	}
	out, err = cli(role, "sqs", "send-message", "--queue-url", s.env["SLUICE_SQS_QUEUE_URL"], "--message-body", "ä from the CLI")
	if err != nil || !strings.Contains(out, "MessageId") {
		t.Errorf("send-message: got %q, %v; want a message id", out, err)
	}
	out, err = cli(role, "sqs", "receive-message", "--queue-url", s.env["SLUICE_SQS_QUEUE_URL"], "--query", "Messages[].Body", "--output", "text")
	if err != nil || strings.TrimSpace(out) != "ä from the CLI" {
		t.Errorf("receive-message: got %q, %v; want the message sent", out, err)
	}
	wrong := user
	wrong.SecretAccessKey += "x"
	for service, args := range map[string][]string{"sts": {"sts", "get-caller-identity"}, "sqs": {"sqs", "list-queues"}} {
		if out, err := cli(wrong, args...); err == nil || !strings.Contains(out, "SignatureDoesNotMatch") && !strings.Contains(out, "InvalidSignatureException") {
			t.Errorf("%s with a wrong secret: got %q, %v; want the signature refused", service, out, err)
		}
	}
}

// TestBotocoreSignsForTheAPI signs requests with odd paths and queries by botocore and sends them over a bare connection,
// so that no HTTP library tidies the path up on the way.
func TestBotocoreSignsForTheAPI(t *testing.T) {
	need(t, "python3", "-c", "import botocore")
	s := start(t, Options{Routes: anyRoute()})
	const script = `
import http.client, os, sys, urllib.parse
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
e = os.environ
creds = Credentials(e["AWS_ACCESS_KEY_ID"], e["AWS_SECRET_ACCESS_KEY"], e.get("AWS_SESSION_TOKEN"))
base = urllib.parse.urlsplit(e["SLUICE_APIGATEWAY_URL"])
for target in sys.argv[1:]:
    body = b'{"n": 1}'
    req = AWSRequest("POST", "http://" + base.netloc + target, data=body, headers={
        "Content-Type": "application/json", "X-Api-Key": e["SLUICE_APIGATEWAY_API_KEY"], "X-Odd": "  a   b "})
    SigV4Auth(creds, "execute-api", e["AWS_REGION"]).add_auth(req)
    con = http.client.HTTPConnection(base.netloc)
    con.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
    con.putheader("Host", base.netloc)
    con.putheader("Content-Length", str(len(body)))
    for k, v in req.headers.items():
        con.putheader(k, v)
    con.endheaders(body)
    print(con.getresponse().status, target)
`
	targets := []string{"/v1/records", "/v1/any/a%20b", "/v1/any/%C3%A4%E2%82%AC", "/v1/any//x/./y", "/v1/any/x/../y", "/v1/any/100%25",
		"/v1/any/a%2Fb", "/v1/any/-_.~*'()!", "/v1/any/z?b=2&a=1&a=0", "/v1/any/z?q=a%20b%2Bc&%C3%A9=1&z=", "/v1/any/z/"}
	out, err := s.run(t, s.role(t), "python3", append([]string{"-c", script}, targets...)...)
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(targets) {
		t.Fatalf("got %d answers, want %d:\n%s", len(lines), len(targets), out)
	}
	for i, line := range lines {
		if want := "200 " + targets[i]; line != want {
			t.Errorf("got %s, want %s", line, want)
		}
	}
}

// TestBoto3 gets a session with boto3's own provider and uses it for a queue.
func TestBoto3(t *testing.T) {
	need(t, "python3", "-c", "import boto3")
	s := start(t, Options{TokenLength: 4096})
	const script = `
import boto3, os
e = os.environ
sts = boto3.client("sts")
print(sts.get_caller_identity()["Arn"])
c = sts.assume_role(RoleArn=e["SLUICE_ROLE_ARN"], RoleSessionName="boto", ExternalId=e["SLUICE_ROLE_EXTERNAL_ID"], DurationSeconds=900)["Credentials"]
print(len(c["SessionToken"]))
sqs = boto3.client("sqs", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
u = e["SLUICE_SQS_QUEUE_URL"]
sqs.send_message(QueueUrl=u, MessageBody="from boto3")
print(sqs.receive_message(QueueUrl=u)["Messages"][0]["Body"])
try:
    sts.assume_role(RoleArn=e["SLUICE_ROLE_ARN"], RoleSessionName="boto")
except sts.exceptions.ClientError as x:
    print(x.response["Error"]["Code"], x.response["ResponseMetadata"]["HTTPStatusCode"], len(x.response["ResponseMetadata"]["RequestId"]))
`
	out, err := s.run(t, s.user(), "python3", "-c", script)
	want := "arn:aws:iam::000000000000:user/sluice\n4096\nfrom boto3\nAccessDenied 403 36\n"
	if err != nil || out != want {
		t.Errorf("boto3 printed\n%s(%v), want\n%s", out, err, want)
	}
}

func TestCurl(t *testing.T) {
	need(t, "curl", "--version")
	if out, err := exec.Command("curl", "--help", "all").Output(); err != nil || !strings.Contains(string(out), "--aws-sigv4") {
		skip(t, "this curl has no --aws-sigv4")
	}
	s := start(t, Options{})
	role := s.role(t)
	curl := func(c aws.Credentials, key string) (string, error) {
		args := []string{"-sS", "--noproxy", "*", "-w", "\n%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:execute-api", "-u", c.AccessKeyID + ":" + c.SecretAccessKey,
			"-H", "Content-Type: application/json", "-H", "X-Api-Key: " + key, "-d", `{"from": "curl"}`}
		if c.SessionToken != "" {
			args = append(args, "-H", "X-Amz-Security-Token: "+c.SessionToken)
		}
		return s.run(t, c, "curl", append(args, s.env["SLUICE_APIGATEWAY_URL"])...)
	}
	key := s.env["SLUICE_APIGATEWAY_API_KEY"]
	if out, err := curl(role, key); err != nil || !strings.HasSuffix(out, "\n200") || !strings.Contains(out, "messageId") {
		t.Errorf("signed by curl: got %s, %v; want 200 and a message id", out, err)
	}
	if out, err := curl(role, "wrong"); err != nil || out != "{\"message\":\"Forbidden\"}\n403" {
		t.Errorf("wrong API key: got %s, %v; want 403 Forbidden", out, err)
	}
	role.SecretAccessKey += "x"
	if out, err := curl(role, key); err != nil || !strings.HasSuffix(out, "\n403") || !strings.Contains(out, "does not match") {
		t.Errorf("wrong secret: got %s, %v; want the signature refused", out, err)
	}
}
