package jetstream

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport/transporttest"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	own, other := transporttest.NewCertificate(t), transporttest.NewCertificate(t)
	w := start(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own.TLS}, ClientCAs: own.Pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	})
	w.stream(nil, nats.RootCAs(own.CertFile), nats.ClientCert(own.CertFile, own.KeyFile))
	for name, tc := range map[string]struct {
		scheme string
		mine   transporttest.Certificate // our certificate
		ca     transporttest.Certificate // whom we trust
		want   string
	}{
		"both know each other":              {"tls", own, own, ""},
		"the server asks for TLS by itself": {"nats", own, own, ""},
		"we do not know the server":         {"tls", own, other, "tls_failed"},
		"the server does not know us":       {"tls", other, own, "tls_failed"},
		"we have no certificate":            {"tls", transporttest.Certificate{}, own, "tls_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := opened(t, w.address(), func(c *Config) {
				c.URL = tc.scheme + "://" + w.address()
				c.CAFile, c.CertFile, c.KeyFile = tc.ca.CertFile, tc.mine.CertFile, tc.mine.KeyFile
			})
			results := tr.Send(t.Context(), three())
			if tc.want == "" {
				wantAccepted(t, results)
				return
			}
			wantAll(t, results, fault.Blocked, tc.want, false)
			wantTodo(t, results[0].Err)
		})
	}
	t.Run("the server speaks no TLS", func(t *testing.T) {
		t.Parallel()
		plain := start(t, nil)
		tr := opened(t, plain.address(), func(c *Config) { c.URL = "tls://" + plain.address() })
		wantAll(t, tr.Send(t.Context(), three()), fault.Blocked, "tls_failed", false)
	})
}

func TestToken(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *server.Options) { o.Authorization = "first-token" })
	w.stream(nil, nats.Token("first-token"))
	var cfg Config
	tr := opened(t, w.address(), func(c *Config) { c.Token = secret.New("wrong-token"); cfg = *c })
	wantAll(t, tr.Send(t.Context(), three()), fault.Blocked, "auth_refused", false)
	cfg.Token.Replace("first-token") // as a reload of the secrets does
	wantAccepted(t, tr.Send(t.Context(), three()))
}

func TestServersOfACluster(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.stream(nil)
	tr := opened(t, w.address(), func(c *Config) { c.URL = "nats://" + unused(t) + " , " + c.URL })
	wantAccepted(t, tr.Send(t.Context(), three()))
}

// TestCloseWhileConnecting: the server takes the connection and says nothing, and the one who opens does not wait.
func TestCloseWhileConnecting(t *testing.T) {
	t.Parallel()
	p := transporttest.NewProxy(t, start(t, nil).address())
	p.Mute()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	tr, err := Open(ctx, Config{URL: "nats://" + p.Address(), Subject: subject, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("Open and Close took %v", took)
	}
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := Config{URL: "nats://broker:4222", Subject: "a.b", Timeout: time.Second}
	for name, tc := range map[string]struct {
		change func(*Config)
		want   []string // beginnings of the lines
	}{
		"all is well":           {func(*Config) {}, nil},
		"nothing is set":        {func(c *Config) { *c = Config{} }, []string{"URL is not set", "SUBJECT is not set", "TIMEOUT is 0s"}},
		"several servers":       {func(c *Config) { c.URL = "nats://a:4222, tls://b" }, nil},
		"one of several":        {func(c *Config) { c.URL = "nats://a:4222,http://b" }, []string{"URL has another scheme"}},
		"a token in a query":    {func(c *Config) { c.URL = "tls://host?token=canary" }, []string{"URL is not an address"}},
		"a password, unsplit":   {func(c *Config) { c.URL = "nats:u:canary@host" }, []string{"URL is not an address"}},
		"a trailing comma":      {func(c *Config) { c.URL = "nats://a:4222," }, []string{"URL has another scheme"}},
		"a port that is none":   {func(c *Config) { c.URL = "nats://a:99999" }, []string{"URL is not an address"}},
		"a path":                {func(c *Config) { c.URL = "nats://a:4222/x" }, []string{"URL is not an address"}},
		"a password in the URL": {func(c *Config) { c.URL = "nats://u:canary@a:4222" }, []string{"URL holds a user or password"}},
		"a URL that is none":    {func(c *Config) { c.URL = "nats://u:canary@a:42 22" }, []string{"URL cannot be read"}},
		"a wildcard":            {func(c *Config) { c.Subject = "a.>" }, []string{`SUBJECT is "a.>"`}},
		"a space":               {func(c *Config) { c.Subject = "a b" }, []string{`SUBJECT is "a b"`}},
		"an empty word":         {func(c *Config) { c.Subject = "a..b" }, []string{`SUBJECT is "a..b"`}},
		"a subject of the server": {func(c *Config) { c.Subject = "$JS.API.STREAM.DELETE.x" },
			[]string{`SUBJECT is "$JS.API.STREAM.DELETE.x"`}},
		"a stream with a period":    {func(c *Config) { c.Stream = "A.B" }, []string{`STREAM is "A.B"`}},
		"a user without a password": {func(c *Config) { c.Username = "u" }, []string{"USERNAME and PASSWORD"}},
		"a password without a user": {func(c *Config) { c.URL, c.Password = "tls://a", secret.New("canary") }, []string{"USERNAME and PASSWORD"}},
		"two ways to connect": {func(c *Config) {
			c.URL, c.Username, c.Password, c.Token = "tls://a", "u", secret.New("canary"), secret.New("canary")
		}, []string{"USERNAME, TOKEN and CREDS"}},
		"credentials that are none":  {func(c *Config) { c.Creds = secret.New("canary") }, []string{"CREDS is not the content"}},
		"a token without TLS":        {func(c *Config) { c.Token = secret.New("canary") }, []string{"URL would let a password or token travel to broker:4222"}},
		"a token to this machine":    {func(c *Config) { c.URL, c.Token = "nats://[::1]:4222", secret.New("canary") }, nil},
		"a token, as is wished":      {func(c *Config) { c.Plaintext, c.Token = true, secret.New("canary") }, nil},
		"a certificate without key":  {func(c *Config) { c.CertFile = file }, []string{"CERT_FILE and KEY_FILE"}},
		"files that are not there":   {func(c *Config) { c.CAFile, c.CertFile, c.KeyFile = "no-1", "no-2", "no-3" }, []string{"CA_FILE", "CERT_FILE", "KEY_FILE"}},
		"a folder is no certificate": {func(c *Config) { c.CAFile = filepath.Dir(file) }, []string{"CA_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			tc.change(&c)
			var lines []string
			if err := c.Validate(); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("got %q, want %d problems", lines, len(tc.want))
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, tc.want[i]) || strings.Contains(line, "canary") {
					t.Errorf("got %q, want it to begin %q, and no secret", line, tc.want[i])
				}
			}
		})
	}
}

func TestOpenReadsTheFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.pem")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"authorities":   func(c *Config) { c.CAFile = file },
		"certificate":   func(c *Config) { c.CertFile, c.KeyFile = file, file },
		"credentials":   func(c *Config) { c.Creds = secret.New("canary") },
		"configuration": func(c *Config) { c.Subject = "" },
	} {
		cfg := Config{URL: "nats://127.0.0.1:1", Subject: "a", Timeout: time.Second}
		change(&cfg)
		if _, err := Open(t.Context(), cfg); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want an error without the secret", name, err)
		}
	}
}
