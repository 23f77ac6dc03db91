package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// op is the name of what fails where no request is made; see Source.op.
const op = "http.GET"

// maxFruitless bounds the pages without a new item that one Read goes through before it hands the place back.
const maxFruitless = 10

// A Source reads a JSON API. It keeps connections between Reads, and a page that is read in parts, but nothing that changes what a Read returns; what makes
// an answer that is no page a passing or a lasting trouble is how often it came in a row.
type Source struct {
	*connections
	cfg   Config
	base  *url.URL
	since sinceReader
	now   func() time.Time

	address, body template
	params        map[string]string // Config.params
	detail        *Source           // asks for details; nil: there are none
	parent        string            // path of the parent whose children this reads; empty: there are no parents
	whole         bool              // reads the list of parents, each time from its beginning
	shut          map[string]bool   // parents that were left out, by their paths, and told of

	malformed int // answers in a row that were no pages

	budget *budget
	oauth  *oauth  // nil: no OAuth
	signer *signer // nil: requests are not signed
}

// connections are those of a Source and what is open on them, shared with the Sources for details and children that it makes of itself.
type connections struct {
	client    *http.Client
	transport *http.Transport
	dialer    *dialer
	identity  *identity
	warned    string   // the last warning about certificates
	held      *reading // the page that is being read in parts
	astray    bool     // a path that points to nothing was told of
}

// New returns a Source for a Config that is valid; it makes no connection yet.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("URL is not a URL")
	}
	s := &Source{connections: &connections{}, shut: map[string]bool{}, cfg: cfg, base: base, now: cfg.Now, params: cfg.params(), budget: newBudget(cfg),
		since: sinceReader{cfg.SincePath, cfg.SinceType, cfg.SinceFormat, cfg.SinceLookback}}
	s.address, s.body = cfg.templates()
	if s.now == nil {
		s.now = time.Now
	}
	if cfg.OauthTokenURL != "" {
		if s.oauth, err = newOauth(cfg, s.quote); err != nil {
			return nil, err
		}
	}
	if cfg.AWSService != "" {
		if s.signer, err = newSigner(cfg.AuthConfig); err != nil {
			return nil, err
		}
	}
	id, err := loadIdentity(cfg.AuthConfig)
	if err != nil {
		return nil, err
	}
	s.connect(id)
	s.detail = s.detailSource()
	return s, nil
}

// Close frees the idle connections and ends the renewal of AWS credentials.
func (s *Source) Close() error {
	s.drop()
	s.transport.CloseIdleConnections()
	if s.oauth != nil {
		s.oauth.transport.CloseIdleConnections()
	}
	if s.cfg.AWS != nil {
		s.cfg.AWS.Close()
	}
	return nil
}

// Stream is a stable name of what is read: scheme, host and path, no credentials and no query.
func (s *Source) Stream() string {
	return origin(s.base) + s.base.EscapedPath()
}

// Fingerprint changes with whatever changes the meaning of a Cursor, and with nothing else: not with secrets (in a header
// or in the URL's query), intervals or limits; only where pages are numbered, the page size belongs to the meaning.
func (s *Source) Fingerprint() string {
	c := s.cfg
	q := s.base.Query()
	for name := range q {
		if secretName(name) {
			q.Del(name)
		}
	}
	parts := []string{"httpapi 1", s.Stream(), q.Encode(), c.Records, c.Pagination, c.positionParam()}
	switch c.Pagination {
	case paginationCursor:
		parts = append(parts, c.CursorPath)
	case paginationNext:
		parts = append(parts, c.NextPath)
	case paginationPage:
		parts = append(parts, strconv.Itoa(c.PageStart), strconv.Itoa(c.Limit))
	case paginationOffset:
		parts = append(parts, strconv.Itoa(c.OffsetStart))
	}
	if c.dated() {
		parts = append(parts, "since", c.SinceParam, c.SincePath, c.SinceType, c.SinceFormat, c.SinceStart)
	}
	parts = append(parts, c.furtherMeaning()...)
	return ingest.Fingerprint(parts...)
}

// Read returns the new items of the next page after the cursor. It does not wait for data: where a sweep ends, the Batch
// has CaughtUp set. It makes one request, or up to ten while pages hold nothing new.
func (s *Source) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	st, err := s.decode(after)
	if err != nil {
		return ingest.Batch{}, err
	}
	var b ingest.Batch
	for i := range maxFruitless {
		b, err = s.next(ctx, &st)
		if i > 0 && fault.Is(err, fault.Throttled) {
			break // or a limit of few requests would never let us past the pages without anything new
		}
		if err != nil {
			return ingest.Batch{}, err
		}
		if b.CaughtUp || len(b.Items) > 0 {
			break
		}
	}
	if b.Next, err = st.Encode(); err != nil {
		return ingest.Batch{}, s.fail(fault.Blocked, "too_many_known", s.target(st), err)
	}
	if after == "" && b.Next == beginning {
		b.Next = after
	}
	return b, nil
}

