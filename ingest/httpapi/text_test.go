package httpapi

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"sluice/internal/secret"
)

// FuzzURLRedact gives texts with a URL in them, whose query holds a secret, to all that makes texts of URLs.
func FuzzURLRedact(f *testing.F) {
	const secret = "c4n4ry-7Q9z"
	for _, u := range []string{"https://h/p?key=", "http://[::1]:80/a%20b?x;y&token=", "//h?", "/p?a=b?c=", "https://u:p@h/?\r\n\x1b[2J&k=", "?\xff"} {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		if !strings.Contains(prefix, "?") || strings.Contains(secret, prefix) {
			return
		}
		raw := strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n\f\"'", r) {
				return -1 // net/url escapes them before they get into an error
			}
			return r
		}, prefix)
		wantFit(t, hideURLs(errors.New(`Get "`+raw+secret+`": dial tcp`)).Error(), secret)
		if u, err := url.Parse(prefix + "=" + secret); err == nil && u.RawQuery != "" {
			if _, query, _ := strings.Cut(u.RawQuery, "="); strings.Contains(query, secret) {
				wantFit(t, showURL(u), secret)
			}
		}
	})
}

// wantFit wants a text without the secret, of one line, and without what a terminal obeys.
func wantFit(t *testing.T, text, secret string) {
	t.Helper()
	if strings.Contains(text, secret) {
		t.Errorf("%q shows %q", text, secret)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u202e' }) {
		t.Errorf("%q is not fit for a log", text)
	}
}

func TestWhichSettingsAreSecrets(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.URL = "https://api.example/x?api_key=from-the-query&limit=10"
	cfg.Token = secret.New("the-bearer-token")
	headers, err := ParseHeaders("Accept: text/html, application/json\nX-GitHub-Api-Version: 2022-11-28\nX-Tenant: ApiKey of-the-header\nX-Other-Version: shared\nX-Shared: shared")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Headers = headers
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Secrets()
	for _, want := range []string{"from-the-query", "the-bearer-token", "ApiKey of-the-header", "of-the-header", "shared"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	for _, v := range got {
		if strings.Contains(v, "json") || strings.Contains(v, "2022") || v == "10" {
			t.Errorf("%q is taken for a secret", v)
		}
	}
}
