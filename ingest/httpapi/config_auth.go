package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"sluice/internal/awscreds"
	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// How a client says who it is at the token endpoint (RFC 6749, section 2.3.1).
const (
	styleBasic = "basic" // in the Authorization header
	styleBody  = "body"  // in the form
)

// AuthConfig says as whom requests are made. It is a part of Config.
type AuthConfig struct {
	Token    secret.Value `split_words:"true" desc:"secret sent as Authorization: Bearer; over https, or http to this host only. When the source refuses it, its file is read again, and so are those of all secrets of the source"`
	Tokens   secret.Value `split_words:"true" desc:"several such secrets, one per line or with commas between: each request takes the one with the most requests left, as the source's headers tell; one that is refused is left out until the secret changes"`
	User     string       `split_words:"true" desc:"user name, sent with PASSWORD as Authorization: Basic"`
	Password secret.Value `split_words:"true" desc:"password of USER"`

	APIKey       secret.Value `split_words:"true" desc:"API key, sent in the header API_KEY_HEADER or the query parameter API_KEY_PARAM"`
	APIKeyHeader string       `split_words:"true" default:"X-API-Key" desc:"header that API_KEY goes into"`
	APIKeyParam  string       `split_words:"true" desc:"query parameter that API_KEY goes into, in the place of the header; it is in no cursor, log or error"`

	OauthTokenURL     string       `split_words:"true" desc:"OAuth 2.0: token endpoint. The grant is client_credentials, or refresh_token if OAUTH_REFRESH_TOKEN is set"`
	OauthClientID     string       `split_words:"true" desc:"OAuth 2.0: client id"`
	OauthClientSecret secret.Value `split_words:"true" desc:"OAuth 2.0: client secret; a public client with a refresh token has none"`
	OauthRefreshToken secret.Value `split_words:"true" desc:"OAuth 2.0: refresh token. Where the endpoint hands out a new one each time, it has to be in a file, which is then written anew"`
	OauthScopes       []string     `split_words:"true" desc:"OAuth 2.0: scopes to ask for"`
	OauthAudience     string       `split_words:"true" desc:"OAuth 2.0: the parameter audience, which some endpoints want"`
	OauthParams       string       `split_words:"true" desc:"OAuth 2.0: further parameters for the token endpoint, as name=value&name=value; no secrets"`
	OauthStyle        string       `split_words:"true" default:"basic" desc:"OAuth 2.0: where client id and secret go: basic (Authorization header) or body (form)"`

	ClientCertFile string `split_words:"true" desc:"PEM file of the client certificate, with those that lead to its authority; read again when it changes"`
	ClientKeyFile  string `split_words:"true" desc:"PEM file of its private key; read again when it changes"`
	CAFile         string `split_words:"true" desc:"PEM file of the authorities that may sign the source's certificate, in the place of the system's; read again when it changes"`

	AWSService string `split_words:"true" desc:"sign requests with AWS Signature Version 4 for this service, such as execute-api; credentials are those of the AWS_* and SLUICE_ROLE_* settings"`
	AWSRegion  string `split_words:"true" desc:"region to sign for; empty: the AWS region"`

	// AWS signs if AWSService is set. The Source takes it over and closes it.
	AWS *awscreds.AWS `ignored:"true"`
	// Warn is told in a sentence what a person should look at while reading goes on; nil: nobody is.
	Warn func(message string) `ignored:"true"`
}

// defaultAuth is the AuthConfig of an empty environment.
func defaultAuth() AuthConfig {
	return AuthConfig{APIKeyHeader: "X-API-Key", OauthStyle: styleBasic} // #nosec G101 -- the name of a header
}

// ways lists the settings that make the Authorization header.
func (c Config) ways() []string {
	var ways []string
	add := func(used bool, name string) {
		if used {
			ways = append(ways, name)
		}
	}
	add(c.Token.IsSet(), "TOKEN")
	add(c.Tokens.IsSet(), "TOKENS")
	add(c.User != "", "USER")
	add(c.OauthTokenURL != "", "OAUTH_TOKEN_URL")
	add(c.AWSService != "", "AWS_SERVICE")
	add(c.APIKey.IsSet() && c.APIKeyParam == "" && http.CanonicalHeaderKey(c.APIKeyHeader) == "Authorization", "API_KEY_HEADER=Authorization")
	add(c.Headers.has("Authorization"), "an Authorization header in HEADERS")
	return ways
}

