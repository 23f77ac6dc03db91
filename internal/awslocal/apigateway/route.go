package apigateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Route is a method of a resource: what it asks of a request, and what then answers it.
type Route struct {
	Method string // or ANY
	Path   string // "/records", "/records/{id}", "/{proxy+}"

	Integration Lambda
	Public      bool // asks for no signature; otherwise AWS_IAM
	NeedsKey    bool // asks for an API key of a usage plan

	Headers, Parameters []string          // request validation: names that must be there and not blank
	Models              map[string]*Model // request validation: by content type, or "$default"
	MediaTypes          []string          // content types that are let through; empty: all, as with a proxy integration
	Throttle            Throttle          // of this method on the stage; zero: none

	bucket *bucket
}

func (r *Route) check() error {
	if !strings.HasPrefix(r.Path, "/") || r.Method == "" || r.Integration == nil {
		return fmt.Errorf("route %q %q: it needs a method, a path that begins with a slash, and an integration", r.Method, r.Path)
	}
	return nil
}

// findRoute takes the stage off the path and looks up the resource; a literal segment is preferred to a parameter.
func (a *API) findRoute(c *call) *gatewayResponse {
	raw, _, _ := strings.Cut(c.r.RequestURI, "?")
	if raw == "" || !strings.HasPrefix(raw, "/") { // not read from a connection, or an absolute target
		raw = c.r.URL.EscapedPath()
	}
	stage, rest, _ := strings.Cut(strings.TrimPrefix(raw, "/"), "/")
	if stage != a.options.Stage {
		return forbidden
	}
	c.path = "/" + rest
	best := -1
	for i := range a.options.Routes {
		r := &a.options.Routes[i]
		if r.Method != c.r.Method && r.Method != "ANY" {
			continue
		}
		params, score, ok := match(r.Path, c.path)
		if ok && score > best {
			best, c.route, c.params = score, r, params
		}
	}
	if c.route == nil {
		return a.noRoute(c)
	}
	if len(a.methodARN(c, a.options.Account)) > maxARN {
		return uriTooLong
	}
	return nil
}

// noRoute answers for an unknown path or method. Observed on AWS: as if the signature were missing, unless there is an
// Authorization header that is no signature, which is complained about.
func (a *API) noRoute(c *call) *gatewayResponse {
	if auth := c.r.Header.Get("Authorization"); auth != "" && !strings.HasPrefix(auth, "AWS4-") {
		_, err := a.options.Verifier.Verify(c.r, c.body, "execute-api")
		return unauthenticated(err)
	}
	return missingToken
}

// match compares a path with a pattern; score tells good matches from better ones.
func match(pattern, path string) (params map[string]string, score int, ok bool) {
	want := strings.Split(strings.Trim(pattern, "/"), "/")
	have := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	for i, segment := range want {
		name, isParam := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		if greedy, isGreedy := strings.CutSuffix(name, "+"); isParam && isGreedy {
			rest := strings.Join(have[min(i, len(have)):], "/")
			return with(params, greedy, rest), score, rest != ""
		}
		if i >= len(have) {
			return nil, 0, false
		}
		switch {
		case isParam && have[i] != "":
			params = with(params, name, have[i])
			score++
		case !isParam && segment == have[i]:
			score += 100
		default:
			return nil, 0, false
		}
	}
	return params, score, len(want) == len(have)
}

func with(params map[string]string, name, value string) map[string]string {
	if params == nil {
		params = map[string]string{}
	}
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	params[name] = value
	return params
}

// mediaType is the content type without its parameters, lower case. Without one the service assumes JSON.
func mediaType(h http.Header) string {
	name, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return "application/json"
	}
	return name
}

// checkMediaType refuses what a route with a closed list of media types has no template for.
func (a *API) checkMediaType(c *call) *gatewayResponse {
	if len(c.route.MediaTypes) == 0 {
		return nil
	}
	for _, m := range c.route.MediaTypes {
		if m == mediaType(c.r.Header) {
			return nil
		}
	}
	return unsupportedMediaType
}
