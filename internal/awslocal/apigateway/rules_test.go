package apigateway

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/awslocal/sigv4"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          map[string]string // nil: no match
	}{
		{"/records", "/records", map[string]string{}},
		{"/records", "/records/", map[string]string{}},
		{"/records", "/record", nil},
		{"/records", "/records/x", nil},
		{"/records", "//records", nil},
		{"/", "/", map[string]string{}},
		{"/{id}", "/a%2Fb", map[string]string{"id": "a/b"}},
		{"/{id}", "/", nil},
		{"/a/{x}/b/{y}", "/a/1/b/2", map[string]string{"x": "1", "y": "2"}},
		{"/{proxy+}", "/a/b//c", map[string]string{"proxy": "a/b//c"}},
		{"/{proxy+}", "/", nil},
		{"/a/{proxy+}", "/a", nil},
		{"/a/{proxy+}", "/a//b", map[string]string{"proxy": "/b"}},
	} {
		got, _, ok := match(c.pattern, c.path)
		if ok != (c.want != nil) || ok && !maps.Equal(got, c.want) {
			t.Errorf("%s on %s: got %v, %v; want %v", c.path, c.pattern, got, ok, c.want)
		}
	}
}

// TestLiteralBeforeParameter: of two patterns that fit the more literal one is taken, wherever it stands in the table.
func TestLiteralBeforeParameter(t *testing.T) {
	says := func(name string) Route {
		return Route{Method: "ANY", Path: name, Public: true, Integration: Handler(nil).Lambda()}
	}
	a, err := New(Options{Verifier: &sigv4.Verifier{}, Routes: []Route{says("/{proxy+}"), says("/a/{x}"), says("/a/b"), says("/{x}/b")}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/v1/a/b": "/a/b", "/v1/a/c": "/a/{x}", "/v1/c/b": "/{x}/b", "/v1/c": "/{proxy+}", "/v1/a/b/c": "/{proxy+}"} {
		c := &call{r: httptest.NewRequest("GET", path, nil)}
		if refused := a.findRoute(c); refused != nil || c.route.Path != want {
			t.Errorf("%s: got route %v, want %s", path, c.route, want)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abbcd", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"*/POST/*", "arn/v1/POST/records", true}, {"*/POST/*", "arn/v1/GET/records", false},
		{"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false}, {"**", "x", true}, {"a*", "b", false}, {"*a", "ba", true},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: got %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	const method = "arn:aws:execute-api:us-east-1:123456789012:api/v1/POST/records"
	ann := &sigv4.Identity{ARN: "arn:aws:iam::123456789012:user/ann", Account: "123456789012"}
	session := &sigv4.Identity{ARN: "arn:aws:sts::123456789012:assumed-role/writer/s1", Account: "123456789012"}
	on := func(deny bool, who ...string) []Statement {
		return []Statement{{Deny: deny, Principals: who, Resources: []string{"*/POST/*"}}}
	}
	const role = "arn:aws:iam::123456789012:role/writer"
	for _, c := range []struct {
		name   string
		policy Policy
		caller *sigv4.Identity
		want   string // "": allowed
	}{
		{"nothing said", Policy{}, ann, "because no identity-based policy allows the execute-api:Invoke action"},
		{"identity allows", Policy{Identity: on(false, ann.ARN)}, ann, ""},
		{"resource allows", Policy{Resource: on(false, ann.ARN)}, ann, ""},
		{"allowed for somebody else", Policy{Identity: on(false, ann.ARN)}, session, "because no identity-based policy allows the execute-api:Invoke action"},
		{"role stands for its sessions", Policy{Identity: on(false, role)}, session, ""},
		{"resource denies what identity allows", Policy{Identity: on(false, "*"), Resource: on(true, role)}, session, "with an explicit deny in a resource-based policy"},
		{"identity denies what resource allows", Policy{Identity: on(true, ann.ARN), Resource: on(false, "*")}, ann, "with an explicit deny in an identity-based policy"},
		{"other method", Policy{Identity: []Statement{{Principals: []string{"*"}, Resources: []string{"*/GET/*"}}}}, ann, "because no identity-based policy allows the execute-api:Invoke action"},
		{"anonymous, everybody allowed", Policy{Resource: on(false, "*")}, nil, ""},
		{"anonymous, one allowed", Policy{Resource: on(false, ann.ARN)}, nil, "because no resource-based policy allows the execute-api:Invoke action"},
	} {
		if got := c.policy.refuses(c.caller, method); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPeriods(t *testing.T) {
	for _, c := range []struct{ period, at, want string }{
		{"DAY", "2026-11-22T23:59:59Z", "2026-11-22T00:00:00Z"},
		{"DAY", "2026-11-23T00:30:00+01:00", "2026-11-22T00:00:00Z"},
		{"WEEK", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"}, // a Sunday
		{"WEEK", "2026-11-28T23:59:59Z", "2026-11-22T00:00:00Z"},
		{"MONTH", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := periodStart(c.period, now).Format(time.RFC3339); got != c.want {
			t.Errorf("%s of %s began at %s, want %s", c.period, c.at, got, c.want)
		}
	}
}

func TestRefusedConfigurations(t *testing.T) {
	lambda := Handler(nil).Lambda()
	key := APIKey{ID: "k", Value: strings.Repeat("k", 20)}
	good := []Route{{Method: "GET", Path: "/x", Integration: lambda}}
	v := &sigv4.Verifier{}
	for name, o := range map[string]Options{
		"no verifier":             {Routes: good},
		"no routes":               {Verifier: v},
		"route without slash":     {Verifier: v, Routes: []Route{{Method: "GET", Path: "x", Integration: lambda}}},
		"route that does nothing": {Verifier: v, Routes: []Route{{Method: "GET", Path: "/x"}}},
		"short API key":           {Verifier: v, Routes: good, Plans: []UsagePlan{{Keys: []APIKey{{Value: "short"}}}}},
		"key in two plans":        {Verifier: v, Routes: good, Plans: []UsagePlan{{Keys: []APIKey{key}}, {Keys: []APIKey{key}}}},
		"unknown period":          {Verifier: v, Routes: good, Plans: []UsagePlan{{Quota: Quota{Limit: 1, Period: "YEAR"}}}},
		"quota without period":    {Verifier: v, Routes: good, Plans: []UsagePlan{{Quota: Quota{Limit: 1}}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestRefusedModels(t *testing.T) {
	for text, want := range map[string]string{
		`{`:  "not JSON",
		`[]`: "JSON object",
		`{"$schema": "http://json-schema.org/draft-07/schema#"}`: "draft 4 only",
		`{"type": "strin"}`:                  "model",
		`{"$ref": "file:///etc/hosts"}`:      "one document",
		`{"$ref": "http://127.0.0.1/model"}`: "one document",
	} {
		if _, err := ParseModel([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
	for _, text := range []string{`{}`, `{"$schema": "http://json-schema.org/draft-04/schema#", "$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}}`} {
		if _, err := ParseModel([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
