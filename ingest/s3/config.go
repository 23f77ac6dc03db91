package s3

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/ingest/format"
)

// Config is read from the environment by internal/config, prefix SLUICE_S3.
type Config struct {
	Bucket    string   `split_words:"true" desc:"bucket to read, or the ARN of an access point"`
	Prefix    string   `split_words:"true" desc:"beginning of the keys to read, such as orders/; unset: the whole bucket"`
	Pattern   string   `split_words:"true" desc:"names to read, with * ? and [a-z], such as *.json.gz: compared with what stands behind the last / of a key; unset: all"`
	Start     string   `split_words:"true" desc:"key behind which to begin when nothing was ever read, such as orders/2026/06/; unset: the first"`
	Region    string   `split_words:"true" desc:"region of the bucket; unset: that of the AWS settings. The address of another service than AWS is set by AWS_ENDPOINT_URL_S3"`
	PathStyle bool     `split_words:"true" default:"false" desc:"put the bucket into the path and not into the name of the host, as many services other than AWS need it"`
	Format    string   `split_words:"true" default:"ndjson" desc:"what is in the objects: ndjson (a JSON value per line), csv (a row becomes an object of strings), lines (a line of text becomes {\"line\":\"…\"}) or json (values, or arrays of them). What is compressed with gzip or zstd is unpacked"`
	Delimiter string   `split_words:"true" default:"," desc:"csv: the character between two fields; \\t for a tab"`
	Columns   []string `split_words:"true" desc:"csv: names of the columns, for objects without a header; unset: the first row of each object holds them"`

	Lag      time.Duration `split_words:"true" default:"10s" desc:"time for slower writers: an object is read when it is so old, and none behind it before. Longer than the longest time from the choice of a key to the end of its upload; 0s: only where objects appear in the order of their keys"`
	Interval time.Duration `split_words:"true" default:"30s" desc:"wait between two looks for new objects"`
	Timeout  time.Duration `split_words:"true" default:"30s" desc:"limit for one listing, for the beginning of an answer, and for a pause in the middle of an object"`
	Batch    int           `split_words:"true" default:"1000" desc:"most records of one read, from one or several objects; it also ends at 8 MiB and behind 100 objects"`

	MaxRecordBytes int `split_words:"true" default:"1048576" desc:"longest record, in bytes; a longer one is set aside with its beginning"`
}

// Default returns the Config of an empty environment.
func Default() Config {
	return Config{
		Format: format.NDJSON, Delimiter: ",", Lag: 10 * time.Second, Interval: 30 * time.Second, Timeout: 30 * time.Second,
		Batch: 1000, MaxRecordBytes: 1 << 20,
	}
}

// Bounds that are not settings.
const (
	mostBatch = 100_000
	// maxObjects bounds the objects of one batch, each of which is a request.
	maxObjects = 100
	// batchBytes ends a batch; a record more may be in it.
	batchBytes = 8 << 20
	// expansion is how many bytes a byte of text can become in JSON: \u0001.
	expansion = 6
	// maxKey is the longest key in bytes of UTF-8 (user guide of S3, "Naming Amazon S3 objects").
	maxKey = 1024
	maxLag = 24 * time.Hour
	// timeoutVariable sets Config.Timeout; texts name it.
	timeoutVariable = "SLUICE_S3_TIMEOUT"
)

// User guide of S3, "General purpose bucket naming rules": 3 to 63 characters; older buckets of us-east-1 have up to 255 with
// capitals and underscores.
var (
	bucketName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$`)
	accessPoint = regexp.MustCompile(`^arn:[a-z0-9-]+:s3[a-z0-9-]*:[a-z0-9-]*:[0-9]{12}:accesspoint[:/].+$`)
	regionName  = regexp.MustCompile(`^[A-Za-z0-9-]+$`) // of another service it is any word
)

// directorySuffix ends the name of every directory bucket (user guide of S3, "Directory bucket naming rules"), which are
// listed in no order.
const directorySuffix = "--x-s3"

// MaxBatchBytes is the most that the items of one Read take.
func (c Config) MaxBatchBytes() int { return batchBytes + expansion*c.MaxRecordBytes }

// Validate reports everything that is wrong, not only the first thing.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case c.Bucket == "":
		add("BUCKET is not set")
	case strings.HasSuffix(c.Bucket, directorySuffix):
		add("BUCKET is %q, a directory bucket, which is listed in no order, so that there is no place to go on from; use a general purpose bucket", c.Bucket)
	case !bucketName.MatchString(c.Bucket) && !accessPoint.MatchString(c.Bucket):
		add("BUCKET is %q, want the name of a bucket alone, such as my-bucket, or the ARN of an access point", c.Bucket)
	}
	if c.PathStyle && strings.HasPrefix(c.Bucket, "arn:") {
		add("PATH_STYLE is set, which an access point does not know; unset it")
	}
	for _, key := range []struct{ name, value string }{{"PREFIX", c.Prefix}, {"START", c.Start}} {
		if len(key.value) > maxKey || !utf8.ValidString(key.value) {
			add("%s is no beginning of a key: want at most %d bytes of UTF-8", key.name, maxKey)
		}
	}
	if c.Start != "" && !strings.HasPrefix(c.Start, c.Prefix) {
		add("START is %q, which does not begin with PREFIX; want a whole key, or the beginning of one", c.Start)
	}
	if _, err := path.Match(c.Pattern, ""); err != nil {
		add("PATTERN is malformed: a [ without ], or a \\ at the end")
	}
	if strings.Contains(c.Pattern, "/") {
		add("PATTERN has a /, but is compared with what stands behind the last / of a key; what stands before it belongs into PREFIX")
	}
	if c.Region != "" && !regionName.MatchString(c.Region) {
		add("REGION is %q, want a region such as eu-west-1", c.Region)
	}
	if !slices.Contains([]string{format.NDJSON, format.CSV, format.Lines, format.JSON}, c.Format) {
		add("FORMAT is %q, want one of ndjson, csv, lines, json", c.Format)
	}
	errs = append(errs, format.CheckCSV(c.Format, c.Delimiter, c.Columns))
	if c.Lag < 0 || c.Lag > maxLag {
		add("LAG is %v, want 0s to %v", c.Lag, maxLag)
	}
	if c.Interval <= 0 {
		add("INTERVAL is %v, want more than 0s", c.Interval)
	}
	if c.Timeout <= 0 {
		add("TIMEOUT is %v, want more than 0s", c.Timeout)
	}
	if c.Batch < 1 || c.Batch > mostBatch {
		add("BATCH is %d, want 1 to %d", c.Batch, mostBatch)
	}
	if c.MaxRecordBytes < 1 || c.MaxRecordBytes > 1<<30 {
		add("MAX_RECORD_BYTES is %d, want 1 to %d", c.MaxRecordBytes, 1<<30)
	}
	return errors.Join(errs...)
}

// options are those of every Decoder.
func (c Config) options() format.Options {
	return format.Options{Kind: c.Format, MaxItemBytes: c.MaxRecordBytes}.WithCSV(c.Delimiter, c.Columns)
}

// wanted reports whether the pattern matches a key.
func (c Config) wanted(key string) bool {
	if c.Pattern == "" {
		return true
	}
	match, err := path.Match(c.Pattern, key[strings.LastIndexByte(key, '/')+1:])
	return err == nil && match
}
