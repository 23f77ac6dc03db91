package awscreds

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/fault"
	"sluice/internal/proof"
)

// A script is a source of credentials whose state the test sets.
type script struct {
	mu    sync.Mutex
	calls int
	life  time.Duration // of each new set; 0: without end
	takes time.Duration
	down  error
	key   string // fixed key; empty: a new one each time
}

func (s *script) fetch(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	s.calls++
	n, life, takes, down, key := s.calls, s.life, s.takes, s.down, s.key
	s.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return aws.Credentials{}, ctx.Err()
		}
	}
	if down != nil {
		return aws.Credentials{}, down
	}
	if key == "" {
		key = fmt.Sprintf("KEY%d", n)
	}
	c := aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret", SessionToken: "token-" + key, Source: "script"}
	if life != 0 {
		c.CanExpire, c.Expires = true, time.Now().Add(life)
	}
	return c, nil
}

func (s *script) set(change func(s *script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

var errDown = &fault.Error{Reason: "sts_unavailable", Op: "test", Err: errors.New("down")}

func wantKey(t *testing.T, c *cache, want string) {
	t.Helper()
	got, err := c.Retrieve(t.Context())
	if err != nil {
		t.Fatalf("Retrieve failed at %v: %v", time.Now(), err)
	}
	if got.AccessKeyID != want {
		t.Errorf("key at %v = %q, want %q", time.Now(), got.AccessKeyID, want)
	}
}

func TestRenewedInTheBackgroundAtHalfToSevenTenthsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{life: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		wantKey(t, c, "KEY1")
		time.Sleep(30*time.Minute - time.Second)
		synctest.Wait()
		if got := s.count(); got != 1 {
			t.Errorf("renewals before half of the life = %d, want only the first", got)
		}
		time.Sleep(12*time.Minute + 2*time.Second)
		synctest.Wait()
		if got := s.count(); got != 2 {
			t.Errorf("renewals after 70 %% of the life = %d, want 2, nobody having asked", got)
		}
		wantKey(t, c, "KEY2")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if got := s.count(); got < 2+24 || got > 2+48 {
			t.Errorf("renewals after a day more = %d, want about one in 36 minutes", got)
		}
	})
}

func TestValidCredentialsAreUsedToTheirEndWhileRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{life: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		wantKey(t, c, "KEY1")
		s.set(func(s *script) { s.down = errDown })
		time.Sleep(time.Hour - endMargin - time.Second)
		wantKey(t, c, "KEY1")
		tries := s.count() - 1
		if tries < 5 || tries > 600 {
			t.Errorf("renewals tried while down = %d, want a backed-off handful to some hundred", tries)
		}
		time.Sleep(2 * time.Second)
		if _, err := c.Retrieve(t.Context()); fault.From(err).Code() != "sts_unavailable" {
			t.Errorf("error after the end = %v, want the verdict of the renewal", err)
		}
		s.set(func(s *script) { s.down = nil })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		before := s.count()
		if _, err := c.Retrieve(t.Context()); err != nil {
			t.Errorf("after STS is back: %v", err)
		}
		if got := s.count(); got != before {
			t.Errorf("the caller had to renew; the background should have done so")
		}
	})
	proof.Row{Area: "credentials", Fault: "STS is down when credentials are to be renewed", Action: proof.None, Promises: "P10"}.Report(t)
	proof.Row{Area: "credentials", Fault: "STS is down for longer than the credentials live", Action: proof.Retry, Reason: "sts_unavailable", Promises: "P10"}.Report(t)
}

func TestRefusedCredentialsAreRenewedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{life: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		rejected, err := c.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.set(func(s *script) { s.takes = time.Second })
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond) // some come while it is under way, some after
				got, err := c.Refresh(t.Context(), rejected)
				if err != nil || got.AccessKeyID != "KEY2" {
					t.Errorf("caller %d got %q, %v; want KEY2", i, got.AccessKeyID, err)
				}
			})
		}
		wg.Wait()
		if got := s.count(); got != 2 {
			t.Errorf("fetches = %d, want 2: the first and one shared renewal", got)
		}
		wantKey(t, c, "KEY2")
	})
}

func TestRefreshWithNothingNewerIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{key: "STATIC"}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		rejected, _ := c.Retrieve(t.Context())
		_, err := c.Refresh(t.Context(), rejected)
		if e := fault.From(err); e == nil || e.Class != fault.Blocked || e.Reason != "expired_token" {
			t.Errorf("got %v, want Blocked expired_token", err)
		}
	})
}

