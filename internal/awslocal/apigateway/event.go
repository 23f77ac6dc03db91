package apigateway

import (
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A ProxyEvent is what a Lambda proxy integration receives, payload format 1.0. Empty maps are null.
type ProxyEvent struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"` // of a repeated header the last value
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  RequestContext      `json:"requestContext"`
	Body                            *string             `json:"body"` // null if the request has none
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

// RequestContext is what the gateway knows about a request.
type RequestContext struct {
	AccountID         string        `json:"accountId"`
	APIID             string        `json:"apiId"`
	DeploymentID      string        `json:"deploymentId"`
	DomainName        string        `json:"domainName"`
	DomainPrefix      string        `json:"domainPrefix"`
	ExtendedRequestID string        `json:"extendedRequestId"`
	HTTPMethod        string        `json:"httpMethod"`
	Identity          EventIdentity `json:"identity"`
	Path              string        `json:"path"` // with the stage
	Protocol          string        `json:"protocol"`
	RequestID         string        `json:"requestId"`
	RequestTime       string        `json:"requestTime"`
	RequestTimeEpoch  int64         `json:"requestTimeEpoch"` // milliseconds
	ResourceID        string        `json:"resourceId"`
	ResourcePath      string        `json:"resourcePath"`
	Stage             string        `json:"stage"`
}

// EventIdentity is who sent a request. What is not known is null.
type EventIdentity struct {
	AccessKey                     *string `json:"accessKey"`
	AccountID                     *string `json:"accountId"`
	APIKey                        string  `json:"apiKey,omitempty"`
	APIKeyID                      string  `json:"apiKeyId,omitempty"`
	Caller                        *string `json:"caller"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	SourceIP                      string  `json:"sourceIp"`
	User                          *string `json:"user"`
	UserAgent                     *string `json:"userAgent"`
	UserARN                       *string `json:"userArn"`
}

// dropped are the headers that do not reach an integration.
var dropped = []string{"Connection", "Content-Length", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate",
	"Server", "Te", "Transfer-Encoding", "Trailer", "Upgrade", "Www-Authenticate"}

// event describes a request to its integration.
func (a *API) event(c *call) ProxyEvent {
	headers := a.eventHeaders(c)
	query := map[string][]string(c.r.URL.Query())
	ev := ProxyEvent{
		Resource: c.route.Path, Path: c.path, HTTPMethod: c.r.Method,
		Headers: lasts(headers), MultiValueHeaders: headers,
		QueryStringParameters: lasts(query), MultiValueQueryStringParameters: query,
		PathParameters: c.params,
		RequestContext: a.requestContext(c),
	}
	if len(query) == 0 {
		ev.MultiValueQueryStringParameters = nil
	}
	if len(c.body) > 0 {
		text := string(c.body)
		if ev.IsBase64Encoded = a.isBinary(mediaType(c.r.Header)); ev.IsBase64Encoded {
			text = base64.StdEncoding.EncodeToString(c.body)
		}
		ev.Body = &text
	}
	return ev
}

func (a *API) requestContext(c *call) RequestContext {
	host := hostname(c.r.Host)
	prefix, _, _ := strings.Cut(host, ".")
	return RequestContext{
		AccountID: a.options.Account, APIID: a.options.ID, DeploymentID: "standin", DomainName: host, DomainPrefix: prefix,
		ExtendedRequestID: c.extra, HTTPMethod: c.r.Method, Identity: identity(c),
		Path: "/" + a.options.Stage + c.path, Protocol: c.r.Proto, RequestID: c.id,
		RequestTime: c.at.UTC().Format("02/Jan/2006:15:04:05 -0700"), RequestTimeEpoch: c.at.UnixMilli(),
		ResourceID: "standin", ResourcePath: c.route.Path, Stage: a.options.Stage,
	}
}

func identity(c *call) EventIdentity {
	id := EventIdentity{SourceIP: hostname(c.r.RemoteAddr)}
	if agent := c.r.UserAgent(); agent != "" {
		id.UserAgent = &agent
	}
	if who := c.caller; who != nil {
		id.AccessKey, id.AccountID, id.UserARN = &who.AccessKeyID, &who.Account, &who.ARN
		id.Caller, id.User = &who.UserID, &who.UserID
	}
	if c.key != nil {
		id.APIKey, id.APIKeyID = c.key.Value, c.key.ID
	}
	return id
}

// eventHeaders returns the request's headers without those that end at the gateway, and with those it adds.
func (a *API) eventHeaders(c *call) map[string][]string {
	out := map[string][]string{"Host": {c.r.Host}}
	for name, values := range c.r.Header {
		signature := name == "Authorization" && strings.HasPrefix(values[0], "AWS4-")
		if !signature && !slices.Contains(dropped, name) {
			out[name] = values
		}
	}
	h := http.Header(out)
	ip := hostname(c.r.RemoteAddr)
	if before := h.Get("X-Forwarded-For"); before != "" {
		ip = before + ", " + ip
	}
	_, port, _ := net.SplitHostPort(c.r.Host)
	if port == "" {
		port = "80"
	}
	h.Set("X-Forwarded-For", ip)
	h.Set("X-Forwarded-Port", port)
	h.Set("X-Forwarded-Proto", "http")
	if h.Get("X-Amzn-Trace-Id") == "" {
		h.Set("X-Amzn-Trace-Id", traceID(c.at))
	}
	return out
}

// isBinary reports whether bodies of a media type travel in base64.
func (a *API) isBinary(media string) bool {
	return slices.ContainsFunc(a.options.Binary, func(b string) bool { return b == "*/*" || strings.EqualFold(b, media) })
}

func lasts(m map[string][]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for name, values := range m {
		out[name] = values[len(values)-1]
	}
	return out
}

// hostname takes the port off an address, if there is one.
func hostname(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}
