package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A Lambda is an integration as the gateway sees it: JSON in, JSON out. An error stands for a function that failed.
type Lambda func(ctx context.Context, event []byte) ([]byte, error)

// A Handler is an integration as a Go function sees it.
type Handler func(ctx context.Context, ev ProxyEvent) (ProxyResponse, error)

// A ProxyResponse is what a Handler answers.
type ProxyResponse struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// Lambda makes an integration of h. Event and response pass through JSON, so that h sees and says nothing that a Lambda
// function could not.
func (h Handler) Lambda() Lambda {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		var ev ProxyEvent
		if err := json.Unmarshal(event, &ev); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		response, err := h(ctx, ev)
		if err != nil {
			return nil, err
		}
		return json.Marshal(response)
	}
}

// integrate runs the integration and reads its response. When the time is up the client gets 504 and the integration
// goes on, so that what it does is done all the same.
func (a *API) integrate(c *call) (*answer, *gatewayResponse) {
	event, err := encode(a.event(c))
	if err != nil {
		return nil, badGateway
	}
	if len(event) > maxLambda {
		return nil, requestTooLong
	}
	var before, after time.Duration
	if a.options.Pace != nil {
		before, after = a.options.Pace()
	}
	cold, ok := a.places.enter()
	if !ok {
		return nil, tooManyRequests
	}
	f := c.route.Integration
	if c.effect.Wrap != nil {
		f = c.effect.Wrap(f)
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.options.Timeout)
	defer cancel()
	done := make(chan []byte, 1)
	a.running.Go(func() {
		defer a.places.leave()
		a.pause(before + cold)
		done <- run(a.ctx, f, event)
	})
	select {
	case response := <-done:
		a.pause(after)
		answer, err := a.parse(c, response)
		if err != nil {
			return nil, badGateway
		}
		return answer, nil
	case <-ctx.Done():
		return nil, timedOut
	}
}

// pause waits for d, or until the API closes.
func (a *API) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
	}
}

// run returns nil where the integration fails or panics: a function that crashed has said nothing.
func run(ctx context.Context, f Lambda, event []byte) (response []byte) {
	defer func() {
		if recover() != nil {
			response = nil
		}
	}()
	response, err := f(ctx, event)
	if err != nil || len(response) > maxLambda {
		return nil
	}
	return response
}

// encode leaves <, > and & alone, as the service does: escapes would count towards Lambda's limit. Bytes of a body that
// are not UTF-8 become U+FFFD here.
func encode(ev ProxyEvent) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(ev)
	return b.Bytes(), err
}
