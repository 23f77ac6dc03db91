package drivers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// An exportTime is when objects are written: long ago, or now.
type exportTime struct{ ago time.Duration }

func (e *exportTime) Now() time.Time                  { return time.Now().Add(-e.ago) }
func (e *exportTime) Since(t time.Time) time.Duration { return e.Now().Sub(t) }

// TestTheS3Example reads what is exported as the file says, goes on behind it, and waits for an export that is under way.
func TestTheS3Example(t *testing.T) {
	clock := &exportTime{24 * time.Hour}
	backend := s3mem.New(s3mem.WithTimeSource(clock))
	if err := backend.CreateBucket("shop-exports"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	put := func(key string, orders ...string) {
		t.Helper()
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(strings.Join(orders, "\n")))
		_ = w.Close()
		if _, err := backend.PutObject("shop-exports", key, nil, &b, int64(b.Len()), nil); err != nil {
			t.Fatal(err)
		}
	}
	settings, source := openExample(t, "examples/s3/orders.env", "AWS_ENDPOINT_URL_S3", server.URL, "SLUICE_S3_PATH_STYLE", "true")
	put("orders/2025/12/31/23-part-0000.ndjson.gz", `{"order":"40","customer":"K-1"}`)
	put("orders/2026/01/05/13-part-0000.ndjson.gz", `{"order":"41","customer":"K-1"}`, `{"order":"42","customer":"K-2"}`)
	put("orders/2026/01/05/13-part-0001.ndjson.gz", `{"order":"43","customer":"K-1"}`)
	put("orders/2026/01/05/_SUCCESS")
	put("payments/2026/01/05/13-part-0000.ndjson.gz", `{"payment":"1"}`)
	first, next, _ := pull(t, source, "")
	if want := []string{`{"order":"41","customer":"K-1"}`, `{"order":"42","customer":"K-2"}`, `{"order":"43","customer":"K-1"}`}; !slices.Equal(first, want) {
		t.Fatalf("read %q, want %q", first, want)
	}
	records, err := settings.Naming.Parser()([]byte(first[1]))
	if err != nil || len(records) != 1 || records[0].Key != "K-2" {
		t.Errorf("the second order becomes %v, %v; want one record with the key K-2", records, err)
	}
	put("orders/2026/01/05/14-part-0000.ndjson.gz", `{"order":"44","customer":"K-3"}`)
	clock.ago = 0
	put("orders/2026/01/05/15-part-0000.ndjson.gz", `{"order":"45","customer":"K-3"}`)
	b, err := source.Read(t.Context(), next)
	if err != nil || len(b.Items) != 1 || string(b.Items[0]) != `{"order":"44","customer":"K-3"}` {
		t.Errorf("later read %q, %v; want the order of 14 o'clock and not yet that of 15", b.Items, err)
	}
	if got, want := b.Position(0), "orders/2026/01/05/14-part-0000.ndjson.gz, line 1"; got != want {
		t.Errorf("it comes from %q, want %q", got, want)
	}
}

// TestThePolicyOfTheS3Source in the documentation is JSON that allows the two actions, and nothing else on all objects.
func TestThePolicyOfTheS3Source(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```json\n(\\{.*?\"s3:GetObject\".*?)```").FindSubmatch(page)
	if text == nil {
		t.Fatal("docs/sources.md has no policy with s3:GetObject")
	}
	var policy struct {
		Version   string
		Statement []struct{ Effect, Action, Resource string }
	}
	dec := json.NewDecoder(bytes.NewReader(text[1]))
	if err := dec.Decode(&policy); err != nil {
		t.Fatalf("the policy is no JSON: %v", err)
	}
	var got []string
	for _, s := range policy.Statement {
		got = append(got, s.Effect+" "+s.Action+" "+s.Resource)
	}
	want := []string{"Allow s3:ListBucket arn:aws:s3:::shop-exports", "Allow s3:GetObject arn:aws:s3:::shop-exports/orders/*"}
	if policy.Version != "2012-10-17" || !slices.Equal(got, want) {
		t.Errorf("the policy says %q, want %q", got, want)
	}
}
