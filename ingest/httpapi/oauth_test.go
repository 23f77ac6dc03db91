package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/secret"
)

// An issuer is a token endpoint. Its nth token is canary-access-n.
type issuer struct {
	life   string                                        // expires_in as JSON; empty: not said
	answer func(http.ResponseWriter, *http.Request) bool // answers in its place, if it returns true
	rotate bool

	mu      sync.Mutex
	n       int
	refresh string // that is valid; empty: client credentials
	forms   []url.Values
	headers []http.Header
	at      []time.Time
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forms, i.headers, i.at = append(i.forms, r.PostForm), append(i.headers, r.Header.Clone()), append(i.at, time.Now())
	if i.answer != nil && i.answer(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if i.refresh != "" && r.PostForm.Get("refresh_token") != i.refresh {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"no such token %s"}`, r.PostForm.Get("refresh_token"))
		return
	}
	i.n++
	fmt.Fprintf(w, `{"access_token":"canary-access-%d","token_type":"Bearer"`, i.n)
	if i.life != "" {
		fmt.Fprintf(w, `,"expires_in":%s`, i.life)
	}
	if i.rotate {
		i.refresh = fmt.Sprintf("canary-refresh-%d", i.n)
		fmt.Fprintf(w, `,"refresh_token":%q`, i.refresh)
	}
	fmt.Fprint(w, "}")
}

// valid answers with a page if the request has the newest token of the issuer.
func (i *issuer) valid(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if got := r.Header.Get("Authorization"); got != fmt.Sprintf("Bearer canary-access-%d", i.n) {
		http.Error(w, "not with "+got, http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, `[1]`)
}

// authorized makes a source that gets its tokens from i, in the time of a bubble.
func authorized(t testing.TB, i *issuer, api http.HandlerFunc, change func(*Config)) *Source {
	t.Helper()
	c := Default()
	c.URL, c.OauthTokenURL = "http://"+apiHost+"/items", "http://"+issuerHost+"/token"
	c.OauthClientID, c.OauthClientSecret = "client", secret.New("canary-secret")
	c.Dial = inside(t, map[string]http.Handler{apiHost: api, issuerHost: i})
	if change != nil {
		change(&c)
	}
	return open(t, c)
}

func TestGrants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		form   string
		basic  string
	}{
		{"client credentials", nil, "grant_type=client_credentials", "client:canary-secret"},
		{"characters that are escaped", func(c *Config) { c.OauthClientID, c.OauthClientSecret = "a:b", secret.New("c d%") },
			"grant_type=client_credentials", "a%3Ab:c+d%25"},
		{"all that can be asked for, in the form", func(c *Config) {
			c.OauthStyle, c.OauthScopes, c.OauthAudience, c.OauthParams = styleBody, []string{"a", "b:c"}, "https://api.example/", "resource=x%20y&more=1"
		}, "audience=https%3A%2F%2Fapi.example%2F&client_id=client&client_secret=canary-secret&grant_type=client_credentials&more=1&resource=x+y&scope=a+b%3Ac", ""},
		{"refresh", func(c *Config) { c.OauthRefreshToken = secret.New("canary-refresh") },
			"grant_type=refresh_token&refresh_token=canary-refresh", "client:canary-secret"},
		{"refresh of a public client", func(c *Config) {
			c.OauthRefreshToken, c.OauthClientSecret = secret.New("canary-refresh"), secret.Value{}
		}, "client_id=client&grant_type=refresh_token&refresh_token=canary-refresh", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{}
				s := authorized(t, i, i.valid, tc.change)
				if _, err := s.Read(t.Context(), ""); err != nil {
					t.Fatal(err)
				}
				r := &http.Request{Header: i.headers[0]}
				user, password, _ := r.BasicAuth()
				if got := i.forms[0].Encode(); got != tc.form || strings.Trim(user+":"+password, ":") != tc.basic {
					t.Errorf("form %s by %s:%s, want %s by %s", got, user, password, tc.form, tc.basic)
				}
			})
		})
	}
}

// TestTokensAreRenewedBeforeTheyEnd polls for a day.
func TestTokensAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	for _, life := range []string{"3600", `"3600"`, "3600.0"} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{life: life}
			s := authorized(t, i, i.valid, nil)
			for range 24 * 60 {
				if _, err := s.Read(t.Context(), ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
			for n := 1; n < len(i.at); n++ {
				if gap := i.at[n].Sub(i.at[n-1]); gap < 47*time.Minute || gap > 56*time.Minute {
					t.Errorf("renewed after %v, want 48 to 55 minutes of an hour", gap)
				}
			}
			if len(i.at) < 24 {
				t.Errorf("%d tokens in a day, want one for each hour at least", len(i.at))
			}
		})
	}
}

// TestAnEndpointThatIsDown: a token that is valid is used on; then reading waits and goes on by itself.
func TestAnEndpointThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		testAnEndpointThatIsDown(t, http.StatusBadGateway, fault.Transient, "oauth_unavailable")
	})
	// A page that says so with 200 may be a wrong address as well, so people are asked in the end.
	synctest.Test(t, func(t *testing.T) { testAnEndpointThatIsDown(t, http.StatusOK, fault.Blocked, "oauth_bad_answer") })
}

func testAnEndpointThatIsDown(t *testing.T, status int, class fault.Class, code string) {
	down := false
	i := &issuer{life: "3600", answer: func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(status)
			fmt.Fprint(w, "<html>down for maintenance</html>")
		}
		return down
	}}
	s := authorized(t, i, i.valid, nil)
	read := func() error { _, err := s.Read(t.Context(), ""); return err }
	if err := read(); err != nil {
		t.Fatal(err)
	}
	down = true
	for range 59 {
		time.Sleep(time.Minute)
		if err := read(); err != nil {
			t.Fatalf("%v, want the token to be used until it ends", err)
		}
	}
	time.Sleep(time.Minute)
	if f := fault.From(read()); f == nil || f.Class != class || f.Code() != code {
		t.Errorf("at its end: %v, want %s, %v", f, code, class)
	}
	down = false
	if err := read(); err != nil {
		t.Errorf("with the endpoint back: %v", err)
	}
}

func TestARefusedAccessTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, locked := &issuer{}, false
		s := authorized(t, i, func(w http.ResponseWriter, r *http.Request) {
			if locked {
				http.Error(w, "", http.StatusUnauthorized)
				return
			}
			i.valid(w, r)
		}, nil)
		if _, err := s.Read(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		i.n = 7 // revoked
		if f := fault.From(readErr(t, s)); f.Class != fault.Transient || f.Code() != "unauthorized" || strings.Contains(f.Error(), "canary") {
			t.Errorf("the token that was good: %v %v, want unauthorized, passing", f.Class, f)
		}
		if _, err := s.Read(t.Context(), ""); err != nil {
			t.Errorf("with a new token: %v", err)
		}
		locked = true
		if f := fault.From(readErr(t, s)); f.Class != fault.Transient {
			t.Errorf("%v, want passing", f.Class)
		}
		for range 3 {
			if f := fault.From(readErr(t, s)); f.Class != fault.Blocked || f.Code() != "unauthorized" {
				t.Errorf("with a token that never was good: %v %s, want Blocked unauthorized", f.Class, f.Code())
			}
		}
		if len(i.forms) != 5 {
			t.Errorf("%d tokens were asked for, want one for each attempt after a refusal: 5", len(i.forms))
		}
	})
}

func TestVerdictsOnTokenAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		header string
		body   string
		class  fault.Class
		code   string
		says   string
	}{
		{"down", 503, "", "", fault.Transient, "oauth_unavailable", "503"},
		{"asks for less", 429, "Retry-After: 60", "", fault.Throttled, "throttled", "429"},
		{"asks for a pause", 503, "Retry-After: 60", "", fault.Throttled, "throttled", "503"},
		{"does not know the client", 401, "", `{"error":"invalid_client"}`, fault.Blocked, "oauth_refused", "OAUTH_CLIENT_SECRET"},
		{"does not know the client, in words", 401, "", "canary-secret is wrong", fault.Blocked, "oauth_refused", "*** is wrong"},
		{"does not take the grant", 400, "", `{"error":"invalid_grant","error_description":"expired"}`, fault.Blocked, "oauth_refused", "OAUTH_REFRESH_TOKEN"},
		{"does not give the scope", 400, "", `{"error":"invalid_scope"}`, fault.Blocked, "oauth_refused", "OAUTH_SCOPES"},
		{"has a code of its own", 400, "", `{"error":"tenant_gone"}`, fault.Blocked, "oauth_refused", "tenant_gone"},
		{"refuses with 200", 200, "", `{"error":"bad_verification_code"}`, fault.Blocked, "oauth_refused", "bad_verification_code"},
		{"is busy, with 400", 400, "", `{"error":"temporarily_unavailable"}`, fault.Transient, "oauth_unavailable", "400"},
		{"is not there", 404, "", "nothing here", fault.Blocked, "oauth_bad_answer", "OAUTH_TOKEN_URL"},
		{"redirects", 302, "Location: http://127.0.0.1:8002/other", "", fault.Blocked, "oauth_bad_answer", "302"},
		{"is a page for people", 200, "", "<html>Log in</html>", fault.Blocked, "oauth_bad_answer", "no JSON"},
		{"gives no token", 200, "", `{"token_type":"bearer"}`, fault.Blocked, "oauth_bad_answer", "no access_token"},
		{"gives an empty token", 200, "", `{"access_token":""}`, fault.Blocked, "oauth_bad_answer", "no access_token"},
		{"gives a token of another kind", 200, "", `{"access_token":"canary-access","token_type":"mac"}`, fault.Blocked, "oauth_bad_answer", `"mac"`},
		{"gives a token with a line break", 200, "", `{"access_token":"canary-access\nX: y"}`, fault.Blocked, "oauth_bad_answer", "characters"},
		{"gives too much", 200, "", `{"access_token":"canary-access","x":"` + strings.Repeat("x", maxTokenAnswer) + `"}`, fault.Blocked, "oauth_bad_answer", "more than"},
		{"gives half a token", 200, "Content-Length: 100", `{"access_tok`, fault.Transient, "oauth_unavailable", "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{answer: func(w http.ResponseWriter, r *http.Request) bool {
					if name, value, found := strings.Cut(tc.header, ": "); found {
						w.Header().Set(name, value)
					}
					w.WriteHeader(tc.status)
					_, _ = w.Write([]byte(tc.body))
					return true
				}}
				s := authorized(t, i, i.valid, nil)
				err := readErr(t, s)
				f := fault.From(err)
				if f.Class != tc.class || f.Code() != tc.code || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v (%v, %s), want %v %s that says %q", err, f.Class, f.Code(), tc.class, tc.code, tc.says)
				}
				if strings.Contains(err.Error(), "canary") || len(err.Error()) > 700 {
					t.Errorf("the error shows a secret or far too much: %v", err)
				}
				if want := map[bool]time.Duration{true: time.Minute}[tc.class == fault.Throttled]; f.RetryAfter != want {
					t.Errorf("again after %v, want %v", f.RetryAfter, want)
				}
				if len(i.forms) != 1 {
					t.Errorf("%d requests to the endpoint, want one", len(i.forms))
				}
			})
		})
	}
}

func TestATokenAnswerIsReadUpToItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		written := 0
		i := &issuer{answer: func(w http.ResponseWriter, _ *http.Request) bool {
			for err := error(nil); err == nil && written < 8*maxTokenAnswer; {
				var n int
				n, err = w.Write(make([]byte, 64<<10))
				written += n
			}
			return true
		}}
		s := authorized(t, i, i.valid, nil)
		if f := fault.From(readErr(t, s)); f.Code() != "oauth_bad_answer" {
			t.Errorf("%v, want oauth_bad_answer", f)
		}
		synctest.Wait()
		i.mu.Lock()
		defer i.mu.Unlock()
		if written > 2*maxTokenAnswer { // what is on its way comes on top
			t.Errorf("%d bytes were taken, want little more than %d", written, maxTokenAnswer)
		}
	})
}

func TestASilentTokenEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }}
		s := authorized(t, i, i.valid, nil)
		began := time.Now()
		if f := fault.From(readErr(t, s)); f.Class != fault.Transient || f.Code() != "oauth_unavailable" || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v, want oauth_unavailable after the timeout", f, time.Since(began))
		}
	})
}

// TestANewRefreshTokenIsKept: what the issuer hands out replaces what it took, in the file first.
func TestANewRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{life: "60", rotate: true, refresh: "canary-refresh-0"}
		var file []string
		var broken error
		token := secret.New("canary-refresh-0")
		token.KeptBy(func(text string) error {
			if broken == nil {
				file = append(file, text)
			}
			return broken
		})
		s := authorized(t, i, i.valid, func(c *Config) { c.OauthRefreshToken = token })
		read := func() error { _, err := s.Read(t.Context(), ""); return err }
		for range 3 {
			if err := read(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if want := []string{"canary-refresh-1", "canary-refresh-2", "canary-refresh-3"}; !slices.Equal(file, want) {
			t.Errorf("kept %q, want %q", file, want)
		}
		broken = errors.New("read-only file system")
		for range 3 {
			f := fault.From(read())
			if f == nil || f.Class != fault.Blocked || f.Code() != "oauth_token_unsaved" || !strings.Contains(f.Error(), "read-only") || strings.Contains(f.Error(), "canary") {
				t.Fatalf("with a file that cannot be written: %v, want Blocked oauth_token_unsaved", f)
			}
		}
		if i.n != 4 {
			t.Errorf("%d tokens were handed out, want 4: no other is asked for while the last is not kept", i.n)
		}
		broken = nil
		if err := read(); err != nil || file[len(file)-1] != "canary-refresh-4" {
			t.Errorf("with the file mended: %v, kept %q; want the fourth token", err, file)
		}
	})
}

func TestANewRefreshTokenWithoutAFileIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{rotate: true, refresh: "canary-refresh-0"}
		s := authorized(t, i, i.valid, func(c *Config) { c.OauthRefreshToken = secret.New("canary-refresh-0") })
		for range 2 {
			f := fault.From(readErr(t, s))
			if f.Class != fault.Blocked || f.Code() != "oauth_token_unsaved" || !strings.Contains(f.Error(), "SLUICE_HTTP_OAUTH_REFRESH_TOKEN_FILE") {
				t.Errorf("%v (%v), want Blocked oauth_token_unsaved that names the file", f, f.Class)
			}
		}
		if i.n != 1 {
			t.Errorf("%d tokens were handed out, want 1", i.n)
		}
	})
}

// TestSecretsOfTheClientAreReadAgain when the endpoint refuses them, and tried at once.
func TestSecretsOfTheClientAreReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{refresh: "canary-refresh-new"}
		s := authorized(t, i, i.valid, func(c *Config) {
			c.OauthRefreshToken = secret.From("canary-refresh-old", func() (string, error) { return "canary-refresh-new", nil })
		})
		if _, err := s.Read(t.Context(), ""); err != nil || len(i.forms) != 2 {
			t.Errorf("%v after %d requests, want the new token at the second", err, len(i.forms))
		}
	})
}