// checkAuth adds what is wrong with the AuthConfig.
func (c Config) checkAuth(p *problems) {
	if ways := c.ways(); len(ways) > 1 {
		p.add("both %s are set, and each makes the Authorization header; keep one", strings.Join(ways, " and "))
	}
	if !legalToken(c.Token.Reveal()) {
		p.add("TOKEN has a character that no bearer token may have, such as a space or a line break")
	}
	if c.Tokens.IsSet() && !legalTokens(c.Tokens.Reveal()) {
		p.add("TOKENS holds no token, one token twice, or a character that no bearer token may have, such as a space inside a line")
	}
	c.checkBasic(p)
	c.checkKey(p)
	c.checkOauth(p)
	if c.AWSService == "" && c.AWSRegion != "" {
		p.add("AWS_REGION is set without AWS_SERVICE")
	}
	if !plainName(c.AWSService) || !plainName(c.AWSRegion) {
		p.add("AWS_SERVICE and AWS_REGION consist of letters, digits and hyphens")
	}
	if (c.ClientCertFile == "") != (c.ClientKeyFile == "") {
		p.add("CLIENT_CERT_FILE and CLIENT_KEY_FILE go together; set both or none")
		return
	}
	if _, err := loadIdentity(c.AuthConfig); err != nil {
		p.errs = append(p.errs, err)
	}
}

func (c Config) checkBasic(p *problems) {
	if c.User == "" && c.Password.IsSet() {
		p.add("PASSWORD is set without USER")
	}
	// RFC 7617, section 2: a user name has no colon, and neither part a control character.
	if strings.Contains(c.User, ":") || !legalPassword(c.User) {
		p.add("USER has a colon or a control character, which Basic authentication cannot carry")
	}
	if !legalPassword(c.Password.Reveal()) {
		p.add("PASSWORD has a control character, such as a line break")
	}
}

func (c Config) checkKey(p *problems) {
	if !c.APIKey.IsSet() {
		if c.APIKeyParam != "" {
			p.add("API_KEY_PARAM is set without API_KEY")
		}
		return
	}
	if !legalHeader(c.APIKey.Reveal()) {
		p.add("API_KEY has a character that no header may have, such as a line break")
	}
	if c.APIKeyParam != "" {
		if u, err := url.Parse(c.URL); err == nil && u.Query().Has(c.APIKeyParam) {
			p.add("API_KEY_PARAM is a parameter of URL too; remove it there")
		}
		return
	}
	switch name := http.CanonicalHeaderKey(c.APIKeyHeader); {
	case !httpguts.ValidHeaderFieldName(c.APIKeyHeader):
		p.add("API_KEY_HEADER is no name of a header")
	case slices.Contains(ownHeaders, name):
		p.add("API_KEY_HEADER cannot be %s; it is part of how requests are made", name)
	case name != "Authorization" && c.Headers.has(name):
		p.add("API_KEY_HEADER is in HEADERS too; keep one")
	}
}

func (c Config) checkOauth(p *problems) {
	if c.OauthTokenURL == "" {
		if c.OauthClientID != "" || c.OauthClientSecret.IsSet() || c.OauthRefreshToken.IsSet() || len(c.OauthScopes) > 0 || c.OauthAudience != "" || c.OauthParams != "" {
			p.add("OAUTH_TOKEN_URL is not set, and other settings of OAuth are")
		}
		return
	}
	p.needs("OAUTH_TOKEN_URL", "OAUTH_CLIENT_ID", c.OauthClientID)
	if !c.OauthClientSecret.IsSet() && !c.OauthRefreshToken.IsSet() {
		p.add("OAUTH_CLIENT_SECRET is not set; only with OAUTH_REFRESH_TOKEN a client may have none")
	}
	p.oneOf("OAUTH_STYLE", c.OauthStyle, styleBasic, styleBody)
	if _, err := url.ParseQuery(c.OauthParams); err != nil {
		p.add("OAUTH_PARAMS cannot be parsed; want name=value&name=value, escaped as in a URL")
	}
	u, err := url.Parse(c.OauthTokenURL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		p.add("OAUTH_TOKEN_URL is no http or https URL")
	case u.User != nil || u.Fragment != "":
		p.add("OAUTH_TOKEN_URL holds a user name or a fragment; use OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET")
	case netaddr.Metadata(u.Hostname()):
		p.add("OAUTH_TOKEN_URL is that of a metadata service")
	case u.Scheme == "http" && !netaddr.Loopback(u.Hostname()):
		p.add("OAUTH_TOKEN_URL is plain http to another host, where the client secret could be read on the way; use https")
	}
}

// exposedAuth lists which settings of AuthConfig would travel readably over plain http.
func (c Config) exposedAuth() []string {
	ways := slices.DeleteFunc(c.ways(), func(way string) bool { return strings.Contains(way, "HEADERS") }) // named one by one
	if c.APIKey.IsSet() {
		ways = append(ways, "API_KEY")
	}
	return ways
}

// legalToken reports whether a bearer token can be sent as it is.
func legalToken(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// legalTokens reports whether a list of tokens can be used.
func legalTokens(text string) bool {
	list := splitTokens(text)
	sorted := slices.Sorted(slices.Values(list))
	return len(list) > 0 && len(slices.Compact(sorted)) == len(list) && !slices.ContainsFunc(list, func(t string) bool { return !legalToken(t) })
}

// splitTokens takes a list of tokens apart.
func splitTokens(text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' })
	for i, t := range list {
		list[i] = strings.TrimSpace(t)
	}
	return slices.DeleteFunc(list, func(t string) bool { return t == "" })
}

func legalPassword(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func legalHeader(text string) bool { return httpguts.ValidHeaderFieldValue(text) }

func plainName(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
