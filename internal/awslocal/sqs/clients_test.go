package sqs_test

import (
	"cmp"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sluice/internal/awslocal"
)

// The clients here were written by others than this stand-in: the AWS CLI and boto3. They sign, and the stand-in verifies.

// skip says aloud why a test does not run, and fails where MUST_RUN names it.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("MUST_RUN"), ","), t.Name()) {
		t.Fatalf("MUST_RUN names %s, but: %s", t.Name(), why)
	}
	t.Skip("SKIPPED: " + why)
}

// start runs the whole stand-in and returns its address and the environment for its clients.
func start(t *testing.T) (url string, env []string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s, err := awslocal.New(awslocal.Options{BaseURL: "http://" + server.Listener.Addr().String(), Account: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	home := t.TempDir()
	env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "NO_PROXY=127.0.0.1", "HTTPS_PROXY=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1",
		"AWS_PAGER=", "AWS_CONFIG_FILE=" + home + "/none", "AWS_SHARED_CREDENTIALS_FILE=" + home + "/none", "PYTHONIOENCODING=utf-8",
	}
	for _, v := range s.Environment() {
		env = append(env, v.Name+"="+v.Value)
	}
	return server.URL, env
}

// TestAWSCLI goes through a queue's life with the AWS CLI.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("aws", "--version").CombinedOutput(); err != nil {
		skip(t, "no aws CLI on this machine: "+err.Error()+" "+string(out))
	}
	url, env := start(t)
	cli := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "aws", append([]string{"sqs", "--endpoint-url", url, "--output", "json"}, args...)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	good := func(args ...string) (out struct {
		QueueURL               string `json:"QueueUrl"`
		MD5OfMessageAttributes string
		Messages               []struct {
			Body, ReceiptHandle, MD5OfMessageAttributes string
			Attributes                                  map[string]string
		}
		Successful []struct{ Id string }
		Failed     []struct{ Id, Code string }
	}) {
		t.Helper()
		text, err := cli(args...)
		if err != nil {
			t.Fatalf("aws sqs %v: %v %s", args, err, text)
		}
		if err := json.Unmarshal([]byte(cmp.Or(text, "{}")), &out); err != nil {
			t.Fatalf("aws sqs %v: %v in %s", args, err, text)
		}
		return out
	}
	q := good("create-queue", "--queue-name", "cli", "--attributes", `{"VisibilityTimeout":"600"}`).QueueURL
	sent := good("send-message", "--queue-url", q, "--message-body", "a <b> & ü 😀", "--message-attributes",
		`{"text":{"DataType":"String","StringValue":"v"},"bytes":{"DataType":"Binary","BinaryValue":"AAH/"}}`)
	got := good("receive-message", "--queue-url", q, "--message-attribute-names", "All", "--message-system-attribute-names", "All", "--wait-time-seconds", "1").Messages
	if len(got) != 1 || got[0].Body != "a <b> & ü 😀" || got[0].MD5OfMessageAttributes != sent.MD5OfMessageAttributes || got[0].Attributes["SenderId"] == "" {
		t.Fatalf("received %+v", got)
	}
	good("change-message-visibility", "--queue-url", q, "--receipt-handle", got[0].ReceiptHandle, "--visibility-timeout", "0")
	got = good("receive-message", "--queue-url", q).Messages
	if len(got) != 1 {
		t.Fatalf("after the timeout was set to 0: received %+v", got)
	}
	batch := good("delete-message-batch", "--queue-url", q, "--entries",
		`[{"Id":"good","ReceiptHandle":"`+got[0].ReceiptHandle+`"},{"Id":"bad","ReceiptHandle":"x"}]`)
	if len(batch.Successful) != 1 || len(batch.Failed) != 1 || batch.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("got %+v, want one of each", batch)
	}
	out, err := cli("send-message", "--queue-url", q+"x", "--message-body", "m")
	if want := "(AWS.SimpleQueueService.NonExistentQueue) when calling the SendMessage operation: The specified queue does not exist."; err == nil || !strings.Contains(out, want) {
		t.Errorf("got %s, want %s", out, want)
	}
	good("purge-queue", "--queue-url", q)
	good("tag-queue", "--queue-url", q, "--tags", "a=b")
	good("delete-queue", "--queue-url", q)
}

