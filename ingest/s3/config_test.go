package s3_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/ingest/s3"
	"sluice/internal/awscreds"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*s3.Config)
		want   []string // what is wrong, in words; nil: nothing
	}{
		"as it is":        {func(*s3.Config) {}, nil},
		"csv":             {func(c *s3.Config) { c.Format, c.Delimiter, c.Columns = "csv", `\t`, []string{"a", "b"} }, nil},
		"an access point": {func(c *s3.Config) { c.Bucket = "arn:aws:s3:eu-west-1:123456789012:accesspoint/orders" }, nil},
		"an access point in the path": {func(c *s3.Config) {
			c.Bucket, c.PathStyle = "arn:aws:s3:eu-west-1:123456789012:accesspoint/orders", true
		}, []string{"PATH_STYLE"}},
		"no bucket":            {func(c *s3.Config) { c.Bucket = "" }, []string{"BUCKET is not set"}},
		"an address":           {func(c *s3.Config) { c.Bucket = "s3://my-bucket/in" }, []string{"the name of a bucket alone"}},
		"a directory bucket":   {func(c *s3.Config) { c.Bucket = "b--usw2-az1--x-s3" }, []string{"listed in no order"}},
		"a long prefix":        {func(c *s3.Config) { c.Prefix = strings.Repeat("x", 1025) }, []string{"PREFIX"}},
		"a start of bytes":     {func(c *s3.Config) { c.Start = "\xff" }, []string{"START"}},
		"a start elsewhere":    {func(c *s3.Config) { c.Prefix, c.Start = "orders/", "2026/" }, []string{"does not begin with PREFIX"}},
		"a pattern":            {func(c *s3.Config) { c.Pattern = "[" }, []string{"PATTERN"}},
		"a pattern of folders": {func(c *s3.Config) { c.Pattern = "*/*.json" }, []string{"belongs into PREFIX"}},
		"a region":             {func(c *s3.Config) { c.Region = "eu west" }, []string{"REGION"}},
		"a format":             {func(c *s3.Config) { c.Format = "parquet" }, []string{"FORMAT", "parquet"}},
		"columns of lines":     {func(c *s3.Config) { c.Format, c.Columns = "lines", []string{"a"} }, []string{"COLUMNS"}},
		"columns twice":        {func(c *s3.Config) { c.Format, c.Columns = "csv", []string{"a", "a"} }, []string{"same name"}},
		"a long delimiter":     {func(c *s3.Config) { c.Format, c.Delimiter = "csv", ";;" }, []string{"DELIMITER is "}},
		"times": {func(c *s3.Config) { c.Lag, c.Interval, c.Timeout = -time.Second, 0, 0 },
			[]string{"LAG is -1s", "INTERVAL is 0s", "TIMEOUT is 0s"}},
		"numbers": {func(c *s3.Config) { c.Batch, c.MaxRecordBytes = 0, 0 }, []string{"BATCH is 0", "MAX_RECORD_BYTES is 0"}},
	} {
		c := s3.Default()
		c.Bucket = "my-bucket"
		tc.change(&c)
		err := c.Validate()
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		for _, want := range tc.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
}

// TestARegionIsNeeded, and may come from the AWS settings.
func TestARegionIsNeeded(t *testing.T) {
	t.Parallel()
	for region, ok := range map[string]bool{"": false, "eu-west-1": true} {
		a, err := awscreds.New(aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secret, "")}, awscreds.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		c := s3.Default()
		c.Bucket = "my-bucket"
		s, err := s3.New(c, a)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "SLUICE_S3_REGION") {
			t.Errorf("with the region %q: %v, want it to be open: %v", region, err, ok)
		}
		if s != nil {
			_ = s.Close()
		}
	}
}
