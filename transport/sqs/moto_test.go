package sqs_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/internal/motoserver"
	"sluice/transport"
	"sluice/transport/sqs"
	"sluice/transport/transporttest"
)

// skip skips the test with a word, or fails it where MUST_RUN, a list of names, demands it.
func skip(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
		t.Fatalf("must run: %s", why)
	}
	t.Skip("SKIPPED: " + why)
}

// startMoto starts moto, which others wrote, and lets it verify signatures after the first open calls.
func startMoto(t *testing.T, open int) string {
	t.Helper()
	address, err := motoserver.Start(t, fmt.Sprint("INITIAL_NO_AUTH_ACTION_COUNT=", open))
	if err != nil {
		skip(t, err.Error())
	}
	return address
}

// unsigned makes one call of moto's open ones.
func unsigned(t *testing.T, address, service string, form url.Values) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", form.Get("Action"), resp.StatusCode, body)
	}
	return body
}

func policy(t *testing.T, statement map[string]any) string {
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{statement}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A server that neither this driver nor the stand-in was written with: role, signature, messages and digests.
func TestMoto(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/writer"
	address := startMoto(t, 7)
	iam := func(action string, pairs ...string) []byte {
		form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return unsigned(t, address, "iam", form)
	}
	iam("CreateUser", "UserName", "u")
	iam("PutUserPolicy", "UserName", "u", "PolicyName", "p", "PolicyDocument", policy(t, map[string]any{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}))
	var created struct {
		Key    string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(iam("CreateAccessKey", "UserName", "u"), &created); err != nil || created.Key == "" {
		t.Fatalf("CreateAccessKey: %+v, %v", created, err)
	}
	iam("CreateRole", "RoleName", "writer", "AssumeRolePolicyDocument", policy(t, map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": "*"}}))
	iam("PutRolePolicy", "RoleName", "writer", "PolicyName", "p", "PolicyDocument", policy(t, map[string]any{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}))
	for _, attributes := range []url.Values{{"QueueName": {"records"}}, {"QueueName": {"records.fifo"}, "Attribute.1.Name": {"FifoQueue"}, "Attribute.1.Value": {"true"}}} {
		attributes.Set("Action", "CreateQueue")
		attributes.Set("Version", "2012-11-05")
		unsigned(t, address, "sqs", attributes)
	}

	user := newIdentity(t, settings(address, created.Key, created.Secret), awscreds.Config{ARN: role})
	who, err := user.Identity(t.Context())
	if err != nil || !strings.HasPrefix(who.ARN, "arn:aws:sts::123456789012:assumed-role/writer/sluice") {
		t.Fatalf("Identity() = %+v, %v; want the session of the role", who, err)
	}
	assumed, err := user.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reader := settings(address, "", "")
	reader.Credentials = user.Config().Credentials
	for _, queue := range []string{"records", "records.fifo"} {
		tr := newDriver(t, sqs.Config{QueueName: queue}, user)
		recs := transporttest.Records(10)
		recs[2].Headers = map[string]string{"unit": "°C", "trace": "abc"}
		for i, r := range tr.Send(t.Context(), recs) {
			if r.Err != nil || r.Receipt == "" {
				t.Errorf("%s, %s: %v", queue, recs[i].ID, r.Err)
			}
		}
		_ = tr.Close()
		got := map[string]transport.Record{}
		for _, r := range drain(t, reader, address+"/123456789012/"+queue) {
			got[r.ID] = r
		}
		for _, want := range recs {
			if string(got[want.ID].Body) != string(want.Body) || got[want.ID].Headers["unit"] != want.Headers["unit"] {
				t.Errorf("%s: %s arrived as %q with %q", queue, want.ID, got[want.ID].Body, got[want.ID].Headers)
			}
		}
	}

	missing := newDriver(t, sqs.Config{QueueName: "nowhere"}, user)
	defer missing.Close()
	if e := fault.From(missing.Send(t.Context(), transporttest.Records(1))[0].Err); e == nil || e.Class != fault.Blocked || e.Reason != "queue_missing" {
		t.Errorf("a missing queue: %v, want Blocked queue_missing", e)
	}
	// Signatures count here: the same key with another secret is refused. moto says so in XML, without a code for JSON.
	forger := newIdentity(t, settings(address, created.Key, "wrong"), awscreds.Config{})
	tr := newDriver(t, sqs.Config{QueueName: "records"}, forger)
	defer tr.Close()
	if e := fault.From(tr.Send(t.Context(), transporttest.Records(1))[0].Err); e == nil || e.Class != fault.Blocked {
		t.Errorf("a wrong secret: %v, want Blocked", e)
	}
	if _, err := newIdentity(t, settings(address, created.Key, "wrong"), awscreds.Config{ARN: role}).Retrieve(t.Context()); !fault.Is(err, fault.Blocked) {
		t.Errorf("AssumeRole with a wrong secret: %v, want Blocked", err)
	}
	if _, err := newIdentity(t, settings(address, assumed.AccessKeyID, assumed.SecretAccessKey), awscreds.Config{}).Identity(t.Context()); err == nil {
		t.Error("the role's key passes without its session token")
	}
}
