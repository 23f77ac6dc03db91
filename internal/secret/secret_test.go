package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sluice/internal/secret"
)

const canary = "canary-7f3a"

func TestNoWayOfPrintingShowsTheSecret(t *testing.T) {
	type holder struct {
		Token  secret.Value
		hidden secret.Value
	}
	h := holder{Token: secret.New(canary), hidden: secret.New(canary)}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
		fmt.Fprintf(&out, verb+"\n", h.Token)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "h", h, "token", h.Token)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "h", h, "token", h.Token)
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", canary)
	if s := out.String(); strings.Contains(s, canary) || strings.Contains(s, hex) {
		t.Errorf("the secret was printed:\n%s", s)
	}
	if got := h.hidden.Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want the secret", got)
	}
}

func TestReplaceReachesEveryCopy(t *testing.T) {
	first := secret.New("one")
	second := first
	first.Replace("two")
	if got := second.Reveal(); got != "two" {
		t.Errorf("the copy reveals %q, want %q", got, "two")
	}
}

func TestZeroIsUnset(t *testing.T) {
	var v secret.Value
	if v.IsSet() || v.Reveal() != "" || v.String() != "" {
		t.Errorf("the zero Value is set: %q", v.Reveal())
	}
}

func TestRefreshReadsAgainForEveryCopy(t *testing.T) {
	t.Parallel()
	legal := func(s string) bool { return s != "illegal" }
	text, fail := "one", error(nil)
	v := secret.From("one", func() (string, error) { return text, fail })
	twin := v
	for _, tc := range []struct {
		now     string
		fail    error
		changed bool
		want    string
	}{
		{"one", nil, false, "one"}, {"two", nil, true, "two"}, {"illegal", nil, false, "two"}, {"", nil, false, "two"},
		{"three", errors.New("gone"), false, "two"}, {"three", nil, true, "three"},
	} {
		text, fail = tc.now, tc.fail
		if got := v.Refresh(legal); got != tc.changed || twin.Reveal() != tc.want {
			t.Errorf("%q, %v: Refresh = %v and the secret %q, want %v and %q", tc.now, tc.fail, got, twin.Reveal(), tc.changed, tc.want)
		}
	}
	if secret.New("x").Refresh(legal) || (secret.Value{}).Refresh(legal) {
		t.Error("a secret from nowhere has changed")
	}
}
