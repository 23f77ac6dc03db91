package secret_test

import (
	"testing"

	"sluice/internal/secret"
)

func TestNamesThatSoundLikeSecrets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind string
		is   func(string) bool
		yes  []string
		no   []string
	}{
		{"parameter", secret.Param, []string{"apikey", "api_key", "API-Key", "token", "sig", "client.secret"}, []string{"page_token", "cursor", "limit", "keyword"}},
		{"header", secret.Header, []string{"Authorization", "X-Api-Key", "Private-Token", "Set-Cookie", "Proxy-Authorization"}, []string{"Link", "Etag", "X-Ratelimit-Remaining"}},
		{"field", secret.Field, []string{"password", "accessToken", "refresh_token", "AWSSecretAccessKey", "db.password", "credentials", "apiKey", "X-Auth-Token"},
			[]string{"key", "code", "next_page_token", "nextToken", "continuationToken", "tokens", "passwordless", "author", "sessions"}},
	} {
		for _, name := range tc.yes {
			if !tc.is(name) {
				t.Errorf("the %s %q: taken for harmless, want a secret", tc.kind, name)
			}
		}
		for _, name := range tc.no {
			if tc.is(name) {
				t.Errorf("the %s %q: taken for a secret, want harmless", tc.kind, name)
			}
		}
	}
}
