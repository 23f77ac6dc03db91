package sts

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/internal/awslocal/sigv4"
)

const (
	account = "123456789012"
	userARN = "arn:aws:iam::123456789012:user/ann"
	roleARN = "arn:aws:iam::123456789012:role/writer"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)

var (
	user    = sigv4.Identity{ARN: userARN, UserID: "LIDAANN", Account: account}
	other   = sigv4.Identity{ARN: "arn:aws:iam::123456789012:user/bob", UserID: "LIDABOB", Account: account}
	session = sigv4.Identity{ARN: "arn:aws:sts::123456789012:assumed-role/writer/s1", UserID: "LROAW:s1", Account: account}
)

func newEngine() *Engine {
	return New(Options{
		Keys: sigv4.NewKeys(account), Account: account, Now: func() time.Time { return at },
		Roles: []Role{
			{Name: "writer", ID: "LROAW", ExternalID: "ext-1", Trusts: []string{userARN}, MaxSession: 2 * time.Hour},
			{Name: "chained", ID: "LROAC", Trusts: []string{roleARN}, MaxSession: 12 * time.Hour},
		},
	})
}

func call(e *Engine, caller sigv4.Identity, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	w.Header().Set("X-Amzn-Requestid", "request-1")
	e.ServeSTS(w, r, []byte(form.Encode()), caller)
	return w
}

// assume is a good request; changes replace parameters, an empty value removes one.
func assume(changes map[string]string) url.Values {
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {roleARN}, "RoleSessionName": {"s1"}, "ExternalId": {"ext-1"}}
	for name, value := range changes {
		if form.Del(name); value != "" {
			form.Set(name, value)
		}
	}
	return form
}

