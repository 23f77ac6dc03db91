package awslocal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestConsume: a function that takes records gets them as they were sent, with id and key; its error is a 502.
func TestConsume(t *testing.T) {
	t.Parallel()
	var got []Delivery
	v := visit(t, Options{Records: Consume(func(_ context.Context, d Delivery) error {
		got = append(got, d)
		if string(d.Body) == "bad" {
			return errors.New("refused")
		}
		return nil
	})})
	post := func(mediaType, body string) result {
		r := v.newRequest(t.Context(), "/v1/records", body)
		for name, value := range map[string]string{"Content-Type": mediaType, "X-Api-Key": v.env["SLUICE_APIGATEWAY_API_KEY"], idHeader: "id-1", keyHeader: "key-1", headerPrefix + "Trace": "abc"} {
			r.Header.Set(name, value)
		}
		v.sign(t, r, v.self, "execute-api", time.Time{})
		res, err := v.do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	for mediaType, body := range map[string]string{"application/json": "{\"a\": \"ä\"}\n", "application/octet-stream": "\x00\xff"} {
		got = nil
		res := post(mediaType, body)
		if res.status != 200 || !strings.Contains(res.body, `"id":"id-1"`) {
			t.Errorf("%s: got %d %s, want 200 with the id", mediaType, res.status, res.body)
		}
		if len(got) != 1 || string(got[0].Body) != body || got[0].ID != "id-1" || got[0].Key != "key-1" || got[0].Headers[headerPrefix+"Trace"] != "abc" {
			t.Errorf("%s: the function got %+v, want the record as it was sent", mediaType, got)
		}
	}
	if res := post("text/plain", "bad"); res.status != 502 {
		t.Errorf("an error: got %d %s, want 502", res.status, res.body)
	}
	if got := v.server.Describe(); got != "no model" {
		t.Errorf("described as %q, want no model", got)
	}
}
