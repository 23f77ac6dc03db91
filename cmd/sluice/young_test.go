package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// TestFetchTellsOfObjectsThatAreTooYoung, where it would else say no more than that a full bucket has nothing.
func TestFetchTellsOfObjectsThatAreTooYoung(t *testing.T) {
	t.Parallel()
	backend := s3mem.New()
	if err := backend.CreateBucket("shop-exports"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	if _, err := backend.PutObject("shop-exports", "orders/2026/01/05/13-part-0000.ndjson.gz", nil, strings.NewReader("{}\n"), 3, nil); err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]int{"orders/": 1, "payments/": 0} {
		p := start(t, map[string]string{
			"SLUICE_SOURCE": "s3", "SLUICE_S3_BUCKET": "shop-exports", "SLUICE_S3_PREFIX": prefix, "SLUICE_S3_LAG": time.Hour.String(),
			"SLUICE_S3_PATH_STYLE": "true", "AWS_ENDPOINT_URL_S3": server.URL, "AWS_REGION": "eu-west-1",
			"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": canaryToken,
		}, "fetch")
		if code := p.wait(t, soon); code != 0 {
			t.Fatalf("fetch of %s: exit code %d, want 0:\n%s", prefix, code, p.said())
		}
		if got := strings.Count(p.said(), "later    objects that are not yet 1h0m0s old (SLUICE_S3_LAG) are there"); got != want {
			t.Errorf("of %s it says %d times that objects are too young, want %d:\n%s", prefix, got, want, p.said())
		}
		for _, l := range strings.Split(p.said(), "\n") {
			if len(l) > 80 {
				t.Errorf("%q has %d columns, want at most 80", l, len(l))
			}
		}
	}
}
