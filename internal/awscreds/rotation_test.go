package awscreds

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/fault"
	"sluice/internal/proof"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func credentialsFile(key string) string {
	return fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%s\naws_session_token = token-of-%s\n", key, key, key)
}

func TestARotatedCredentialsFileIsReadAgain(t *testing.T) {
	isolate(t)
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	writeFile(t, file, credentialsFile("OLD"))
	a, err := Load(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	old, err := a.Retrieve(t.Context())
	if err != nil || old.AccessKeyID != "OLD" {
		t.Fatalf("got %q, %v; want OLD", old.AccessKeyID, err)
	}
	if _, err := a.Refresh(t.Context(), old); fault.From(err).Code() != "expired_token" {
		t.Errorf("refused, and the file is as it was: %v, want expired_token", err)
	}
	writeFile(t, file, "[default]\naws_access_key_id = HALF") // somebody is writing it
	if creds, err := a.Refresh(t.Context(), old); err == nil {
		t.Errorf("from half a file: %q, want an error", creds.AccessKeyID)
	}
	writeFile(t, file, credentialsFile("NEW"))
	got, err := a.Refresh(t.Context(), old)
	if err != nil || got.AccessKeyID != "NEW" || got.SecretAccessKey != "secret-of-NEW" || got.SessionToken != "token-of-NEW" {
		t.Errorf("after the rotation: %q with %q, %v; want NEW and what belongs to it", got.AccessKeyID, got.SecretAccessKey, err)
	}
	proof.Row{Area: "credentials", Fault: "credentials file rotated, old key refused", Action: proof.Retry, Promises: "P10"}.Report(t)
}

func TestCredentialsThatAppearLaterAreFound(t *testing.T) {
	isolate(t)
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	a, err := Load(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Retrieve(t.Context()); fault.From(err).Code() != "no_credentials" {
		t.Fatalf("got %v, want no_credentials", err)
	}
	writeFile(t, file, credentialsFile("NEW"))
	var got aws.Credentials
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && got.AccessKeyID == ""; {
		if got, err = a.Retrieve(t.Context()); err != nil {
			<-time.After(20 * time.Millisecond) // right after a failure there is no other try
		}
	}
	if err != nil || got.AccessKeyID != "NEW" {
		t.Errorf("got %q, %v; want NEW without a restart", got.AccessKeyID, err)
	}
	proof.Row{Area: "credentials", Fault: "no credentials anywhere, then a file with some", Action: proof.Pause, Reason: "no_credentials", Promises: "P10 P12"}.Report(t)
}

func TestARotatedTokenOfAWebIdentityIsReadAgain(t *testing.T) {
	isolate(t)
	assumed := func(key string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>sk</SecretAccessKey><SessionToken>st</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}
	}
	s := newSTS(t, assumed("KEY1"), assumed("KEY2"))
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, "token-1")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_ROLE_ARN", testRole)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL_STS", s.URL)
	a, err := Load(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	first, err := a.Retrieve(t.Context())
	if err != nil || first.AccessKeyID != "KEY1" {
		t.Fatalf("got %q, %v; want KEY1", first.AccessKeyID, err)
	}
	writeFile(t, file, "token-2")
	if second, err := a.Refresh(t.Context(), first); err != nil || second.AccessKeyID != "KEY2" {
		t.Errorf("got %q, %v; want KEY2", second.AccessKeyID, err)
	}
	for i, c := range s.seen() {
		if got, want := c.form.Get("WebIdentityToken"), fmt.Sprintf("token-%d", i+1); got != want {
			t.Errorf("call %d came with the token %q, want %q", i+1, got, want)
		}
	}
	proof.Row{Area: "credentials", Fault: "token file of a web identity rotated", Action: proof.Retry, Promises: "P10"}.Report(t)
}

// What only a person can mend is asked for once a minute at most, and heals by itself.
func TestARefusalIsNotHammeredAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := &fault.Error{Class: fault.Blocked, Reason: "role_denied", Op: "test", Err: errors.New("denied")}
		s := &script{life: time.Hour, down: denied}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if got := s.count(); got < 2 || got > 61 {
			t.Errorf("%d tries in an hour, want at most one a minute", got)
		}
		s.set(func(s *script) { s.down = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		before := s.count()
		if _, err := c.Retrieve(t.Context()); err != nil || s.count() != before {
			t.Errorf("a minute after the cause was mended: %v after %d tries, want credentials that are there already", err, s.count()-before)
		}
	})
	proof.Row{Area: "credentials", Fault: "STS refuses for an hour, then grants", Action: proof.Pause, Reason: "role_denied", Promises: "P10 P11"}.Report(t)
}

// Callers who sign while the credentials rotate get pairs that belong together, through the SDK's own signer settings too.
func TestSettingsOfTheSDKNeverHoldAMixedPair(t *testing.T) {
	s := &script{life: time.Hour}
	a := newAWS(t, "http://127.0.0.1:1", aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		creds, err := s.fetch(ctx)
		creds.SecretAccessKey = "of-" + creds.AccessKeyID
		return creds, err
	}), Config{})
	ctx, stop := context.WithCancel(t.Context())
	var rotating sync.WaitGroup
	defer rotating.Wait()
	defer stop()
	rotating.Go(func() {
		for ctx.Err() == nil {
			creds, err := a.Retrieve(ctx)
			if err == nil {
				_, err = a.Refresh(ctx, creds)
			}
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	for rotations := map[string]bool{}; len(rotations) < 20 && !t.Failed(); {
		got, err := a.Config().Credentials.Retrieve(t.Context())
		if err != nil || got.SecretAccessKey != "of-"+got.AccessKeyID || got.SessionToken != "token-"+got.AccessKeyID {
			t.Fatalf("mixed: %q with %q and %q, %v", got.AccessKeyID, got.SecretAccessKey, got.SessionToken, err)
		}
		rotations[got.AccessKeyID] = true
		runtime.Gosched()
	}
}
