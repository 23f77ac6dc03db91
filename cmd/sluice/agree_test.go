package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/ingest"
	"sluice/internal/awscreds"
	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/apigateway"
)

// agreed is a schema as a model of API Gateway has it, and the records on which daemon and stand-in have to agree.
const agreed = `{"$schema":"http://json-schema.org/draft-04/schema#","title":"Order","type":"object","required":["id","amount"],"additionalProperties":false,
	"properties":{"id":{"type":"string","pattern":"^[a-z]{1,3}$"},"amount":{"type":"number","minimum":0,"exclusiveMinimum":true},"tags":{"type":"array","uniqueItems":true,"maxItems":2},
		"big":{"type":"integer","maximum":9007199254740992},"at":{"type":"string","format":"date-time"},"kind":{"enum":["a",null]},"of":{"$ref":"#/definitions/small"},"const":{"const":1}},
	"definitions":{"small":{"type":"object","maxProperties":1}}}`

// TestOneSchemaServesDaemonAndStandIn: the same file gives the same verdict on every record at both ends.
func TestOneSchemaServesDaemonAndStandIn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "schema.json")
	write(t, file, agreed)
	schema, err := ingest.LoadSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	options, err := localFlags{schema: file}.options()
	if err != nil {
		t.Fatal(err)
	}
	gateway := gatewayOf(t, startWorld(t, 0, options))
	parse := ingest.Naming{Schema: schema}.Parser()
	taken := 0
	for _, record := range []string{
		`{"id":"a","amount":1}`, `{"id":"abcd","amount":1}`, `{"id":"a","amount":0}`, `{"id":"a","amount":1e-300}`, `{"id":"a"}`, `{"id":1,"amount":1}`, `[]`, `null`, `"x"`, `{}`,
		`{"id":"a","amount":1,"more":1}`, `{"id":"a","amount":1,"tags":[1,1.0]}`, `{"id":"a","amount":1,"tags":[1,2]}`, `{"id":"a","amount":1,"tags":[1,2,3]}`,
		`{"id":"a","amount":1,"big":9007199254740992}`, `{"id":"a","amount":1,"big":9007199254740993}`, `{"id":"a","amount":1,"big":1.0}`, `{"id":"a","amount":1,"big":1.5}`,
		`{"id":"a","amount":1,"at":"2026-11-22T00:00:00Z"}`, `{"id":"a","amount":1,"at":"yesterday"}`, `{"id":"a","amount":1,"kind":null}`, `{"id":"a","amount":1,"kind":"b"}`,
		`{"id":"a","amount":1,"of":{"x":1}}`, `{"id":"a","amount":1,"of":{"x":1,"y":2}}`, `{"id":"a","amount":1,"const":2}`,
	} {
		_, refused := parse([]byte(record))
		result := gateway.Send(t.Context(), []transport.Record{{ID: "r", Body: []byte(record)}})[0]
		if result.Err != nil && fault.From(result.Err).Reason != "invalid_body" {
			t.Fatalf("%s: %v", record, result.Err)
		}
		if (refused == nil) != (result.Err == nil) {
			t.Errorf("%s: the daemon says %v, the stand-in %v", record, refused, result.Err)
		}
		if refused == nil {
			taken++
		}
	}
	if taken != 9 {
		t.Errorf("%d records are taken, want 9: the table shows little otherwise", taken)
	}
	if warnings := ingest.SchemaWarnings(file); len(warnings) != 1 || !strings.Contains(warnings[0], "/properties/const/const ") {
		t.Errorf("warned of %q, want the keyword that draft-04 does not know", warnings)
	}
}

// gatewayOf opens the API of a stand-in.
func gatewayOf(t *testing.T, w *world) *apigateway.Transport {
	t.Helper()
	env := w.settings()
	who, err := awscreds.New(aws.Config{Region: env["AWS_REGION"], BaseEndpoint: aws.String(w.awsServer.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]}, nil
		})}, awscreds.Config{ARN: env["SLUICE_ROLE_ARN"], ExternalID: env["SLUICE_ROLE_EXTERNAL_ID"], SessionName: "test", Duration: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(who.Close)
	c := apigateway.Config{URL: env["SLUICE_APIGATEWAY_URL"], Region: env["AWS_REGION"], ContentType: "application/json", Success: "object", MaxRecordBytes: 4 << 20, Timeout: time.Minute}
	if err := c.APIKey.Decode(env["SLUICE_APIGATEWAY_API_KEY"]); err != nil {
		t.Fatal(err)
	}
	tr, err := apigateway.Open(c, who)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}
