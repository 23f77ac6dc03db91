package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sluice/ingest"
	"sluice/internal/fault"
)

// op is the name of what fails, in every error of this package.
const op = "http.GET"

// maxFruitless bounds the pages without a new item that one Read goes through before it hands the place back.
const maxFruitless = 10

// A Source reads a JSON API. It keeps connections between Reads, and nothing that changes what a Read returns; what makes
// an answer that is no page a passing or a lasting trouble is how often it came in a row.
type Source struct {
	cfg    Config
	base   *url.URL
	since  sinceReader
	client *http.Client

	transport *http.Transport
	dialer    *dialer
	malformed int // answers in a row that were no pages

	budget   *budget
	identity *identity
	oauth    *oauth  // nil: no OAuth
	signer   *signer // nil: requests are not signed
	warned   string  // the last warning about certificates
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
	s := &Source{cfg: cfg, base: base, since: sinceReader{cfg.SincePath, cfg.SinceType, cfg.SinceFormat}}
	s.budget = newBudget(cfg)
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
	return s, nil
}

// Close frees the idle connections and ends the renewal of AWS credentials.
func (s *Source) Close() error {
	s.client.CloseIdleConnections()
	if s.oauth != nil {
		s.oauth.client.CloseIdleConnections()
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
	if c.SinceParam != "" {
		parts = append(parts, "since", c.SinceParam, c.SincePath, c.SinceType, c.SinceFormat, c.SinceStart)
	}
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
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
		b.Items, b.CaughtUp, err = s.step(ctx, &st)
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
	if b.Next, err = st.encode(); err != nil {
		return ingest.Batch{}, s.fail(fault.Blocked, "too_many_known", s.target(st), err)
	}
	if after == "" && b.Next == beginning {
		b.Next = after
	}
	return b, nil
}

// Check reads the first page and says in words what is there. It is for people who try a configuration.
func (s *Source) Check(ctx context.Context) (string, error) {
	st := state{}
	ans, err := s.get(ctx, s.target(st), st)
	if err != nil {
		return "", err
	}
	records, err := s.split(ans)
	if err != nil {
		return "", err
	}
	next := st
	_, more, err := s.follow(&next, ans, len(records))
	if err != nil {
		return "", err
	}
	what := fmt.Sprintf("%d records in the first page of %s", len(records), s.Stream())
	if len(records) == 1 {
		what = fmt.Sprintf("1 record in the first page of %s", s.Stream())
	}
	switch {
	case more && s.counted():
		what += "; more may follow"
	case more:
		what += "; another page follows"
	case s.cfg.Pagination != paginationNone:
		what += "; no page follows"
	}
	if s.cfg.SinceParam == "" || len(records) == 0 {
		return what, nil
	}
	if err := s.wantDated(&state{}, records, ans); err != nil {
		return "", err
	}
	return what, nil
}

// step reads the page at st, moves st behind it, and returns the items that are new, and whether the sweep has ended.
func (s *Source) step(ctx context.Context, st *state) ([][]byte, bool, error) {
	target := s.target(*st)
	ans, err := s.get(ctx, target, *st)
	if err != nil {
		return nil, false, err
	}
	if ans.unchanged {
		return nil, true, nil
	}
	records, err := s.split(ans)
	if s.judge(err) != nil {
		return nil, false, err
	}
	if err := s.wantDated(st, records, ans); err != nil {
		return nil, false, err
	}
	hashes := make([]uint64, len(records))
	for i, r := range records {
		hashes[i] = hashOf(r)
	}
	next := *st
	next.Pages++
	next.ETag, next.Modified = "", ""
	at, more, err := s.follow(&next, ans, len(records))
	if err != nil {
		return nil, false, err
	}
	if err := s.detect(&next, ans, at, more, hashes); err != nil {
		return nil, false, err
	}
	fresh := s.sift(&next, records, hashes)
	if more {
		next.At, next.Tail = at, s.tail(hashes)
	} else {
		s.turn(&next, *st, hashes)
		if st.Pages == 0 && s.cfg.Pagination != paginationLink && s.target(next).String() == target.String() {
			// Only here does "not modified" mean that there is nothing new: a sweep of one page that starts with the
			// same request again. With more pages, the news could be on another one. With a Link header, the same body
			// may have got a next page, and most servers make the ETag of the body alone.
			next.ETag, next.Modified = ans.etag, ans.modified
		}
	}
	*st = next
	return fresh, !more, nil
}

// sift returns the records that are new and notes in st what has to be remembered of the page.
func (s *Source) sift(st *state, records [][]byte, hashes []uint64) [][]byte {
	if s.cfg.SinceParam != "" {
		return s.since.sift(st, records, hashes)
	}
	known := st.Known.plus()
	st.Known = nil // only the first page of a sweep has been read before
	var fresh [][]byte
	for i, r := range records {
		if !known.take(hashes[i]) {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// tail is what to remember of a page in order to come back to it when it turns out to be the last one with records: it
// may still grow. A page that is full may not.
func (s *Source) tail(hashes []uint64) bag {
	if s.cfg.Pagination != paginationPage || s.cfg.SinceParam != "" || (s.cfg.Limit > 0 && len(hashes) >= s.cfg.Limit) {
		return nil
	}
	return bagOf(hashes)
}

// turn makes next, which stands behind the last page of a sweep, the start of the following one; was is the state before
// that page.
func (s *Source) turn(next *state, was state, hashes []uint64) {
	next.Pages, next.Loop, next.Same, next.Twins, next.Tail = 0, loop{}, loop{}, 0, nil
	if s.cfg.SinceParam != "" {
		next.At = ""
		s.since.turn(next)
		return
	}
	switch s.cfg.Pagination {
	case paginationOffset:
		next.At = s.number(was, len(hashes))
	case paginationPage:
		next.At = s.number(was, 0)
		next.Known = bagOf(hashes)
		if len(hashes) == 0 && was.Tail != nil {
			next.At, next.Known = s.number(was, -1), was.Tail // the page before may still grow
		}
	default:
		next.Known = bagOf(hashes)
	}
}

// maxTwins is how many pages of a sweep may hold exactly the records of an earlier one before that counts as a circle, where
// each page says what follows: equal records are allowed, pages of nothing else are not.
const maxTwins = 3

// detect finds pages that lead in a circle: by where they lead, and by what they hold. Where pages are counted, each has a
// number of its own, and one that holds the records of another is proof enough.
func (s *Source) detect(st *state, ans answer, at string, more bool, hashes []uint64) error {
	content := hashOf(fmt.Append(nil, hashes))
	var what string
	switch s.cfg.Pagination {
	case paginationPage, paginationOffset:
		if len(hashes) > 0 && st.Loop.next(content) {
			what = fmt.Sprintf("has the records of an earlier page: the API does not heed the parameter %s", s.cfg.positionParam())
		}
	case paginationLink, paginationNext, paginationCursor:
		if st.Pages == 1 {
			st.Loop.next(hashOf([]byte(s.current(*st))))
		}
		switch {
		case more && st.Loop.next(hashOf([]byte(at))):
			what = "leads back to " + s.place(at) + ", where this sweep has been before"
		case more && st.twin(content, len(hashes)) >= maxTwins:
			what = "has the records of an earlier page, and not for the first time, although its address is a new one"
		}
	}
	if what == "" {
		return nil
	}
	return s.fail(fault.Blocked, "page_loop", ans.url, fmt.Errorf(
		"the pages go round in a circle: page %d of this sweep %s; mend the API or the settings of SLUICE_HTTP_PAGINATION=%s",
		st.Pages, what, s.cfg.Pagination))
}

// wantDated refuses a first page whose records have no since value at all: without any, the next sweep would ask for
// everything again, for ever.
func (s *Source) wantDated(st *state, records [][]byte, ans answer) error {
	if s.cfg.SinceParam == "" || len(records) == 0 || st.Since != nil || st.Newest != nil {
		return nil
	}
	for _, r := range records {
		if _, ok := s.since.read(r); ok {
			return nil
		}
	}
	return s.fail(fault.Blocked, "no_since", ans.url, fmt.Errorf(
		"no record in the page has a value at SLUICE_HTTP_SINCE_PATH (%s) that reads as SLUICE_HTTP_SINCE_TYPE=%s; set them to where the value of %s stands in a record, and to its kind",
		s.cfg.SincePath, s.cfg.SinceType, s.cfg.SinceParam))
}

// place shows a position: a path without its query values, or the hash of a token, which may be a secret.
func (s *Source) place(at string) string {
	if s.cfg.Pagination == paginationCursor {
		return fmt.Sprintf("the token with the hash %016x", hashOf([]byte(at)))
	}
	path, query, _ := strings.Cut(at, "?")
	return clean(path+hideQuery(query), 200)
}
