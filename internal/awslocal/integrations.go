package awslocal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"sluice/internal/awslocal/apigateway"
	"sluice/internal/awslocal/faults"
)

// A Delivery is a record as the integration behind /records gets it.
type Delivery struct {
	ID, Key string // of the headers X-Sluice-Record-Id and X-Sluice-Record-Key; empty: none
	Headers map[string]string
	Body    []byte // as it was sent, if its media type is binary or it is UTF-8
}

// Consume makes an integration of a function that takes records. What f returns without an error is answered with 200
// and {"messageId": …, "id": …}; an error makes the function one that failed, which the client sees as 502. f may run for
// many records at once, and goes on after the client has given up.
func Consume(f func(ctx context.Context, d Delivery) error) apigateway.Lambda {
	return apigateway.Handler(func(ctx context.Context, ev apigateway.ProxyEvent) (apigateway.ProxyResponse, error) {
		body, err := eventBody(ev)
		if err != nil {
			return apigateway.ProxyResponse{}, err
		}
		d := Delivery{ID: ev.Headers[idHeader], Key: ev.Headers[keyHeader], Headers: ev.Headers, Body: []byte(body)}
		if err := f(ctx, d); err != nil {
			return apigateway.ProxyResponse{}, err
		}
		return taken(ev), nil
	}).Lambda()
}

// taken is the answer to a record that was taken.
func taken(ev apigateway.ProxyEvent) apigateway.ProxyResponse {
	return reply(http.StatusOK, "messageId", ev.RequestContext.RequestID, "id", ev.Headers[idHeader])
}

// forgetful is an integration that answers as if it had taken the record.
func forgetful(apigateway.Lambda) apigateway.Lambda {
	return Consume(func(context.Context, Delivery) error { return nil })
}

// twice invokes an integration two times, one after the other, and gives its last response.
func twice(f apigateway.Lambda) apigateway.Lambda {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		if _, err := f(ctx, event); err != nil {
			return nil, err
		}
		return f(ctx, event)
	}
}

// corrupting changes a bit of the body on its way to an integration.
func corrupting(f apigateway.Lambda) apigateway.Lambda {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		var ev apigateway.ProxyEvent
		if err := json.Unmarshal(event, &ev); err != nil {
			return nil, err
		}
		body, err := eventBody(ev)
		if err != nil {
			return nil, err
		}
		body = faults.Flip(body)
		if ev.IsBase64Encoded {
			body = base64.StdEncoding.EncodeToString([]byte(body))
		}
		ev.Body = &body
		if event, err = json.Marshal(ev); err != nil {
			return nil, err
		}
		return f(ctx, event)
	}
}
