package s3

import (
	"context"
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/awscreds"
	"sluice/internal/fault"
)

// An object is what the listing says of one.
type object struct {
	key  string
	size int64
}

// A page is one answer to a listing, without what is not to be read.
type page struct {
	after   string // what stands behind this key up to end is in it
	end     string
	objects []object
	at      time.Time     // by the clock of S3: all that was there then is in it and in the pages before it
	more    bool          // there is more behind end
	token   string        // to ask for that with; empty: by end
	wait    time.Duration // until the first object behind end is old enough; 0: that is not the reason why the page ends
	fresh   bool          // it was listed in the Read under way
}

// next returns the first object behind p. Where there is none its key is empty, and wait says in how long there will be one.
func (s *Source) next(ctx context.Context, p place) (o object, wait time.Duration, err error) {
	key := p.Key
	if p == (place{}) {
		key = s.cfg.Start
	}
	for {
		g := s.page
		s.page = nil // what cannot be listed is not asked for by the same token again
		if g == nil || key < g.after || key > g.end {
			g, err = s.list(ctx, key, nil)
		}
		for err == nil {
			i := sort.Search(len(g.objects), func(i int) bool { return g.objects[i].key > key })
			if i < len(g.objects) {
				s.page = g
				return g.objects[i], 0, nil
			}
			if !g.fresh {
				break // something may have come behind key since then, also before what is left out at the end of the page
			}
			if !g.more {
				s.page = g
				return object{}, g.wait, nil
			}
			g, err = s.list(ctx, g.end, g)
		}
		if err != nil {
			return object{}, 0, err
		}
	}
}

// list makes one request for the objects behind a key; before is the page that ends there, if it was listed just now.
func (s *Source) list(ctx context.Context, after string, before *page) (*page, error) {
	in := &sdk.ListObjectsV2Input{
		Bucket: aws.String(s.cfg.Bucket), Prefix: aws.String(s.cfg.Prefix),
		EncodingType: types.EncodingTypeUrl, // a key may hold what XML cannot
	}
	switch {
	case before != nil && before.token != "":
		in.ContinuationToken = aws.String(before.token)
	case after != "":
		in.StartAfter = aws.String(after)
	}
	limited, cancel := awscreds.Limit(ctx, s.cfg.Timeout, timeoutVariable)
	defer cancel()
	out, err := call(limited, s, opList, "", func(ctx context.Context, with func(*sdk.Options)) (*sdk.ListObjectsV2Output, error) {
		return s.client.ListObjectsV2(ctx, in, with)
	})
	if err != nil {
		if e := fault.Stopped(ctx, op); e != nil {
			return nil, e
		}
		return nil, err
	}
	now, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok {
		now = time.Now()
	}
	if before != nil && before.at.Before(now) {
		// We list a page without 5; it comes; the next page has 6, which is old enough by now → 5 is lost.
		now = before.at
	}
	p := &page{after: after, end: after, at: now, more: aws.ToBool(out.IsTruncated), token: aws.ToString(out.NextContinuationToken), fresh: true}
	return p, s.fill(p, out)
}

// fill takes over what is to be read of an answer.
func (s *Source) fill(p *page, out *sdk.ListObjectsV2Output) error {
	for _, c := range out.Contents {
		key, err := aws.ToString(c.Key), error(nil)
		if out.EncodingType == types.EncodingTypeUrl {
			key, err = url.QueryUnescape(key)
		}
		if err != nil || key == "" || len(key) > maxKey || !utf8.ValidString(key) || c.Size == nil || c.LastModified == nil || !strings.HasPrefix(key, s.cfg.Prefix) {
			return refuse("bad_answer", s.Stream(), "the answer is no list of the objects that were asked for; check that S3, or what speaks its protocol, is at the address")
		}
		if key <= p.end {
			return refuse("no_key_order", s.Stream(), fmt.Sprintf("%s is listed behind %s, so that there is no place to go on from; the keys have to come in the order of their bytes, as those of a general purpose bucket do", show(key), show(p.end)))
		}
		if s.cfg.wanted(key) && !(strings.HasSuffix(key, "/") && *c.Size == 0) { // such an object stands for a folder
			if wait := s.tooYoung(*c.LastModified, p.at); wait > 0 {
				p.wait, p.more, p.token = wait, false, ""
				return nil
			}
			p.objects = append(p.objects, object{key, *c.Size})
		}
		p.end = key
	}
	if p.more && len(out.Contents) == 0 && p.token == "" {
		return refuse("bad_answer", s.Stream(), "the answer is empty and says that there is more; check that S3, or what speaks its protocol, is at the address")
	}
	return nil
}

// tooYoung returns how long it is until an object may be read; 0 if it may. S3 says all times in whole seconds, rounded down:
// that of the object, so that one is added, and that of the answer, by which the next look has to find it old enough.
func (s *Source) tooYoung(written, now time.Time) time.Duration {
	if s.cfg.Lag == 0 {
		return 0
	}
	ripe := written.Add(s.cfg.Lag + 2*time.Second - time.Nanosecond).Truncate(time.Second)
	return max(0, ripe.Sub(now))
}

// refuse is the verdict on an answer that nothing can be made of.
func refuse(reason, where, text string) error {
	return &fault.Error{Class: fault.Blocked, Reason: reason, Op: opList, Err: fmt.Errorf("%s: %s", where, text)}
}
