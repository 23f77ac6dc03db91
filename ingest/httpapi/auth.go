package httpapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/secret"
)

// A pass is what one request is made with.
type pass struct {
	quota  *quota
	bearer string          // goes into Authorization; empty: nothing does
	signed aws.Credentials // that the request was signed with

	answered time.Time
	slower   bool // the answer asks for a pause
}

// enter gets what the next request to target needs: leave to make it, a token, connections with a valid certificate. It may
// wait, and fails with a verdict.
func (s *Source) enter(ctx context.Context, target *url.URL) (*pass, error) {
	q, err := s.admit(ctx, target)
	if err != nil {
		return nil, err
	}
	if err := s.identify(target); err != nil {
		return nil, err
	}
	p := &pass{quota: q, bearer: s.cfg.Token.Reveal()}
	switch {
	case q.token != "":
		p.bearer = q.token
	case s.oauth != nil:
		if p.bearer, err = s.oauth.token(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// authorize puts the credentials into a request that is complete but for them. What signs comes last, so that the signature
// covers all headers.
func (s *Source) authorize(ctx context.Context, req *http.Request, p *pass) error {
	if s.cfg.User != "" {
		req.SetBasicAuth(s.cfg.User, s.cfg.Password.Reveal())
	}
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	if s.cfg.APIKey.IsSet() && s.cfg.APIKeyParam == "" {
		req.Header.Set(s.cfg.APIKeyHeader, s.cfg.APIKey.Reveal())
	}
	s.addKey(req.URL)
	if s.signer == nil {
		return nil
	}
	var err error
	p.signed, err = s.signer.sign(ctx, req)
	return err
}

// addKey puts the API key into the query, where it belongs there.
func (s *Source) addKey(u *url.URL) {
	if s.cfg.APIKey.IsSet() && s.cfg.APIKeyParam != "" {
		u.RawQuery = setParam(u.RawQuery, s.cfg.APIKeyParam, s.cfg.APIKey.Reveal())
	}
}

// withoutKey is a query without the API key: links to the next page repeat it, and no position may keep it.
func (s *Source) withoutKey(query string) string {
	if s.cfg.APIKeyParam == "" {
		return query
	}
	var kept []string
	for _, part := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && plain == s.cfg.APIKeyParam {
			continue
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, "&")
}

// renewed is called when the source has refused the credentials of p, and reports whether others are there to try at once:
// whatever was refused is not used again before it has been asked for anew.
func (s *Source) renewed(ctx context.Context, p *pass, resp *http.Response) bool {
	fresh := false
	for _, v := range []struct {
		secret.Value
		legal func(string) bool
	}{
		{s.cfg.Token, legalToken}, {s.cfg.Tokens, legalTokens}, {s.cfg.Password, legalPassword}, {s.cfg.APIKey, legalHeader},
	} {
		fresh = v.Refresh(v.legal) || fresh // somebody may have rotated it
	}
	if p.quota.token != "" && resp.StatusCode == http.StatusUnauthorized {
		news, others := s.budget.refuse(p.quota, p.answered)
		if news != "" {
			s.warn(fmt.Sprintf("the source refuses %s of SLUICE_HTTP_TOKENS; it is left out until the secret changes", news))
		}
		fresh = fresh || others
	}
	if s.oauth != nil {
		fresh = s.oauth.refused() || fresh
	}
	if s.signer != nil {
		fresh = s.signer.renewed(ctx, p.signed, resp) || fresh
	}
	return fresh
}

// noted takes over what an answer to a request with p says beside the page.
func (s *Source) noted(p *pass, resp *http.Response) {
	p.answered = time.Now()
	p.slower = s.budget.note(p.quota, resp.StatusCode, resp.Header, p.answered)
	if s.oauth != nil && resp.StatusCode < http.StatusMultipleChoices {
		s.oauth.proven = true
	}
}

// credentials lists the secrets of the AuthConfig, as they are and as they travel.
func (s *Source) credentials() []string {
	all := []string{s.cfg.Token.Reveal(), s.cfg.Password.Reveal(), s.cfg.APIKey.Reveal(), s.cfg.OauthClientSecret.Reveal(), s.cfg.OauthRefreshToken.Reveal()}
	all = append(all, splitTokens(s.cfg.Tokens.Reveal())...)
	if s.cfg.User != "" {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(s.cfg.User+":"+s.cfg.Password.Reveal())))
	}
	if s.oauth != nil {
		all = append(all, s.oauth.secrets()...)
	}
	if s.signer != nil {
		all = append(all, s.signer.last.SessionToken, s.signer.last.SecretAccessKey)
	}
	return all
}