func TestRefusals(t *testing.T) {
	const notAuthorized = "User: " + userARN + " is not authorized to perform: sts:AssumeRole on resource: " + roleARN
	for _, c := range []struct {
		name    string
		caller  sigv4.Identity
		form    url.Values
		status  int
		code    string
		message string
	}{
		{"no external id", user, assume(map[string]string{"ExternalId": ""}), 403, "AccessDenied", notAuthorized},
		{"wrong external id", user, assume(map[string]string{"ExternalId": "ext-2"}), 403, "AccessDenied", notAuthorized},
		{"caller not trusted", other, assume(nil), 403, "AccessDenied", strings.Replace(notAuthorized, "/ann", "/bob", 1)},
		{"role that does not exist", user, assume(map[string]string{"RoleArn": roleARN + "x"}), 403, "AccessDenied", notAuthorized + "x"},
		{"no session name", user, assume(map[string]string{"RoleSessionName": ""}), 400, "ValidationError",
			"1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"},
		{"session name of one character", user, assume(map[string]string{"RoleSessionName": "s"}), 400, "ValidationError",
			"1 validation error detected: Value 's' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{"session name of 65 characters", user, assume(map[string]string{"RoleSessionName": strings.Repeat("s", 65)}), 400, "ValidationError",
			"1 validation error detected: Value '" + strings.Repeat("s", 65) + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"session name with a space", user, assume(map[string]string{"RoleSessionName": "s 1"}), 400, "ValidationError",
			`1 validation error detected: Value 's 1' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"external id of one character", user, assume(map[string]string{"ExternalId": "e"}), 400, "ValidationError",
			"1 validation error detected: Value 'e' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{"two things wrong", user, assume(map[string]string{"RoleSessionName": "s", "DurationSeconds": "1"}), 400, "ValidationError",
			"2 validation errors detected: Value 's' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; " +
				"Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"under 15 minutes", user, assume(map[string]string{"DurationSeconds": "899"}), 400, "ValidationError",
			"1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"over 12 hours", user, assume(map[string]string{"DurationSeconds": "43201"}), 400, "ValidationError",
			"1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{"longer than the role allows", user, assume(map[string]string{"DurationSeconds": "7201"}), 400, "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"chained for more than an hour", session, assume(map[string]string{"RoleArn": "arn:aws:iam::123456789012:role/chained", "DurationSeconds": "3601"}), 400, "ValidationError",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"},
		{"not the ARN of a role", user, assume(map[string]string{"RoleArn": userARN}), 400, "ValidationError", `"` + userARN + `" is not the ARN of a role`},
		{"token of over 4096 characters", user, assume(map[string]string{"MinimumSessionTokenSize": "4097"}), 400, "ValidationError",
			"1 validation error detected: Value '4097' at 'minimumSessionTokenSize' failed to satisfy constraint: Member must have value less than or equal to 4096"},
		{"session policy", user, assume(map[string]string{"Policy": "{}"}), 400, "ValidationError", "The stand-in does not enforce Policy; leave it out."},
		{"another action", user, url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}}, 400, "InvalidAction", "Could not find operation GetSessionToken for version 2011-06-15"},
		{"another version", user, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2012-11-05"}}, 400, "InvalidAction", "Could not find operation GetCallerIdentity for version 2012-11-05"},
		{"no action", user, url.Values{}, 400, "MissingAction", "The request lacks the parameter Action."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := call(newEngine(), c.caller, c.form)
			var got errorResponse
			if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("answer %q: %v", w.Body, err)
			}
			if w.Code != c.status || got.Code != c.code || got.Message != c.message {
				t.Errorf("got %d %s %q, want %d %s %q", w.Code, got.Code, got.Message, c.status, c.code, c.message)
			}
			if got.Type != "Sender" || got.RequestID != "request-1" || w.Header().Get("Content-Type") != "text/xml" {
				t.Errorf("got type %s, request id %s, content type %s", got.Type, got.RequestID, w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestAssumeRoleIssuesASession(t *testing.T) {
	for _, c := range []struct {
		name     string
		caller   sigv4.Identity
		changes  map[string]string
		lifetime time.Duration
		token    int
		arn, id  string
	}{
		{"by the user", user, nil, time.Hour, 800, "arn:aws:sts::123456789012:assumed-role/writer/s1", "LROAW:s1"},
		{"as long as the role allows", user, map[string]string{"DurationSeconds": "7200"}, 2 * time.Hour, 800, "arn:aws:sts::123456789012:assumed-role/writer/s1", "LROAW:s1"},
		{"with a long token", user, map[string]string{"MinimumSessionTokenSize": "4096", "DurationSeconds": "900"}, 15 * time.Minute, 4096, "arn:aws:sts::123456789012:assumed-role/writer/s1", "LROAW:s1"},
		{"chained", session, map[string]string{"RoleArn": "arn:aws:iam::123456789012:role/chained", "RoleSessionName": "s=2,@"}, time.Hour, 800, "arn:aws:sts::123456789012:assumed-role/chained/s=2,@", "LROAC:s=2,@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := call(newEngine(), c.caller, assume(c.changes))
			var got assumeRoleResponse
			if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
				t.Fatalf("got %d %s, %v", w.Code, w.Body, err)
			}
			ends, err := time.Parse(time.RFC3339, got.Expiration)
			if want := at.Add(c.lifetime).Truncate(time.Second); err != nil || !ends.Equal(want) {
				t.Errorf("ends at %s, want %s", got.Expiration, want)
			}
			if got.ARN != c.arn || got.AssumedRoleID != c.id || len(got.SessionToken) != c.token || len(got.AccessKeyID) != 20 || len(got.SecretAccessKey) != 40 {
				t.Errorf("got %+v, want ARN %s, id %s, a token of %d characters", got, c.arn, c.id, c.token)
			}
			if got.Metadata.RequestID != "request-1" {
				t.Errorf("request id %q, want that of the header", got.Metadata.RequestID)
			}
		})
	}
}

// TestActionInTheQuery: a GET carries the parameters in its query.
func TestActionInTheQuery(t *testing.T) {
	w := httptest.NewRecorder()
	newEngine().ServeSTS(w, httptest.NewRequest("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", nil), nil, user)
	var got getCallerIdentityResponse
	if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ARN != userARN || got.UserID != "LIDAANN" || got.Account != account {
		t.Errorf("got %s, %v; want the caller %+v", w.Body, err, user)
	}
}
