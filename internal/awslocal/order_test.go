package awslocal

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/awslocal/apigateway"
)

// TestOrderOfChecks sends a request with which everything is wrong, and mends one thing after the other. The answer names
// the first thing that is still wrong.
func TestOrderOfChecks(t *testing.T) {
	steps := []struct {
		wrong  string
		status int
		kind   string
		want   string
	}{
		{"size", 413, "", "HTTP content length exceeded"},
		{"stage", 403, "ForbiddenException", "Forbidden"},
		{"route", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"signature", 403, "InvalidSignatureException", "does not match"},
		{"session", 403, "ExpiredTokenException", "expired"},
		{"permission", 403, "AccessDeniedException", "not authorized"},
		{"key", 403, "ForbiddenException", "Forbidden"},
		{"rate", 429, "TooManyRequestsException", "Too Many Requests"},
		{"quota", 429, "LimitExceededException", "Limit Exceeded"},
		{"parameters", 400, "BadRequestException", "Missing required request parameters"},
		{"body", 400, "BadRequestException", "Invalid request body"},
		{"media type", 415, "BadRequestException", "Unsupported Media Type"},
		{"integration", 502, "InternalServerErrorException", "Internal server error"},
		{"nothing", 200, "", ""},
	}
	model, err := apigateway.ParseModel([]byte(`{"type": "object"}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range steps {
		wrong := map[string]bool{}
		for _, s := range steps[i:] {
			wrong[s.wrong] = true
		}
		t.Run(step.wrong, func(t *testing.T) {
			route := apigateway.Route{Method: "POST", Path: "/ordered", NeedsKey: true, Integration: says(`{}`), Parameters: []string{"p"},
				Models: map[string]*apigateway.Model{"$default": model}, MediaTypes: []string{"application/json"}}
			c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
			o := Options{Now: c.now, Quota: apigateway.Quota{Limit: 1, Period: "MONTH"}}
			if wrong["integration"] {
				route.Integration = says(`null`)
			}
			if wrong["rate"] {
				route.Throttle = apigateway.Throttle{Rate: 1e-9} // a bucket that holds nothing
			}
			if wrong["quota"] {
				o.Quota.Limit = 0
			}
			if wrong["permission"] {
				o.Statements = []apigateway.Statement{{Deny: true, Principals: []string{"*"}, Resources: []string{"*/ordered"}}}
			}
			o.Routes = []apigateway.Route{route}
			s := start(t, o)
			got := sendWrong(t, s, c, wrong)
			if got.status != step.status || got.header.Get("X-Amzn-Errortype") != step.kind || !strings.Contains(got.body, step.want) {
				t.Errorf("got %d %s %s, want %d %s %s", got.status, got.header.Get("X-Amzn-Errortype"), got.body, step.status, step.kind, step.want)
			}
		})
	}
}

func sendWrong(t *testing.T, s *standin, c *clock, wrong map[string]bool) result {
	role := s.role(t)
	path, body := "/v1/ordered?p=1", "{}"
	if wrong["parameters"] {
		path = "/v1/ordered"
	}
	if wrong["body"] {
		body = "["
	}
	if wrong["size"] {
		body = strings.Repeat("[", apigateway.MaxBody+1)
	}
	if wrong["route"] {
		path = "/v1/other"
	}
	if wrong["stage"] {
		path = "/other/other"
	}
	r := s.request(t, path, body)
	if wrong["media type"] {
		r.Header.Set("Content-Type", "text/plain")
	}
	if wrong["key"] {
		r.Header.Del("X-Api-Key")
	}
	if wrong["session"] {
		c.at = role.Expires
	}
	if wrong["signature"] {
		role.SecretAccessKey += "x"
	}
	s.sign(t, r, role, "execute-api", time.Time{})
	return send(t, r)
}
