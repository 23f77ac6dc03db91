package sqs_test

import (
	"os/exec"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// queryScript makes botocore speak the query protocol to SQS again, as it did until 2023: its serializer and parser for
// that protocol are still there, for other services. What the current model of SQS no longer says, the names of flat lists
// and maps, is given back to it.
const queryScript = `
import boto3, botocore.session, json, os
session = botocore.session.get_session()
loader = session.get_component("data_loader")
load = loader.load_service_model
def patched(service, kind, **kw):
    model = load(service, kind, **kw)
    if service != "sqs" or kind != "service-2": return model
    model["metadata"].update(protocol="query", protocols=["query"], xmlNamespace="http://queue.amazonaws.com/doc/2012-11-05/")
    model["metadata"].pop("awsQueryCompatible", None)
    for name, op in model["operations"].items():
        if "output" in op: op["output"]["resultWrapper"] = name + "Result"
    shapes = model["shapes"]
    for shape, member in {"AttributeNameList": "AttributeName", "MessageSystemAttributeList": "MessageSystemAttributeName",
            "MessageAttributeNameList": "MessageAttributeName", "QueueUrlList": "QueueUrl", "MessageList": "Message", "TagKeyList": "TagKey"}.items():
        shapes[shape]["member"]["locationName"] = member
    for shape in shapes:
        if shape.endswith("EntryList"): shapes[shape]["member"]["locationName"] = shape[:-4]
    for shape, key in {"QueueAttributeMap": "Name", "MessageBodyAttributeMap": "Name", "MessageBodySystemAttributeMap": "Name", "MessageSystemAttributeMap": "Name", "TagMap": "Key"}.items():
        shapes[shape]["key"]["locationName"], shapes[shape]["value"]["locationName"] = key, "Value"
    for shape in shapes.values():
        for name, member in shape.get("members", {}).items():
            location = {"QueueAttributeMap": "Attribute", "MessageSystemAttributeMap": "Attribute", "MessageBodyAttributeMap": "MessageAttribute",
                "MessageBodySystemAttributeMap": "MessageSystemAttribute", "TagMap": "Tag"}.get(member["shape"])
            if location: member["locationName"] = location
    return model
loader.load_service_model = patched
sent = []
sqs = boto3.Session(botocore_session=session).client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL_SQS"])
sqs.meta.events.register("before-send.sqs.*", lambda request, **kw: sent.append(request.headers["Content-Type"].decode()) and None)
def show(*a): print(json.dumps(a))
u = sqs.create_queue(QueueName="old", Attributes={"VisibilityTimeout": "60", "DelaySeconds": "0"}, tags={"k": "v"})["QueueUrl"]
attrs = {"s": {"DataType": "String", "StringValue": "h\u00e9 & <b>"}, "b": {"DataType": "Binary", "BinaryValue": bytes(range(256))}}
r = sqs.send_message(QueueUrl=u, MessageBody="a\r\n<b>&\u00fc \U0001f600", MessageAttributes=attrs,
    MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}})
show("sent", len(r["MD5OfMessageAttributes"]), len(r["MD5OfMessageSystemAttributes"]))
m = sqs.receive_message(QueueUrl=u, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
show("received", m["Body"], m["MessageAttributes"] == attrs, m["MD5OfMessageAttributes"] == r["MD5OfMessageAttributes"], m["Attributes"]["AWSTraceHeader"], m["Attributes"]["ApproximateReceiveCount"])
sqs.change_message_visibility(QueueUrl=u, ReceiptHandle=m["ReceiptHandle"], VisibilityTimeout=0)
r = sqs.send_message_batch(QueueUrl=u, Entries=[{"Id": "e%d" % i, "MessageBody": "x" * 10 if i != 2 else "\x01"} for i in range(4)])
show("batch", [s["Id"] for s in r["Successful"]], [(f["Id"], f["Code"], f["SenderFault"]) for f in r["Failed"]])
ms = sqs.receive_message(QueueUrl=u, MaxNumberOfMessages=10)["Messages"]
r = sqs.change_message_visibility_batch(QueueUrl=u, Entries=[{"Id": str(i), "ReceiptHandle": x["ReceiptHandle"], "VisibilityTimeout": 9} for i, x in enumerate(ms)])
d = sqs.delete_message_batch(QueueUrl=u, Entries=[{"Id": str(i), "ReceiptHandle": x["ReceiptHandle"]} for i, x in enumerate(ms)])
show("batches", len(r["Successful"]), len(d["Successful"]), d.get("Failed", []))
show("empty", "Messages" in sqs.receive_message(QueueUrl=u))
show("attributes", sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["VisibilityTimeout", "ApproximateNumberOfMessages"])["Attributes"])
sqs.set_queue_attributes(QueueUrl=u, Attributes={"VisibilityTimeout": "7"})
sqs.tag_queue(QueueUrl=u, Tags={"l": "w"}); sqs.untag_queue(QueueUrl=u, TagKeys=["k"])
show("tags", sqs.list_queue_tags(QueueUrl=u)["Tags"])
show("lists", sqs.list_queues(QueueNamePrefix="old")["QueueUrls"] == [u], sqs.get_queue_url(QueueName="old")["QueueUrl"] == u)
for f, kw in ((sqs.get_queue_url, {"QueueName": "none"}), (sqs.delete_message, {"QueueUrl": u, "ReceiptHandle": "x"}), (sqs.send_message_batch, {"QueueUrl": u, "Entries": []})):
    try: f(**kw); show("no error")
    except sqs.exceptions.ClientError as x: show(x.response["Error"]["Type"], x.response["Error"]["Code"], x.response["ResponseMetadata"]["HTTPStatusCode"])
sqs.purge_queue(QueueUrl=u); sqs.delete_queue(QueueUrl=u)
show("spoke", sorted(set(sent)))
`

// TestQueryClient goes through the legacy protocol with botocore's own implementation of it.
func TestQueryClient(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		skip(t, "no boto3 on this machine: "+err.Error()+" "+string(out))
	}
	_, env := start(t)
	cmd := exec.CommandContext(t.Context(), "python3", "-c", queryScript)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	want := []string{
		`["sent", 32, 32]`,
		`["received", "a\r\n<b>&\u00fc \ud83d\ude00", true, true, "Root=1", "1"]`,
		`["batch", ["e0", "e1", "e3"], [["e2", "InvalidMessageContents", true]]]`,
		`["batches", 4, 4, []]`,
		`["empty", false]`,
		`["attributes", {"ApproximateNumberOfMessages": "0", "VisibilityTimeout": "60"}]`,
		`["tags", {"l": "w"}]`,
		`["lists", true, true]`,
		`["Sender", "AWS.SimpleQueueService.NonExistentQueue", 400]`,
		`["Sender", "ReceiptHandleIsInvalid", 404]`,
		`["Sender", "AWS.SimpleQueueService.EmptyBatchRequest", 400]`,
		`["spoke", ["application/x-www-form-urlencoded; charset=utf-8"]]`,
	}
	if diff := gocmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
		t.Errorf("botocore (-want +got):\n%s", diff)
	}
}
