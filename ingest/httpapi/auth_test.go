package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/secret"
)

// ways are those in which credentials go into a request; each has a secret with "c4n4ry" in it.
var ways = []struct {
	name string
	set  func(c *Config, key string)
	sent func(r *http.Request) string
}{
	{"bearer", func(c *Config, key string) { c.Token = secret.New(key) }, authorization},
	{"several bearers", func(c *Config, key string) { c.Tokens = secret.New(key) }, authorization},
	{"basic", func(c *Config, key string) { c.User, c.Password = "u", secret.New(key) }, func(r *http.Request) string {
		_, password, _ := r.BasicAuth()
		return password
	}},
	{"key in a header", func(c *Config, key string) { c.APIKey = secret.New(key) }, func(r *http.Request) string { return r.Header.Get("X-API-Key") }},
	{"key in the query", func(c *Config, key string) { c.APIKey, c.APIKeyParam = secret.New(key), "appkey" }, func(r *http.Request) string { return r.URL.Query().Get("appkey") }},
	{"oauth", func(c *Config, key string) {
		c.OauthTokenURL, c.OauthClientID, c.OauthClientSecret = strings.Replace(c.URL, "/items", "/token", 1), "id", secret.New(key)
	}, authorization},
}

func authorization(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// TestNoSecretLeavesByAnotherWay sends each kind of credentials into each kind of trouble, and looks for them in all that a
// source says, keeps or asks of others.
func TestNoSecretLeavesByAnotherWay(t *testing.T) {
	t.Parallel()
	const key = "c4n4ry/+7Q= z9"
	forms := []string{key, url.QueryEscape(key), url.PathEscape(key), strings.ReplaceAll(url.QueryEscape(key), "+", "%20"),
		base64.StdEncoding.EncodeToString([]byte("u:" + key)), "c4n4ry"}
	for _, trouble := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"refused", func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), http.StatusUnauthorized) }},
		{"forbidden", func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), http.StatusForbidden) }},
		{"bad request", func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), http.StatusBadRequest) }},
		{"server error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), http.StatusInternalServerError) }},
		{"throttled", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "60")
			http.Error(w, echo(r), http.StatusTooManyRequests)
		}},
		{"no page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>", echo(r)) }},
		{"redirected away", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.example/?appkey="+url.QueryEscape(r.URL.Query().Get("appkey")), http.StatusFound)
		}},
		{"redirected to an address that breaks", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" {
				if r.Header.Get("Referer") != "" {
					t.Errorf("the address before goes along: %s", r.Header.Get("Referer"))
				}
				panic(http.ErrAbortHandler)
			}
			http.Redirect(w, r, "/broken?"+r.URL.RawQuery, http.StatusFound)
		}},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "[")
		}},
		{"a link away", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<http://other.example/?`+r.URL.RawQuery+`>; rel="next"`)
			fmt.Fprint(w, "[1]")
		}},
		{"a link that repeats the query", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<?page=2&`+r.URL.RawQuery+`>; rel="next"`)
			fmt.Fprint(w, "[1]")
		}},
		{"silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		for _, way := range ways {
			t.Run(trouble.name+", "+way.name, func(t *testing.T) {
				t.Parallel()
				key := key
				if way.name != "basic" && !strings.HasPrefix(way.name, "key") {
					key = "c4n4ry/+7Q=z9" // a token has no space
				}
				var said []string
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						_, secret, _ := r.BasicAuth()
						secret, _ = url.QueryUnescape(secret)
						fmt.Fprintf(w, `{"access_token":%q}`, secret)
						return
					}
					if got := way.sent(r); got != key {
						t.Errorf("%s was sent as %q, want %q", way.name, got, key)
					}
					trouble.answer(w, r)
				}, func(c *Config) {
					c.Pagination, c.Timeout = paginationLink, 500*time.Millisecond
					c.Warn = func(m string) { said = append(said, m) }
					way.set(c, key)
				})
				var after ingest.Cursor
				for range 2 {
					b, err := s.Read(t.Context(), after)
					said = append(said, fmt.Sprint(err), string(b.Next))
					for ; err != nil; err = errors.Unwrap(err) {
						said = append(said, err.Error())
					}
					if st, err := s.decode(b.Next); err == nil {
						said = append(said, fmt.Sprintf("%+v", st))
					}
					after = b.Next
				}
				said = append(said, s.Stream(), s.Quota(), fmt.Sprintf("%+v", s.cfg.AuthConfig.Token))
				for _, text := range said {
					for _, form := range forms {
						if strings.Contains(text, form) {
							t.Errorf("the secret, as %q, is in %s", form, text)
						}
					}
				}
			})
		}
	}
}

// echo is all of a request, as a server that helps with debugging would repeat it.
func echo(r *http.Request) string {
	user, password, _ := r.BasicAuth()
	return fmt.Sprint(r.Header.Get("Authorization"), r.Header.Get("X-API-Key"), " ", r.URL.RawQuery, " ", r.URL.Query(), user, password)
}

func TestFingerprintDoesNotDependOnCredentials(t *testing.T) {
	t.Parallel()
	c := Default()
	c.URL = "http://127.0.0.1:1/items"
	want := open(t, c).Fingerprint()
	for _, way := range ways {
		c := c
		way.set(&c, "c4n4ry")
		if got := open(t, c).Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, want %s as without", way.name, got, want)
		}
	}
}

// TestRotatedSecretsAreReadAgain: a secret that its file has replaced is picked up when the source refuses the old one.
func TestRotatedSecretsAreReadAgain(t *testing.T) {
	t.Parallel()
	for _, way := range ways[:5] {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if way.sent(r) != "new" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				fmt.Fprint(w, "[1]")
			}, func(c *Config) {
				way.set(c, "old")
				for _, v := range []*secret.Value{&c.Token, &c.Tokens, &c.Password, &c.APIKey} {
					if v.IsSet() {
						*v = secret.From("old", func() (string, error) { return "new", nil })
					}
				}
			})
			if f := fault.From(readErr(t, s)); f.Class != fault.Transient || f.Code() != "unauthorized" {
				t.Errorf("with the old secret: %v (%v), want unauthorized, passing", f, f.Class)
			}
			if _, err := s.Read(t.Context(), ""); err != nil {
				t.Errorf("with the new secret: %v", err)
			}
		})
	}
}

// TestTheTokenEndpointIsJudgedAtConnect: a name must not lead the client secret to a special address.
func TestTheTokenEndpointIsJudgedAtConnect(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the endpoint was asked") }))
	t.Cleanup(srv.Close)
	c := Default()
	c.URL, c.OauthTokenURL = "https://api.example.com/", "https://issuer.example.com/"
	c.OauthClientID, c.OauthClientSecret = "id", secret.New("c4n4ry")
	s := open(t, c)
	tr, d := newTransport(s.oauth.url)
	tr.Proxy = nil
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.dial(ctx, network, srv.Listener.Addr().String()) // what a name server may say
	}
	s.oauth.connect(tr, s.wrapped)
	if f := fault.From(readErr(t, s)); f.Class != fault.Blocked || f.Code() != "address_refused" {
		t.Errorf("%v (%v), want Blocked address_refused", f, f.Class)
	}
}

func TestCredentialsAreValidated(t *testing.T) {
	t.Parallel()
	key := secret.New("c4n4ry")
	for _, tc := range []struct {
		name string
		set  func(c *Config)
		want []string
	}{
		{"two ways", func(c *Config) { c.Token, c.User = key, "u" }, []string{"both TOKEN and USER"}},
		{"two other ways", func(c *Config) { c.Tokens, c.AWSService = key, "x" }, []string{"both TOKENS and AWS_SERVICE"}},
		{"a key beside a token", func(c *Config) { c.Token, c.APIKey = key, key }, nil},
		{"a key as authorization beside a token", func(c *Config) { c.Token, c.APIKey, c.APIKeyHeader = key, key, "authorization" }, []string{"API_KEY_HEADER=Authorization"}},
		{"tokens twice", func(c *Config) { c.Tokens = secret.New("c4n4ry,c4n4ry") }, []string{"TOKENS holds"}},
		{"tokens with a space", func(c *Config) { c.Tokens = secret.New("c4n4ry c4n4ry") }, []string{"TOKENS holds"}},
		{"only commas", func(c *Config) { c.Tokens = secret.New(",\n") }, []string{"TOKENS holds"}},
		{"a password without a user", func(c *Config) { c.Password = key }, []string{"PASSWORD is set without USER"}},
		{"a user with a colon", func(c *Config) { c.User = "a:b" }, []string{"USER has a colon"}},
		{"a password with a line break", func(c *Config) { c.User, c.Password = "a", secret.New("c4n4ry\n") }, []string{"PASSWORD has"}},
		{"a key with a line break", func(c *Config) { c.APIKey = secret.New("c4n4ry\nX: y") }, []string{"API_KEY has"}},
		{"a key in a header that is none", func(c *Config) { c.APIKey, c.APIKeyHeader = key, "a b" }, []string{"API_KEY_HEADER is no"}},
		{"a key in a header of ours", func(c *Config) { c.APIKey, c.APIKeyHeader = key, "host" }, []string{"API_KEY_HEADER cannot be Host"}},
		{"a parameter without a key", func(c *Config) { c.APIKeyParam = "k" }, []string{"API_KEY_PARAM is set without"}},
		{"a parameter that URL has", func(c *Config) { c.APIKey, c.APIKeyParam, c.URL = key, "k", "https://h/?k=c4n4ry" }, []string{"API_KEY_PARAM is a parameter of URL"}},
		{"a parameter that pages need", func(c *Config) { c.APIKey, c.APIKeyParam, c.Pagination = key, "page", paginationPage }, []string{`API_KEY_PARAM and PAGE_PARAM are both "page"`}},
		{"plain http", func(c *Config) { c.URL, c.APIKey = "http://h/", key }, []string{"plain http", "API_KEY"}},
		{"plain http, basic", func(c *Config) { c.URL, c.User = "http://h/", "u" }, []string{"plain http", "USER"}},
		{"oauth without an endpoint", func(c *Config) { c.OauthClientSecret = key }, []string{"OAUTH_TOKEN_URL is not set"}},
		{"oauth without a client", func(c *Config) { c.OauthTokenURL = "https://h/" }, []string{"OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"}},
		{"oauth over plain http", func(c *Config) { c.OauthTokenURL = "http://h/" }, []string{"OAUTH_TOKEN_URL is plain http"}},
		{"oauth at the metadata service", func(c *Config) { c.OauthTokenURL = "http://169.254.169.254/" }, []string{"OAUTH_TOKEN_URL is that of a metadata"}},
		{"oauth in another style", func(c *Config) { c.OauthTokenURL, c.OauthStyle = "https://h/", "jwt" }, []string{`OAUTH_STYLE is "jwt"`}},
		{"a region without a service", func(c *Config) { c.AWSRegion = "eu-west-1" }, []string{"AWS_REGION is set without"}},
		{"a service that is none", func(c *Config) { c.AWSService = "a/b" }, []string{"AWS_SERVICE and AWS_REGION consist"}},
		{"a certificate without a key", func(c *Config) { c.ClientCertFile = "x" }, []string{"go together"}},
		{"a reserve of all", func(c *Config) { c.RateLimitReserve = 1 }, []string{"RATE_LIMIT_RESERVE is 1"}},
		{"no longest wait", func(c *Config) { c.MaxWait = 0 }, []string{"MAX_WAIT is 0s"}},
	} {
		c := Default()
		c.URL = "https://example.org/"
		tc.set(&c)
		err := c.Validate()
		if len(tc.want) == 0 && err != nil || strings.Contains(fmt.Sprint(err), "c4n4ry") {
			t.Errorf("%s: Validate = %v, want no secret, and an error only if there is a problem", tc.name, err)
		}
		for _, want := range tc.want {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s: Validate = %v, want it to say %q", tc.name, err, want)
			}
		}
	}
}
