package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"sluice/ingest"
	"sluice/ingest/format"
	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// A Source reads the objects of a bucket. What it keeps between Reads, a page of the listing and the answer that is being
// read, changes nothing of what a Read returns.
type Source struct {
	cfg    Config
	aws    *awscreds.AWS
	client *sdk.Client
	http   *http.Client
	page   *page   // of the listing; nil: none
	stream *stream // the object that is being read; nil: none
	told   place   // whose loss was reported last
}

// New returns a Source for a Config that is valid; it makes no request yet. The Source closes a.
func New(cfg Config, a *awscreds.AWS) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = a.Region()
	}
	if cfg.Region == "" {
		return nil, errors.New("the region of the bucket is not known; set SLUICE_S3_REGION or AWS_REGION")
	}
	s := &Source{cfg: cfg, aws: a, http: a.HTTPClient()}
	s.client = sdk.NewFromConfig(a.Config(), func(o *sdk.Options) {
		o.Region = cfg.Region
		o.UsePathStyle = cfg.PathStyle
		o.UseARNRegion = true        // an access point says itself where it is
		o.Retryer = aws.NopRetryer{} // the Pipeline repeats, and counts
		o.HTTPClient = s.http
		o.Logger = logging.Nop{}
		// A sum is known when all of an object has been read, and by then its records are delivered.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.DisableS3ExpressSessionAuth = aws.Bool(true) // those buckets are refused
	})
	return s, nil
}

// Close ends what is being read, and the renewal of the credentials.
func (s *Source) Close() error {
	s.closeStream()
	s.http.CloseIdleConnections()
	s.aws.Close()
	return nil
}

// Stream is a stable name of what is read: bucket and prefix.
func (s *Source) Stream() string { return "s3://" + s.cfg.Bucket + "/" + s.cfg.Prefix }

// Fingerprint changes with whatever changes the meaning of a Cursor. Pattern and Start do not: they count for what is behind it.
func (s *Source) Fingerprint() string {
	return ingest.Fingerprint("s3 1", aws.ToString(s.client.Options().BaseEndpoint), s.cfg.Bucket, s.cfg.Prefix, s.cfg.Format)
}

// Check lists the first objects, reads the beginning of the first, which shows that both are allowed, and says what is there.
func (s *Source) Check(ctx context.Context) (string, error) {
	p, err := s.list(ctx, s.cfg.Start, nil)
	if err != nil {
		return "", err
	}
	if len(p.objects) == 0 {
		switch {
		case p.wait > 0:
			return fmt.Sprintf("objects in %s are younger than SLUICE_S3_LAG (%v)", s.Stream(), s.cfg.Lag), nil
		case p.more:
			return fmt.Sprintf("no object to read among the first of %s", s.Stream()), nil
		}
		return fmt.Sprintf("no object to read in %s", s.Stream()), nil
	}
	first := p.objects[0]
	if first.size > 0 {
		st, err := s.open(ctx, behind(first.key))
		if err != nil {
			return "", err
		}
		st.close()
	}
	count := fmt.Sprint(len(p.objects))
	if p.more || p.wait > 0 {
		count = "at least " + count
	}
	return fmt.Sprintf("%s objects in %s, the first is %s with %d bytes", count, s.Stream(), show(first.key), first.size), nil
}

// Read returns the next records after the cursor, from one object or several. Where objects are too young, it waits until the
// first is old enough, if that is before Interval has passed; where there are none, the Batch has CaughtUp set.
func (s *Source) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	p, err := s.decode(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	if err := fault.Stopped(ctx, op); err != nil {
		return ingest.Batch{}, err
	}
	if s.page != nil {
		s.page.fresh = false
	}
	b := &format.Batch{MostItems: s.cfg.Batch, MostBytes: batchBytes}
	caughtUp, err := s.gather(ctx, &p, b)
	if err != nil && (len(b.Items) == 0 || ctx.Err() != nil) { // else what was read comes first; the error will be met again
		return ingest.Batch{}, err
	}
	next, err := p.Encode()
	if err != nil {
		return ingest.Batch{}, err
	}
	return ingest.Batch{Items: b.Items, Bad: b.Bad, Next: next, CaughtUp: caughtUp, Position: b.Position}, nil
}

// Left says which objects the last Read, which was caught up, has left to a later one; nothing where it has left none.
func (s *Source) Left() string {
	if s.page == nil || s.page.wait == 0 {
		return ""
	}
	return fmt.Sprintf("objects that are not yet %v old (SLUICE_S3_LAG) are there; they are read when they are", s.cfg.Lag)
}

// gather fills the batch from the objects behind p, and moves p behind what it has read.
func (s *Source) gather(ctx context.Context, p *place, b *format.Batch) (caughtUp bool, err error) {
	missing, waited := "", false
	for n := 0; n < maxObjects && !b.Full(); {
		if p.middle() {
			if err := s.take(ctx, p, b); err != nil {
				return false, s.lost(*p, err)
			}
			n++
			continue
		}
		o, wait, err := s.next(ctx, *p)
		switch {
		case err != nil:
			return false, err
		case o.key != "":
		case wait == 0, waited, wait > s.cfg.Interval: // there is no more before the next look
			return true, nil
		case len(b.Items) > 0:
			return false, nil
		default:
			// A writer chooses key 5; another one chooses 6 and is done; we return 6; the first is done → 5 is lost.
			if err := sleep(ctx, wait); err != nil {
				return false, err
			}
			s.page, waited = nil, true
			continue
		}
		if o.size == 0 {
			*p = behind(o.key)
			continue
		}
		at := behind(o.key)
		err = s.take(ctx, &at, b)
		switch {
		case errors.Is(err, errNoObject) && missing != o.key: // it was deleted; ask whether it was
			missing, s.page = o.key, nil
			continue
		case errors.Is(err, errNoObject):
			return false, &fault.Error{Reason: "object_missing", Op: opGet, Err: fmt.Errorf("%s: it is listed, and cannot be read: %w", s.name(o.key), err)}
		case at.middle() || err == nil:
			*p = at
		}
		if err != nil {
			return false, err
		}
		n++
	}
	return false, nil
}

// lost is the verdict on an object that cannot be gone on with because it is not the same any more.
func (s *Source) lost(p place, err error) error {
	if !errors.Is(err, errNoObject) {
		return err
	}
	return &fault.Error{Class: fault.Blocked, Reason: "cursor_gone", Op: opGet, Err: fmt.Errorf(
		"%s was deleted before all of it was read (%d bytes were): %w; put it back, or an empty object with its key to go on behind it without the rest",
		s.name(p.Key), p.Offset, ingest.ErrCursorGone)}
}

// name is an object as people know it.
func (s *Source) name(key string) string {
	return "s3://" + s.cfg.Bucket + "/" + show(key)
}

// show makes a key fit for a log and a terminal.
func show(key string) string { return ingest.OneLine(key, 200) }

// sleep waits, or returns the verdict on the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Stopped(ctx, op)
	}
}
