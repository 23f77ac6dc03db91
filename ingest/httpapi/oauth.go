package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
)

const (
	oauthOp        = "http.token"
	maxTokenAnswer = 1 << 20
	// maxAccessToken bounds a token that goes into a header: servers take 8 KiB or so of all headers together.
	maxAccessToken = 64 << 10
	// endMargin is the end of a token's life in which it is not used: the request takes time.
	endMargin = 10 * time.Second
	// againAfter is how long a token that is still valid is used before the next attempt to renew it.
	againAfter = 30 * time.Second
)

// An oauth gets access tokens from a token endpoint (RFC 6749, sections 4.4 and 6) and renews them when a fifth to a tenth of
// their life is left, or when they are refused. Reads do not overlap, so it has no lock.
type oauth struct {
	cfg       AuthConfig
	url       *url.URL
	params    url.Values
	timeout   time.Duration
	client    *http.Client
	transport *http.Transport // under client
	maxWait   time.Duration
	quote     func([]byte) string // makes foreign text fit to be shown

	access  string
	renewAt time.Time // zero: it is not said when access ends
	ends    time.Time
	proven  bool   // the source has accepted access
	unsaved string // a new refresh token that has not found its place yet
	sent    string // the refresh token that unsaved has replaced
}

func newOauth(c Config, quote func([]byte) string) (*oauth, error) {
	u, err := url.Parse(c.OauthTokenURL)
	if err != nil {
		return nil, errors.New("OAUTH_TOKEN_URL is not a URL")
	}
	params, err := url.ParseQuery(c.OauthParams)
	if err != nil {
		return nil, errors.New("OAUTH_PARAMS cannot be parsed")
	}
	return &oauth{cfg: c.AuthConfig, url: u, params: params, timeout: c.Timeout, maxWait: c.MaxWait, quote: quote}, nil
}

