package s3_test

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/ingest/s3"
	"sluice/ingest/sourcetest"
	"sluice/internal/fault"
	"sluice/internal/motoserver"
)

// startMoto starts moto, an S3 that others wrote in another language.
func startMoto(t *testing.T) string {
	t.Helper()
	address, err := motoserver.Start(t)
	if err != nil {
		skip(t, err.Error())
	}
	return address
}

// inPagesOf stands before an S3 and has it list so many objects at once.
func inPagesOf(t *testing.T, n int, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := serve(t, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if q := r.Out.URL.Query(); q.Has("list-type") {
			q.Set("max-keys", fmt.Sprint(n))
			r.Out.URL.RawQuery = q.Encode()
		}
	}})
	t.Cleanup(transport.CloseIdleConnections)
	return proxy
}

// A motoBucket is a bucket of moto.
type motoBucket struct {
	client *sdk.Client
	name   string
}

func (b motoBucket) put(t testing.TB, key, text string) {
	t.Helper()
	if _, err := b.client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &b.name, Key: &key, Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
}

func (b motoBucket) remove(t testing.TB, key string) {
	t.Helper()
	if _, err := b.client.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		t.Fatal(err)
	}
}

// TestMoto runs the suite that every source passes against moto.
func TestMoto(t *testing.T) {
	t.Parallel()
	real := startMoto(t)
	address := inPagesOf(t, 7, real)
	a := identity(t, real)
	t.Cleanup(a.Close)
	client := sdk.NewFromConfig(a.Config(), func(o *sdk.Options) { o.UsePathStyle, o.HTTPClient = true, a.HTTPClient() })
	t.Cleanup(client.Options().HTTPClient.(*http.Client).CloseIdleConnections)
	put := func(t testing.TB, bucket, key, text string) {
		t.Helper()
		motoBucket{client, bucket}.put(t, key, text)
	}
	var buckets atomic.Int64
	newBucket := func(t testing.TB) string {
		t.Helper()
		name := fmt.Sprintf("bucket-%d", buckets.Add(1))
		if _, err := client.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, sh := range shapes {
		if !slices.Contains([]string{"an object for each record", "seven records for each read", "asked for again at each read", "gzip", "csv, asked for again at each read"}, sh.name) {
			continue
		}
		t.Run(sh.name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, sh.harness(func(t testing.TB) (store, string, string, func()) {
				name := newBucket(t)
				return motoBucket{client, name}, address, name, nil
			}))
		})
	}
	t.Run("keys that are hard to write", func(t *testing.T) {
		bucket := newBucket(t)
		keys := []string{"a b+c", "a%2Fb", "a\x01b", "a&<>\"'", "aé", "a💧", "a?x=y#z"}
		slices.Sort(keys)
		for _, key := range keys {
			put(t, bucket, key, fmt.Sprintf("%q\n", key))
		}
		got, _ := drain(t, open(t, address, func(c *s3.Config) { c.Bucket = bucket }), "")
		var want []string
		for _, key := range keys {
			want = append(want, fmt.Sprintf("%q", key))
		}
		wantTexts(t, "objects", got, want...)
	})
	t.Run("overwritten in its middle", func(t *testing.T) {
		bucket := newBucket(t)
		put(t, bucket, "a", "a1\na2\na3\n")
		tweak := func(c *s3.Config) { c.Bucket, c.Batch = bucket, 2 }
		b := read(t, open(t, address, tweak), "")
		put(t, bucket, "a", "x\ny\n")
		source := open(t, address, tweak)
		_, err := source.Read(t.Context(), b.Next)
		wantFault(t, err, fault.Transient, "object_changed")
		got, _ := drain(t, source, b.Next)
		wantTexts(t, "then", got, "x", "y")
	})
	t.Run("a fence", func(t *testing.T) {
		bucket := newBucket(t)
		put(t, bucket, "a", "a\n")
		got, _ := drain(t, open(t, address, func(c *s3.Config) { c.Bucket, c.Lag = bucket, 100*time.Millisecond }), "")
		wantTexts(t, "when it is old enough", got, "a")
	})
	t.Run("no bucket", func(t *testing.T) {
		_, err := open(t, address, func(c *s3.Config) { c.Bucket = "there-is-none" }).Read(t.Context(), "")
		wantFault(t, err, fault.Blocked, "not_found", "there-is-none")
	})
	t.Run("archived", func(t *testing.T) {
		bucket := newBucket(t)
		if _, err := client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &bucket, Key: aws.String("a"), Body: strings.NewReader("a\n"), StorageClass: "GLACIER"}); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, address, func(c *s3.Config) { c.Bucket = bucket }).Read(t.Context(), "")
		wantFault(t, err, fault.Blocked, "object_archived", "s3://"+bucket+"/a", "restore")
	})
}
