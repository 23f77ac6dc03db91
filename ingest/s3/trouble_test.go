package s3_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/ingest/s3"
	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// breakOff has the answer to the nth request for an object end after so many bytes: with the connection, or in silence.
func breakOff(s *server, nth, after int, text string, silent bool) {
	n := 0
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("list-type") {
			return false
		}
		s.mu.Lock()
		n++
		at := n
		s.mu.Unlock()
		if at != nth {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		w.Header().Set("ETag", `"`+md5sum(text)+`"`)
		_, _ = w.Write([]byte(text[:after]))
		_ = http.NewResponseController(w).Flush()
		if silent {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	})
}

// TestAnAnswerThatBreaksOff is gone on with where it broke; nothing is missing, and nothing comes twice.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	const records = 20_000
	text := lines(0, records)
	for name, tc := range map[string]struct {
		text   string
		silent bool
		reason string
		change func(*s3.Config)
	}{
		"the connection ends":           {text: text, reason: "network"},
		"nothing more comes":            {text: text, silent: true, reason: "timeout", change: func(c *s3.Config) { c.Timeout = 300 * time.Millisecond }},
		"in the middle of what is gzip": {text: gz(t, text), reason: "network"},
		"in the middle of what is zstd": {text: zst(t, text), reason: "network"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put(t, "a", tc.text)
			breakOff(s, 1, len(tc.text)*2/3, tc.text, tc.silent)
			source := open(t, s.address, func(c *s3.Config) {
				c.Batch = 100_000
				if tc.change != nil {
					tc.change(c)
				}
			})
			var got []string
			first := read(t, source, "")
			if len(first.Items) == 0 || len(first.Items) == records {
				t.Fatalf("the first read has %d items, want those before the break", len(first.Items))
			}
			rest, _ := drain(t, source, first.Next)
			got = append(texts(first), rest...)
			wantTexts(t, "all of it", got, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
		})
	}
}

// TestAnAnswerThatBreaksOffBeforeTheFirstRecord is an error that says so.
func TestAnAnswerThatBreaksOffBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	for silent, reason := range map[bool]string{false: "network", true: "timeout"} {
		s := newServer(t)
		s.put(t, "a", "a1\n")
		breakOff(s, 1, 1, "a1\n", silent)
		source := open(t, s.address, func(c *s3.Config) { c.Timeout = 300 * time.Millisecond })
		_, err := source.Read(t.Context(), "")
		wantFault(t, err, fault.Transient, reason, "s3://my-bucket/a")
		got, _ := drain(t, source, "")
		wantTexts(t, "then", got, "a1")
	}
}

// TestAnIdleConnectionThatWasClosed while nothing was delivered is no trouble.
func TestAnIdleConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	text := lines(0, 4000) // more than what is read ahead
	s := newServer(t)
	s.put(t, "a", text)
	breakOff(s, 1, 52, text, false)
	source := open(t, s.address, two)
	b := read(t, source, "")
	b = read(t, source, b.Next)
	wantTexts(t, "requests", s.asked(), "list", "get a", "get a bytes=50-")
	if len(b.Items) != 2 || string(b.Items[1]) != string(line(3)) {
		t.Errorf("read %q, want items 2 and 3", texts(b))
	}
}