// botoScript uses every batch action, compares digests with its own and prints one line of JSON per step.
const botoScript = `
import boto3, hashlib, json, os, struct
sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL_SQS"])
def show(*a): print(json.dumps(a))
def fails(f, **kw):
    try: f(**kw); show("no error")
    except sqs.exceptions.ClientError as x:
        e = x.response["Error"]
        show(type(x).__name__, e["Code"], e.get("QueryErrorCode"), x.response["ResponseMetadata"]["HTTPStatusCode"], len(x.response["ResponseMetadata"]["RequestId"]))
def digest(attrs):
    h = hashlib.md5()
    for name in sorted(attrs):
        a = attrs[name]
        binary = a["DataType"].startswith("Binary")
        value = a["BinaryValue"] if binary else a["StringValue"].encode()
        for part in (name.encode(), a["DataType"].encode()): h.update(struct.pack("!I", len(part)) + part)
        h.update(b"\x02" if binary else b"\x01"); h.update(struct.pack("!I", len(value)) + value)
    return h.hexdigest()
u = sqs.create_queue(QueueName="boto", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
attrs = {"s": {"DataType": "String.x", "StringValue": "h\u00e9 \U0001f600"}, "n": {"DataType": "Number", "StringValue": "-1.5"}, "b": {"DataType": "Binary", "BinaryValue": bytes(range(256))}}
r = sqs.send_message(QueueUrl=u, MessageBody="m", MessageAttributes=attrs)
show("digest", r["MD5OfMessageAttributes"] == digest(attrs))
m = sqs.receive_message(QueueUrl=u, MessageAttributeNames=["s", "b"])["Messages"][0]
show("part", m["MD5OfMessageAttributes"] == digest({k: attrs[k] for k in ("s", "b")}), m["MessageAttributes"] == {k: attrs[k] for k in ("s", "b")})
r = sqs.send_message_batch(QueueUrl=u, Entries=[{"Id": str(i), "MessageBody": "\ufffe" if i == 3 else str(i)} for i in range(10)])
show("batch", [s["Id"] for s in r["Successful"]], [(f["Id"], f["Code"], f["SenderFault"]) for f in r["Failed"]])
ms = sqs.receive_message(QueueUrl=u, MaxNumberOfMessages=10, WaitTimeSeconds=1)["Messages"]
r = sqs.change_message_visibility_batch(QueueUrl=u, Entries=[{"Id": x["Body"], "ReceiptHandle": x["ReceiptHandle"], "VisibilityTimeout": 0} for x in ms])
show("visible", sorted(s["Id"] for s in r["Successful"]))
ms = sqs.receive_message(QueueUrl=u, MaxNumberOfMessages=10)["Messages"]
r = sqs.delete_message_batch(QueueUrl=u, Entries=[{"Id": x["Body"], "ReceiptHandle": x["ReceiptHandle"]} for x in ms])
show("deleted", len(r["Successful"]), "Messages" in sqs.receive_message(QueueUrl=u))
show("counts", sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"])["Attributes"])
fails(sqs.get_queue_url, QueueName="none")
fails(sqs.send_message, QueueUrl=u, MessageBody="\x01")
fails(sqs.delete_message, QueueUrl=u, ReceiptHandle="x")
fails(sqs.send_message_batch, QueueUrl=u, Entries=[{"Id": "a", "MessageBody": "x" * 1048576}, {"Id": "b", "MessageBody": "x"}])
f = sqs.create_queue(QueueName="boto.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
a = sqs.send_message(QueueUrl=f, MessageBody="1", MessageGroupId="g", MessageDeduplicationId="d")
b = sqs.send_message(QueueUrl=f, MessageBody="2", MessageGroupId="g", MessageDeduplicationId="d")
show("fifo", a["MessageId"] == b["MessageId"], a["SequenceNumber"] == b["SequenceNumber"], len(a["SequenceNumber"]))
fails(sqs.send_message, QueueUrl=f, MessageBody="1", MessageGroupId="g")
`

// TestBoto3 compares what boto3 sees with what it should.
func TestBoto3(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		skip(t, "no boto3 on this machine: "+err.Error()+" "+string(out))
	}
	_, env := start(t)
	cmd := exec.CommandContext(t.Context(), "python3", "-c", botoScript)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	want := []string{
		`["digest", true]`,
		`["part", true, true]`,
		`["batch", ["0", "1", "2", "4", "5", "6", "7", "8", "9"], [["3", "InvalidMessageContents", true]]]`,
		`["visible", ["0", "1", "2", "4", "5", "6", "7", "8", "9"]]`,
		`["deleted", 9, false]`,
		`["counts", {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}]`,
		`["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400, 36]`,
		`["InvalidMessageContents", "InvalidMessageContents", "InvalidMessageContents", 400, 36]`,
		`["ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404, 36]`,
		`["BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong", 400, 36]`,
		`["fifo", true, true, 20]`,
		`["ClientError", "InvalidParameterValue", "InvalidParameterValueException", 400, 36]`,
	}
	if diff := gocmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
		t.Errorf("boto3 (-want +got):\n%s", diff)
	}
}