// Check reads the first page and says in words what is there. It is for people who try a configuration.
func (s *Source) Check(ctx context.Context) (string, error) {
	if s.cfg.ChildURL != "" {
		what, err := s.parents().Check(ctx)
		return "the list of parents: " + what, err
	}
	st := state{}
	if !s.begin(&st) {
		return "the first window begins in the future", nil
	}
	r, err := s.ask(ctx, s.target(st), st)
	if err != nil {
		return "", err
	}
	defer r.close()
	if _, _, err := s.part(ctx, r, 0); err != nil {
		return "", err
	}
	what := fmt.Sprintf("%d records in the first page of %s", r.n, s.Stream())
	switch {
	case !r.over:
		return fmt.Sprintf("more than %d records in the first page of %s, which is read in parts", r.n, s.Stream()), nil
	case r.n == 1:
		what = fmt.Sprintf("1 record in the first page of %s", s.Stream())
	}
	_, more, err := s.follow(&st, r)
	switch {
	case err != nil:
		return "", err
	case more && s.counted():
		what += "; more may follow"
	case more:
		what += "; another page follows"
	case s.cfg.Pagination != paginationNone:
		what += "; no page follows"
	}
	return what, nil
}

// begin fixes the window of a sweep that begins at st, and reports whether there is anything to ask for.
func (s *Source) begin(st *state) (ok bool) {
	if s.cfg.windowed() && st.Window == nil {
		if st.Window, ok = s.nextWindow(*st); !ok {
			st.Window = nil
			return false
		}
	}
	return true
}

// step reads the page at st, or a part of it, moves st behind that, and returns the items that are new, and whether the sweep
// has ended.
func (s *Source) step(ctx context.Context, st *state) (ingest.Batch, error) {
	if !s.begin(st) {
		return ingest.Batch{CaughtUp: true}, nil
	}
	r, err := s.resume(ctx, *st)
	if err != nil && s.beginAnew(st, err) {
		return ingest.Batch{}, nil
	}
	if err != nil {
		return ingest.Batch{}, s.onPage(*st, err)
	}
	if r.ans.unchanged {
		r.close()
		return ingest.Batch{CaughtUp: true}, nil
	}
	p, fresh, err := s.part(ctx, r, 0)
	if err != nil {
		return ingest.Batch{}, s.onPage(*st, err)
	}
	_ = s.judge(nil)
	if s.hasGrown(*st, p) {
		r.close()
		return s.back(st), nil
	}
	b := s.batch(*st, p, fresh)
	if !r.over {
		st.Done, st.Sum = r.n, r.digest()
		return b, s.hold(r, *st)
	}
	return s.leave(ctx, st, r, b)
}

// leave moves st behind the page r, whose last records are b.
func (s *Source) leave(ctx context.Context, st *state, r *reading, b ingest.Batch) (ingest.Batch, error) {
	next := r.next
	next.Pages++
	next.ETag, next.Modified, next.Most = "", "", s.largest(next, r.n)
	at, more, err := s.follow(&next, r)
	if err == nil {
		err = s.detect(&next, r, at, more)
	}
	if err != nil {
		return ingest.Batch{}, err
	}
	if !s.cfg.dated() && !s.cfg.windowed() {
		next.Known = nil // only the first page of a sweep has been read before
	}
	if s.detail != nil {
		switch all, err := s.withDetails(ctx, st, &b); {
		case err != nil:
			return ingest.Batch{}, err // b is without details
		case !all:
			return b, nil
		}
		next.Part = nil
	}
	s.noteSize(&next, *st, r, more)
	again, err := s.capped(&next, r.ans, more)
	switch {
	case err != nil:
		return ingest.Batch{}, err
	case again && next.Pages > 0:
		next.At = at
	case !again:
		b.CaughtUp = next.Window == nil || next.Window.Last
		s.turn(&next, *st, r)
		s.validate(&next, *st, r)
	}
	*st = next
	return b, nil
}

// validate notes in next, the beginning of a sweep, by what the server can tell whether the page r, just read at was, has changed.
//
// Only where a sweep of one page starts with the same request again, "not modified" means that there is nothing new. With
// more pages, the news could be on another one.
func (s *Source) validate(next *state, was state, r *reading) {
	if was.Pages == 0 && s.cfg.method() == http.MethodGet && s.roomy(*next, r.n) && s.target(*next).String() == s.target(was).String() {
		next.ETag, next.Modified = r.ans.etag, r.ans.modified
	}
}

// largest is Most behind a page of n records.
func (s *Source) largest(st state, n int) int {
	if !s.cfg.compares() {
		return 0
	}
	return max(st.Most, n)
}

// roomy reports whether news would show in the body of a page of n records, which is all that most servers make the ETag of.
// Where a header says that another page follows, they would not if the page is full: the same body has got a next page. How
// much a page holds is known from the largest one seen; that half of it is free leaves room for pages bounded by bytes.
func (s *Source) roomy(st state, n int) bool { return !s.cfg.followsHeader() || 2*n <= st.Most }
