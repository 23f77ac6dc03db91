package sts

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/internal/awslocal/sigv4"
)

const version = "2011-06-15"

// A Role can be assumed by the callers that it trusts.
type Role struct {
	Name       string
	ID         string        // unique id; empty: New makes one
	ExternalID string        // that a caller has to give; empty: none
	Trusts     []string      // ARNs of users and roles; a role stands for all of its sessions
	MaxSession time.Duration // 1 to 12 hours; 0: one hour
}

// Options says who may get what. Keys is needed.
type Options struct {
	Keys        *sigv4.Keys
	Account     string // 12 digits
	Roles       []Role
	TokenLength int              // characters of a session token; 0: 800
	Now         func() time.Time // nil: time.Now
}

// An Engine answers the actions. Safe for concurrent use.
type Engine struct {
	options Options
	roles   map[string]Role // by ARN
}

// New returns an Engine for the roles of one account.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLength == 0 {
		o.TokenLength = 800
	}
	e := &Engine{options: o, roles: map[string]Role{}}
	for _, r := range o.Roles {
		if r.ID == "" {
			r.ID = "LROA" + sigv4.RandomID(17)
		}
		if r.MaxSession == 0 {
			r.MaxSession = time.Hour
		}
		e.roles[e.roleARN(r.Name)] = r
	}
	return e
}

func (e *Engine) roleARN(name string) string {
	return "arn:aws:iam::" + e.options.Account + ":role/" + name
}

// ServeSTS answers a request whose signature has been verified.
func (e *Engine) ServeSTS(w http.ResponseWriter, r *http.Request, body []byte, caller sigv4.Identity) {
	form, err := parameters(r, body)
	if err != nil {
		write(w, r, &fault{"MalformedQueryString", 400, "The query string cannot be read: " + err.Error()})
		return
	}
	result, refused := e.act(form, caller)
	if refused != nil {
		write(w, r, refused)
		return
	}
	write(w, r, result)
}

// ServeError answers with an error that was found before the action was looked at, such as a wrong signature.
func (e *Engine) ServeError(w http.ResponseWriter, r *http.Request, code, message string, status int) {
	write(w, r, &fault{code, status, message})
}

func (e *Engine) act(form url.Values, caller sigv4.Identity) (any, *fault) {
	action := form.Get("Action")
	if form.Get("Version") == version {
		switch action {
		case "AssumeRole":
			return e.assumeRole(form, caller)
		case "GetCallerIdentity":
			return getCallerIdentity(caller), nil
		}
	}
	if action == "" {
		return nil, &fault{"MissingAction", 400, "The request lacks the parameter Action."}
	}
	return nil, &fault{"InvalidAction", 400, "Could not find operation " + action + " for version " + form.Get("Version")}
}

// parameters reads the form from the body of a POST, or from the query.
func parameters(r *http.Request, body []byte) (url.Values, error) {
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return url.ParseQuery(string(body))
	}
	return url.ParseQuery(r.URL.RawQuery)
}