// The renewal under way when the credentials are refused began before that, and may bring the refused ones.
func TestRefreshDoesNotTrustARenewalThatBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{key: "OLD", takes: time.Second, life: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		time.Sleep(100 * time.Millisecond) // the first fetch has read its script
		s.set(func(s *script) { s.key = "NEW" })
		old := aws.Credentials{AccessKeyID: "OLD", SecretAccessKey: "secret", SessionToken: "token-OLD"}
		got, err := c.Refresh(t.Context(), old)
		if err != nil || got.AccessKeyID != "NEW" {
			t.Errorf("got %q, %v; want NEW", got.AccessKeyID, err)
		}
	})
}

func TestASlowSourceNeitherHangsTheCallerNorIsAskedByEachOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		start := time.Now()
		_, err := c.Retrieve(t.Context())
		if err == nil {
			t.Fatal("got credentials from a source that never answers")
		}
		if took := time.Since(start); took != fetchTimeout {
			t.Errorf("failed after %v, want %v", took, fetchTimeout)
		}
		start = time.Now()
		if _, again := c.Retrieve(t.Context()); again == nil || again.Error() != err.Error() || time.Since(start) > 0 {
			t.Errorf("right after it: %v after %v, want the same error at once", again, time.Since(start))
		}
		time.Sleep(renewals.Min)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.Retrieve(ctx)
		if e := fault.From(err); e == nil || e.Reason != "timeout" || e.Ambiguous {
			t.Errorf("got %v, want timeout, not ambiguous", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("the caller's limit was ignored: %v", took)
		}
	})
}

func TestCredentialsThatCameExpiredAreUsedWhileThereAreNoBetterOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{life: -time.Minute, key: "STALE"}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		wantKey(t, c, "STALE")
		time.Sleep(10 * time.Minute)
		wantKey(t, c, "STALE")
		if got := s.count(); got < 10 || got > 40 {
			t.Errorf("fetches in ten minutes = %d, want two a minute", got)
		}
	})
}

func TestCredentialsWithoutEndAreNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		c := newCache(s.fetch, fetchTimeout)
		defer c.close()
		time.Sleep(1000 * time.Hour)
		wantKey(t, c, "KEY1")
		if got := s.count(); got != 1 {
			t.Errorf("fetches = %d, want 1", got)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble fails if a goroutine is left
		s := &script{takes: time.Hour}
		c := newCache(s.fetch, fetchTimeout)
		var ended atomic.Bool
		go func() {
			_, err := c.Retrieve(t.Context())
			if err == nil {
				t.Error("got credentials from a closed cache")
			}
			ended.Store(true)
		}()
		synctest.Wait()
		c.close()
		synctest.Wait()
		if !ended.Load() {
			t.Error("Retrieve still waits after close")
		}
		if _, err := c.Retrieve(t.Context()); err == nil {
			t.Error("Retrieve after close succeeds")
		}
	})
}

func TestNoRequestIsSignedWithAMixedPair(t *testing.T) {
	s := &script{life: time.Hour}
	c := newCache(func(ctx context.Context) (aws.Credentials, error) {
		creds, err := s.fetch(ctx)
		creds.SecretAccessKey = "of-" + creds.AccessKeyID
		return creds, err
	}, fetchTimeout)
	defer c.close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				got, err := c.Retrieve(t.Context())
				if err != nil || got.SecretAccessKey != "of-"+got.AccessKeyID || got.SessionToken != "token-"+got.AccessKeyID {
					t.Errorf("mixed pair: %q with %q, %v", got.AccessKeyID, got.SecretAccessKey, err)
					return
				}
				if _, err := c.Refresh(t.Context(), got); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := s.count(); n < 2 {
		t.Errorf("rotated %d times; that pairs belong together shows nothing", n)
	}
	proof.Row{Area: "credentials", Fault: "credentials rotate while requests are signed", Action: proof.None, Promises: "P14"}.Report(t)
}

// The background loop finds its wait over; a caller starts the renewal and it ends; the loop comes to act -> a second one.
func TestTheFirstCallerAndTheBackgroundFetchOnce(t *testing.T) {
	for range 500 {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			c := newCache(s.fetch, fetchTimeout)
			defer c.close()
			wantKey(t, c, "KEY1")
			synctest.Wait() // the loop has done what it was about to do
			if got := s.count(); got != 1 {
				t.Fatalf("fetches = %d, want 1", got)
			}
		})
	}
}
