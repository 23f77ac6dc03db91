package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"sluice/internal/redact"
)

const canary = `c4n4ry/"1+ü`

func TestWhatIsTakenOutOfJSON(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"nothing secret stays byte for byte", "{ \"id\":12345678901234567890,\"a\" : [1.10,true,null,\"<&>\"] }\n", "{ \"id\":12345678901234567890,\"a\" : [1.10,true,null,\"<&>\"] }\n"},
		{"a field with a telling name", `{"access_token":"abcdefgh12","n":1}`, `{"access_token":"***","n":1}`},
		{"a number under such a name", `{"password": 123456}`, `{"password": "***"}`},
		{"a whole object under such a name", `{"credentials":{"user":"me","parts":["a",1,true]},"b":"me"}`, `{"credentials":{"user":"***","parts":["***","***",true]},"b":"me"}`},
		{"the token of a next page leads, it opens nothing", `{"next_page_token":"abc","token":"abc"}`, `{"next_page_token":"abc","token":"***"}`},
		{"found elsewhere, once it is known", `{"token":"abcdefgh12","link":"see abcdefgh12!"}`, `{"token":"***","link":"see ***!"}`},
		{"what only a name made a secret and is short stays elsewhere", `{"token":"us","net":"us"}`, `{"token":"***","net":"us"}`},
		{"a given secret anywhere", `{"echo":"you sent c4n4ry\/\"1+ü","x":1}`, `{"echo":"you sent ***","x":1}`},
		{"a given secret, every letter escaped", `["\u00634n4ry/\u0022\u0031+\u00fc"]`, `["***"]`},
		{"a given secret as the name of a field", `{"c4n4ry/\"1+ü":1}`, `{"***":1}`},
		{"a given secret in base64", `["` + base64.StdEncoding.EncodeToString([]byte(canary)) + `"]`, `["***"]`},
		{"a parameter of a URL", `{"next":"https://a.example/x?page=2&api_key=zzz&code=us"}`, `{"next":"https://a.example/x?page=2&api_key=***&code=us"}`},
		{"a signed URL", `["https://a.example/?X-Amz-Signature=00ff&X-Amz-Credential=AK%2Fb"]`, `["https://a.example/?X-Amz-Signature=***&X-Amz-Credential=***"]`},
		{"JSON in a string", `{"detail":"{\"password\":\"hunter2\"}"}`, `{"detail":"{\"password\":\"***\"}"}`},
		{"several values", "{\"token\":\"a\"}\n{\"token\":\"b\"}", "{\"token\":\"***\"}\n{\"token\":\"***\"}"},
		{"cut off in a secret", `{"n":1,"password":"hunt`, `{"n":1,"password"`},
		{"cut off in a secret object", `{"n":1,"credentials":{"user":"ro`, `{"n":1,"credentials":{"user"`},
		{"no JSON at all", `{"n":1,,"password":"hunter2","token":  hunter3}`, `{"n":1,,"password":"***","token":  "***"}`},
		{"with a byte order mark", "\ufeff" + `{"token":"abc"}`, "\ufeff" + `{"token":"***"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := string(redact.Hiding([]string{canary}).Body("", []byte(tc.in))); got != tc.want {
				t.Errorf("%s\n got %s\nwant %s", tc.in, got, tc.want)
			}
		})
	}
}

func TestDifferentSecretsStayDifferent(t *testing.T) {
	t.Parallel()
	r := redact.Numbering([]string{"the-given-one"})
	got := string(r.JSON([]byte(`[{"token":"first-token"},{"token":"second-token"},{"token":"first-token"},"the-given-one"]`)))
	if want := `[{"token":"REDACTED-2"},{"token":"REDACTED-3"},{"token":"REDACTED-2"},"REDACTED-1"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if again := string(r.JSON([]byte(got))); again != got {
		t.Errorf("redacted twice: %s, want no change", again)
	}
	if got := r.Query("page=2&token=second-token"); got != "page=2&token=REDACTED-3" {
		t.Errorf("the same secret in a query: %s, want the same mark", got)
	}
}

func TestHeadersAddressesAndForms(t *testing.T) {
	t.Parallel()
	r := redact.Hiding([]string{canary})
	address, err := url.Parse("https://me:pw@a.example/x/" + url.PathEscape(canary) + "?key=zzz&b=" + url.QueryEscape("x"+canary) + "&limit=10")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"authorization", r.Header("Authorization", "Bearer "+canary), "Bearer ***"},
		{"an authorization that nobody knows", r.Header("Authorization", "Bearer of-somebody"), "Bearer ***"},
		{"a key that nobody knows", r.Header("X-Api-Key", "of-somebody"), "***"},
		{"a cookie", r.Header("Set-Cookie", "sid=1234; Path=/"), "***"},
		{"a link", r.Header("Link", `<https://a.example/?access_token=abc&page=2>; rel="next"`), `<https://a.example/?access_token=***&page=2>; rel="next"`},
		{"a harmless header", r.Header("Content-Type", "application/json"), "application/json"},
		{"an address", r.URL(address), "https://a.example/x/%2A%2A%2A?key=***&b=x%2A%2A%2A&limit=10"},
		{"a form", string(r.Body("application/x-www-form-urlencoded", []byte("grant_type=refresh_token&refresh_token=abc&client_secret=d%20e"))), "grant_type=refresh_token&refresh_token=***&client_secret=***"},
		{"text", string(r.Body("text/html", []byte("<p>"+canary+"</p>"))), "<p>***</p>"},
	} {
		want := strings.ReplaceAll(tc.want, "%2A%2A%2A", "***")
		if got := strings.ReplaceAll(tc.got, "%2A%2A%2A", "***"); got != want {
			t.Errorf("%s: got %s, want %s", tc.name, got, want)
		}
	}
}

// FuzzJSON: of a document that holds a secret, nothing is left of it in any string, and a document stays one.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":"SECRET"}`, `["\u0053ECRETSECRET",{"token":"x"}]`, `{"a":{"b":[1,2,"xSECRETx"]},"password":{"c":1}}`, `{"a":"S`, `"{\"SECRET\":1}"`, "[1e400,\xff]"} {
		f.Add([]byte(s))
	}
	const word = "SECRET"
	f.Fuzz(func(t *testing.T, data []byte) {
		got := redact.Hiding([]string{word}).JSON(bytes.Clone(data))
		if !json.Valid(data) {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("of %q: %q, which is no JSON", data, got)
		}
		var v any
		if json.Unmarshal(got, &v) == nil && holds(v, word) {
			t.Fatalf("of %q: %q, which shows the secret", data, got)
		}
		if again := redact.Hiding([]string{word}).JSON(bytes.Clone(got)); !bytes.Equal(again, got) {
			t.Fatalf("redacted twice: %q, then %q", got, again)
		}
	})
}

func holds(v any, word string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, word)
	case []any:
		for _, e := range v {
			if holds(e, word) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if holds(k, word) || holds(e, word) {
				return true
			}
		}
	}
	return false
}