// TestDamagedObjects stop reading with one reason and the place, after what could be read; mended ones are gone on with.
func TestDamagedObjects(t *testing.T) {
	t.Parallel()
	packed := gz(t, lines(0, 5000))
	for name, tc := range map[string]struct {
		key, text, format, want string
		before                  int // records that can be read
	}{
		"a gzip that breaks off":          {"a.gz", packed[:len(packed)-20], "ndjson", "breaks off", 1},
		"a gzip with a wrong sum":         {"a.gz", packed[:len(packed)-8] + "12345678", "ndjson", "compressed", 1},
		"a zstd that breaks off":          {"a.zst", zst(t, lines(0, 9))[:30], "ndjson", "breaks off", 0},
		"no gzip under the name of one":   {"a.gz", "{}\n", "ndjson", "name of a compressed object", 0},
		"json that breaks off":            {"a.json", `[{"a":1},{"a":`, "json", "breaks off", 1},
		"no json":                         {"a.json", `[{"a":1},x]`, "json", "not JSON", 1},
		"a header with a name twice":      {"a.csv", "a,a\n1,2\n", "csv", "same name", 0},
		"a header whose quote stays open": {"a.csv", "\"a,b\n1,2\n", "csv", "a quote that is opened", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.put(t, tc.key, tc.text)
			source := open(t, s.address, func(c *s3.Config) { c.Format, c.Batch = tc.format, 100_000 })
			b, err := source.Read(t.Context(), "")
			if tc.before > 0 {
				if err != nil || len(b.Items) < tc.before {
					t.Fatalf("read %d items, %v; want those before the damage", len(b.Items), err)
				}
				_, err = source.Read(t.Context(), b.Next)
			}
			wantFault(t, err, fault.Blocked, "object_damaged", "s3://my-bucket/"+tc.key, "behind line", tc.want)
			s.put(t, tc.key, "")
			if _, err := source.Read(t.Context(), b.Next); tc.before > 0 && !fault.Is(err, fault.Transient) {
				t.Fatalf("mended: %v, want object_changed", err)
			}
			if got, _ := drain(t, source, b.Next); len(got) > 0 {
				t.Errorf("of an empty object came %q", got)
			}
		})
	}
}

// TestBadRecords are set aside with their place, and the others come.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "in/a.csv", "id,text\n1,x\n2\n3,y\n")
	s.put(t, "in/b.csv", "id,text\n4,"+strings.Repeat("z", 100)+"\n5,z\n")
	b := read(t, open(t, s.address, func(c *s3.Config) { c.Format, c.Batch, c.MaxRecordBytes = "csv", 100, 50 }), "")
	var got []string
	for i := range b.Items {
		got = append(got, fmt.Sprintf("%s %v", b.Position(i), b.Bad[i] == nil))
	}
	wantTexts(t, "positions", got, "in/a.csv, line 2 true", "in/a.csv, line 3 false", "in/a.csv, line 4 true", "in/b.csv, line 2 false", "in/b.csv, line 3 true")
}

// TestVerdicts: what each answer of S3 means, when it comes to a listing and to an object.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		code   string
		class  fault.Class
		reason string
		word   string
	}{
		{404, "NoSuchBucket", fault.Blocked, "not_found", "check SLUICE_S3_BUCKET"},
		{403, "AccessDenied", fault.Blocked, "forbidden", "s3:GetObject"},
		{403, "InvalidAccessKeyId", fault.Blocked, "unauthorized", "credentials"},
		{403, "SignatureDoesNotMatch", fault.Blocked, "unauthorized", "credentials"},
		{400, "ExpiredToken", fault.Blocked, "unauthorized", "credentials"},
		{301, "PermanentRedirect", fault.Blocked, "wrong_region", "set SLUICE_S3_REGION=eu-west-1"},
		{400, "AuthorizationHeaderMalformed", fault.Blocked, "wrong_region", "set SLUICE_S3_REGION=eu-west-1"},
		{503, "SlowDown", fault.Throttled, "throttled", "SlowDown"},
		{503, "", fault.Throttled, "throttled", ""},
		{429, "", fault.Throttled, "throttled", ""},
		{500, "InternalError", fault.Transient, "server_error", "InternalError"},
		{502, "", fault.Transient, "server_error", ""},
		{403, "InvalidObjectState", fault.Blocked, "object_archived", "restore it"},
		{400, "KMS.DisabledException", fault.Blocked, "decrypt_denied", "enable the key"},
		{400, "KMS.ThrottlingException", fault.Throttled, "throttled", ""},
		{403, "", fault.Blocked, "forbidden", "s3:ListBucket"},
		{404, "", fault.Blocked, "not_found", "AWS_ENDPOINT_URL_S3"},
		{400, "InvalidRequest", fault.Blocked, "refused", "InvalidRequest"},
		{407, "", fault.Blocked, "unauthorized", "HTTPS_PROXY"},
	} {
		for _, listing := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %s, listing %v", tc.status, tc.code, listing), func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				s.put(t, "a", "a\n")
				s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Query().Has("list-type") != listing {
						return false
					}
					w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
					w.Header().Set("Retry-After", "7")
					if tc.code == "" {
						w.WriteHeader(tc.status)
						return true
					}
					answer(w, tc.status, tc.code)
					return true
				})
				_, err := open(t, s.address, nil).Read(t.Context(), "")
				wantFault(t, err, tc.class, tc.reason, "s3://my-bucket/", tc.word)
				wait := time.Duration(0)
				if tc.class != fault.Blocked {
					wait = 7 * time.Second
				}
				if got := fault.From(err).RetryAfter; got != wait {
					t.Errorf("to wait %v, want %v", got, wait)
				}
			})
		}
	}
}