// connect makes the client. No redirect is followed: the secret is for the endpoint alone.
func (o *oauth) connect(tr *http.Transport, wrap func(*http.Transport) http.RoundTripper) {
	if o.transport != nil {
		o.transport.CloseIdleConnections()
	}
	o.transport = tr
	o.client = &http.Client{Transport: wrap(tr), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// token returns an access token. One that is due is renewed first; while the endpoint is down it is used until it ends.
func (o *oauth) token(ctx context.Context) (string, error) {
	if o.unsaved != "" {
		if err := o.save(); err != nil {
			return "", err
		}
	}
	now := time.Now()
	valid := o.access != "" && (o.ends.IsZero() || now.Before(o.ends))
	if valid && (o.renewAt.IsZero() || now.Before(o.renewAt)) {
		return o.access, nil
	}
	err := o.renew(ctx)
	if f := fault.From(err); err != nil && valid && ctx.Err() == nil && o.unsaved == "" && (f.Class == fault.Transient || f.Class == fault.Throttled || f.Reason == "oauth_bad_answer") {
		o.renewAt = time.Now().Add(max(againAfter, f.RetryAfter))
		return o.access, nil
	}
	if err != nil {
		return "", err
	}
	return o.access, nil
}

// renew asks for a new token, and once more if the secrets have turned out to be newer than what was refused.
func (o *oauth) renew(ctx context.Context) error {
	err := o.ask(ctx)
	if f := fault.From(err); f != nil && f.Reason == "oauth_refused" {
		fresh := o.cfg.OauthClientSecret.Refresh(legalSecret)
		fresh = o.cfg.OauthRefreshToken.Refresh(legalSecret) || fresh
		if fresh {
			return o.ask(ctx)
		}
	}
	return err
}

// refused is called when the source does not take the token. It is given up, and another one is worth a try at once if the
// source had accepted this one before.
func (o *oauth) refused() bool {
	was := o.proven
	o.access, o.proven = "", false
	return was
}

// form is what the endpoint is asked.
func (o *oauth) form() (form url.Values, refresh string) {
	form = url.Values{}
	for name, values := range o.params {
		form[name] = values
	}
	if refresh = o.cfg.OauthRefreshToken.Reveal(); refresh != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", refresh)
	} else {
		form.Set("grant_type", "client_credentials")
	}
	if len(o.cfg.OauthScopes) > 0 {
		form.Set("scope", strings.Join(o.cfg.OauthScopes, " "))
	}
	if o.cfg.OauthAudience != "" {
		form.Set("audience", o.cfg.OauthAudience)
	}
	secret := o.cfg.OauthClientSecret.Reveal()
	if o.cfg.OauthStyle == styleBody || secret == "" {
		form.Set("client_id", o.cfg.OauthClientID)
		if secret != "" {
			form.Set("client_secret", secret)
		}
	}
	return form, refresh
}

// ask makes one request to the endpoint and takes over what it brings.
func (o *oauth) ask(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	form, refresh := o.form()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, o.url.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return o.fail(fault.Blocked, "oauth_bad_answer", "no request can be made of SLUICE_HTTP_OAUTH_TOKEN_URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sluice")
	if secret := o.cfg.OauthClientSecret.Reveal(); secret != "" && o.cfg.OauthStyle == styleBasic {
		req.SetBasicAuth(url.QueryEscape(o.cfg.OauthClientID), url.QueryEscape(secret)) // RFC 6749, section 2.3.1
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return o.network(ctx, limited, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer+1))
	if err != nil {
		return o.network(ctx, limited, err)
	}
	if len(body) > maxTokenAnswer {
		return o.fail(fault.Blocked, "oauth_bad_answer", fmt.Sprintf("the answer has more than %d bytes, as no token has; check SLUICE_HTTP_OAUTH_TOKEN_URL", maxTokenAnswer))
	}
	g, err := o.judge(resp, body)
	if err != nil {
		return err
	}
	o.use(g)
	if g.Refresh != "" && refresh != "" && g.Refresh != refresh {
		o.unsaved, o.sent = g.Refresh, refresh
		return o.save()
	}
	return nil
}

// use takes over an access token.
func (o *oauth) use(g grant) {
	o.access, o.proven, o.renewAt, o.ends = g.Access, false, time.Time{}, time.Time{}
	if life := g.life(); life > 0 {
		now := time.Now()
		// Jitter, so that many daemons started at once do not meet at the endpoint for ever.
		o.renewAt = now.Add(time.Duration(float64(life) * (0.8 + 0.1*rand.Float64())))
		o.ends = now.Add(max(life-endMargin, life/2))
		if o.renewAt.After(o.ends) {
			o.renewAt = o.ends
		}
	}
}

// save puts the newest refresh token where the old one came from, before the access token is used: with the old one nobody
// could begin again.
func (o *oauth) save() error {
	if now := o.cfg.OauthRefreshToken.Reveal(); now != o.sent {
		o.unsaved, o.access = "", "" // a person has put another one there
		return nil
	}
	if !o.cfg.OauthRefreshToken.Storable() {
		o.cfg.OauthRefreshToken.Refresh(legalSecret)
		return o.fail(fault.Blocked, "oauth_token_unsaved", "the endpoint has handed out a new refresh token, and there is no file to keep it in; get another one, put it into a file, and name that by SLUICE_HTTP_OAUTH_REFRESH_TOKEN_FILE")
	}
	if err := o.cfg.OauthRefreshToken.Store(o.unsaved); err != nil {
		return o.fail(fault.Blocked, "oauth_token_unsaved", fmt.Sprintf("the endpoint has handed out a new refresh token, which cannot be written to the file of SLUICE_HTTP_OAUTH_REFRESH_TOKEN_FILE: %v; make it and its folder writable, and do not stop Sluice before", err))
	}
	o.unsaved, o.sent = "", ""
	return nil
}

// secrets lists what must not be printed.
func (o *oauth) secrets() []string { return []string{o.access, o.unsaved, o.sent} }

// A grant is the answer of a token endpoint (RFC 6749, sections 5.1 and 5.2).
type grant struct {
	Access  string          `json:"access_token"`
	Kind    string          `json:"token_type"`
	Life    json.RawMessage `json:"expires_in"`
	Refresh string          `json:"refresh_token"`
	Code    string          `json:"error"`
	Said    string          `json:"error_description"`
}

// life is how long the token is valid, or 0 if that is not said. Some write the number as a string.
func (g grant) life() time.Duration {
	v, err := strconv.ParseFloat(strings.Trim(string(g.Life), `" `), 64)
	if err != nil || !(v > 0) {
		return 0
	}
	return asDuration(v * float64(time.Second))
}

func legalSecret(text string) bool { return text != "" }
