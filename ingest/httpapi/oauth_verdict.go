package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sluice/ingest"
	"sluice/internal/fault"
)

// oauthAdvice is what to do about a code of RFC 6749, section 5.2.
var oauthAdvice = map[string]string{
	"invalid_client":         "check SLUICE_HTTP_OAUTH_CLIENT_ID, SLUICE_HTTP_OAUTH_CLIENT_SECRET and SLUICE_HTTP_OAUTH_STYLE",
	"invalid_grant":          "the refresh token has expired or was revoked; set SLUICE_HTTP_OAUTH_REFRESH_TOKEN to a new one",
	"unauthorized_client":    "have the client allowed to use this grant",
	"unsupported_grant_type": "the endpoint does not know this grant; set or unset SLUICE_HTTP_OAUTH_REFRESH_TOKEN",
	"invalid_scope":          "check SLUICE_HTTP_OAUTH_SCOPES",
	"invalid_request":        "check SLUICE_HTTP_OAUTH_AUDIENCE, SLUICE_HTTP_OAUTH_PARAMS and SLUICE_HTTP_OAUTH_STYLE",
}

// judge is the only place that decides what an answer of the token endpoint means.
func (o *oauth) judge(resp *http.Response, body []byte) (grant, error) {
	var g grant
	parsed := json.Unmarshal(body, &g) == nil
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	said := ""
	if text := o.quote(body[:min(len(body), 4*sample)]); text != "" && !(parsed && g.Access != "") {
		said = fmt.Sprintf(", saying %q", text)
	}
	after := resp.Header.Get("Retry-After")
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && after != "":
		f := o.fail(fault.Throttled, "throttled", status+said)
		f.RetryAfter = retryAfter(after, serverTime(resp.Header), o.maxWait)
		return g, f
	case code >= 500, code == http.StatusRequestTimeout, g.Code == "temporarily_unavailable", g.Code == "server_error":
		return g, o.fail(fault.Transient, "oauth_unavailable", status+said)
	case parsed && g.Code != "": // some send it with 200
		advice, known := oauthAdvice[g.Code]
		if !known {
			advice = "check the settings SLUICE_HTTP_OAUTH_*"
		}
		return g, o.fail(fault.Blocked, "oauth_refused", status+said+"; "+advice)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return g, o.fail(fault.Blocked, "oauth_refused", status+said+"; "+oauthAdvice["invalid_client"])
	case code != http.StatusOK && code != http.StatusCreated:
		return g, o.fail(fault.Blocked, "oauth_bad_answer", status+said+"; check SLUICE_HTTP_OAUTH_TOKEN_URL")
	case !parsed:
		return g, o.fail(fault.Blocked, "oauth_bad_answer", "the answer is no JSON"+said+"; check SLUICE_HTTP_OAUTH_TOKEN_URL")
	case g.Access == "":
		return g, o.fail(fault.Blocked, "oauth_bad_answer", "the answer has no access_token"+said+"; check SLUICE_HTTP_OAUTH_TOKEN_URL")
	case g.Kind != "" && !strings.EqualFold(g.Kind, "bearer"):
		return g, o.fail(fault.Blocked, "oauth_bad_answer", fmt.Sprintf("the token is of the kind %q, and only bearer tokens can be used", ingest.OneLine(g.Kind, 40)))
	case len(g.Access) > maxAccessToken || !legalToken(g.Access):
		return g, o.fail(fault.Blocked, "oauth_bad_answer", "the access token is too long, or has characters that no header may have")
	}
	return g, nil
}

// network gives the verdict on a request that got no whole answer.
func (o *oauth) network(ctx, limited context.Context, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f // from the dialer, which names the host
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case ctx.Err() != nil:
		return o.fail(fault.Transient, "stopped", fmt.Sprintf("stopped while waiting for a token: %v", ctx.Err()))
	case limited.Err() != nil:
		return o.fail(fault.Transient, "oauth_unavailable", fmt.Sprintf("no whole answer within %v (SLUICE_HTTP_TIMEOUT)", o.timeout))
	}
	return o.fail(fault.Transient, "oauth_unavailable", hideURLs(err).Error())
}

func (o *oauth) fail(class fault.Class, reason, text string) *fault.Error {
	return &fault.Error{Class: class, Reason: reason, Op: oauthOp, Err: fmt.Errorf("%s: %s", showURL(o.url), text)}
}