// TestNobodyAnswers at the address.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	_, err := open(t, "http://127.0.0.1:1", nil).Read(t.Context(), "")
	wantFault(t, err, fault.Transient, "network", "s3://my-bucket/")
}

// TestAStrangerAnswers with what is no S3.
func TestAStrangerAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, text := range map[string]string{
		"keys in no order": list("b", "a"), "a key twice": list("a", "a"), "a key out of the prefix": list("zz"), "no key": list(""), "no text": strings.Replace(list("%ff"), "<IsT", "<EncodingType>url</EncodingType><IsT", 1),
		"no end": `<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`,
	} {
		reason := "bad_answer"
		if strings.Contains(name, "order") || strings.Contains(name, "twice") {
			reason = "no_key_order"
		}
		s.meddle(func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte(text)); return true })
		prefix := func(c *s3.Config) {
			if strings.Contains(name, "prefix") {
				c.Prefix = "a"
			}
		}
		_, err := open(t, s.address, prefix).Read(t.Context(), "")
		wantFault(t, err, fault.Blocked, reason)
	}
}

// list is an answer to a listing.
func list(keys ...string) string {
	var b strings.Builder
	b.WriteString(`<ListBucketResult><IsTruncated>false</IsTruncated>`)
	for _, key := range keys {
		fmt.Fprintf(&b, `<Contents><Key>%s</Key><LastModified>2026-01-05T00:00:00.000Z</LastModified><Size>3</Size></Contents>`, key)
	}
	return b.String() + `</ListBucketResult>`
}

// TestCursorsAreSmall: a place in the middle of an object is no longer than its key and a few numbers.
func TestCursorsAreSmall(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := middle(t, s)
	var place map[string]any
	if err := json.Unmarshal([]byte(c), &place); err != nil || len(c) > 100 || place["k"] != "a" || place["o"] != 6.0 || place["l"] != 2.0 {
		t.Errorf("the cursor is %s, want the key, the ETag, 6 bytes and 2 lines", c)
	}
}

// TestCredentialsThatEndAreRenewed where S3 calls them expired, and the request is made again.
func TestCredentialsThatEndAreRenewed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "a", "a\n")
	n := 0 // one fetch at a time
	a, err := awscreds.New(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(s.address),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			n++
			return aws.Credentials{AccessKeyID: fmt.Sprintf("AKID%d", n), SecretAccessKey: secret, CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		})}, awscreds.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("Authorization"), "AKID1/") {
			answer(w, http.StatusBadRequest, "ExpiredToken")
			return true
		}
		return false
	})
	c := s3.Default()
	c.Bucket, c.PathStyle, c.Lag = bucket, true, 0
	source, err := s3.New(c, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	wantTexts(t, "with newer ones", texts(read(t, source, "")), "a")
}
