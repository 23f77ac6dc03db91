package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/secret"
)

// TestDetailsAndChildrenCarryTheCredentials: every request of a source shows them, whatever it asks for.
func TestDetailsAndChildrenCarryTheCredentials(t *testing.T) {
	t.Parallel()
	for _, by := range []struct {
		name   string
		change func(*Config)
		shown  func(*http.Request) bool
	}{
		{"key in the query", func(c *Config) { c.APIKey, c.APIKeyParam = secret.New("c4n4ry"), "key" },
			func(r *http.Request) bool { return r.URL.Query().Get("key") == "c4n4ry" }},
		{"user and password", func(c *Config) { c.User, c.Password = "u", secret.New("c4n4ry") },
			func(r *http.Request) bool { _, p, _ := r.BasicAuth(); return p == "c4n4ry" }},
		{"several tokens", func(c *Config) { c.Tokens = secret.New("c4n4ry") },
			func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer c4n4ry" }},
	} {
		for _, nested := range []struct {
			name   string
			change func(*Config)
			want   string
		}{
			{"details", func(c *Config) { c.DetailURL = "/one/{id}" }, `{"of":"/one/1"} {"of":"/one/2"}`},
			{"children", func(c *Config) { c.ChildURL = "/one/{id}" }, `{"of":"/one/1"} {"of":"/one/2"}`},
		} {
			t.Run(by.name+", "+nested.name, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case !by.shown(r):
						w.WriteHeader(http.StatusUnauthorized)
					case strings.HasPrefix(r.URL.Path, "/one/"):
						_, _ = io.WriteString(w, `{"of":"`+r.URL.Path+`"}`)
					default:
						_, _ = io.WriteString(w, `[{"id":1},{"id":2}]`)
					}
				}, func(c *Config) { by.change(c); nested.change(c) })
				var got []string
				var c ingest.Cursor
				for range 10 {
					b, err := s.Read(t.Context(), c)
					if err != nil {
						t.Fatal(err)
					}
					if got, c = append(got, texts(b)...), b.Next; strings.Contains(string(c), "c4n4ry") {
						t.Errorf("the cursor holds the secret: %s", c)
					}
					if b.CaughtUp {
						break
					}
				}
				if strings.Join(got, " ") != nested.want {
					t.Errorf("read %s, want %s", got, nested.want)
				}
			})
		}
	}
}
