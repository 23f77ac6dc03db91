package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport"
)

const tapCanary = "c4n4ry-of-the-tap"

// openTap opens a tap and returns its lines; when it returns, the tap is open.
func openTap(t *testing.T, addr, query string) (next func() TapLine, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/api/tap?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(TapHeader, "yes")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("open a tap: %v, %v; want 200", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxTapLine)
	return func() TapLine {
			t.Helper()
			var line TapLine
			if !lines.Scan() {
				t.Fatalf("the tap has ended: %v", lines.Err())
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("%q: %v", lines.Bytes(), err)
			}
			if strings.Contains(lines.Text(), tapCanary) || strings.Contains(lines.Text(), "hunter22") {
				t.Errorf("the tap shows a secret: %s", lines.Text())
			}
			return line
		}, func() {
			cancel()
			_ = resp.Body.Close()
		}
}

// A shelf is a DeadLetter that keeps nothing.
type shelf struct{ err error }

func (s shelf) Put(context.Context, ingest.Refused) error { return s.err }

func TestATapShowsEachStageWithoutSecrets(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var out lockedBuffer
	m := New(Options{Log: NewLogger(&out, slog.LevelInfo, "text"), Secrets: func() []string { return []string{tapCanary} }})
	addr, stop := serve(t, m)
	next, end := openTap(t, addr, "")
	defer end()
	aside, endAside := openTap(t, addr, "stage=setaside&limit=1")
	defer endAside()

	parse := m.TapParser(func(item []byte) ([]transport.Record, error) {
		if bytes.Contains(item, []byte("bad")) {
			return nil, errors.New("bad")
		}
		return []transport.Record{{ID: "id-1", Key: "k " + tapCanary, Headers: map[string]string{"X-Token": "hunter22", "Kind": "a"}, Body: item}}, nil
	})
	records, err := parse([]byte(`{"echo":"` + tapCanary + `","password":"hunter22","n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	record := records[0]
	if line := next(); line.Stage != "read" || line.Data != `{"echo":"***","password":"***","n":1}` || line.Bytes != len(record.Body) || line.ID != "" || line.Cut {
		t.Errorf("before shaping: %+v, want the item, redacted", line)
	}
	if line := next(); line.Stage != "shaped" || line.ID != "id-1" || line.Key != "k ***" || line.Headers["X-Token"] != "***" || line.Headers["Kind"] != "a" || line.Data == "" {
		t.Errorf("after shaping: %+v, want the record, redacted", line)
	}
	m.Observe(transport.Attempt{Records: []transport.Record{record, record}, Results: []transport.Result{{}, {Err: errors.New("not yet")}}})
	if line := next(); line.Stage != "settled" || line.Fate != "accepted" || line.ID != "id-1" {
		t.Errorf("accepted: %+v, want the record with its fate", line)
	}
	if _, err := parse([]byte("bad")); err == nil {
		t.Fatal("the parser that is tapped has lost the error")
	}
	if line := next(); line.Stage != "read" || line.Data != "bad" {
		t.Errorf("an item that is no record: %+v, want it as it was read, and the second record not accepted", line)
	}
	reason := &fault.Error{Class: fault.Rejected, Reason: "unparsable", Err: errors.New("no " + tapCanary)}
	if err := m.TapDeadLetter(shelf{}).Put(t.Context(), ingest.Refused{Item: []byte("bad\xff"), Position: "page 2", Stage: ingest.StageDecode, Reason: reason}); err != nil {
		t.Fatal(err)
	}
	for _, see := range []func() TapLine{next, aside} {
		if line := see(); line.Fate != "set_aside" || line.Reason != "unparsable" || line.Message != "no ***" || line.Position != "page 2" || line.Refused != "decode" || line.DataBase64 != "YmFk/w==" {
			t.Errorf("set aside: %+v, want the item with the reason", line)
		}
	}
	full := errors.New("the disk is full")
	if err := m.TapDeadLetter(shelf{full}).Put(t.Context(), ingest.Refused{Reason: reason}); !errors.Is(err, full) {
		t.Errorf("a Put that fails: %v, want its error", err)
	}
	if err := stop(); err != nil {
		t.Errorf("the admin port ends with %v while a tap is open, want nil", err)
	}
	if log := out.String(); strings.Count(log, "tap begins") != 2 || strings.Count(log, "tap ends") != 2 || strings.Contains(log, tapCanary) {
		t.Errorf("the log says %s, want that both taps began and ended", log)
	}
	if m.taps.open.Load() != nil {
		t.Error("the taps are still open")
	}
}

// A lockedBuffer may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestWhoMayOpenATap(t *testing.T) {
	m := New(Options{})
	addr, stop := serve(t, m)
	defer func() { _ = stop() }()
	for _, tc := range []struct {
		name, method, query, header string
		want                        int
	}{
		{"a web page", "GET", "", "", 403},
		{"somebody who writes", "POST", "", "yes", 405},
		{"a head", "HEAD", "", "yes", 405},
		{"an unknown stage", "GET", "stage=sent", "yes", 400},
		{"a limit that is none", "GET", "limit=-1", "yes", 400},
		{"a share above all", "GET", "sample=1.1", "yes", 400},
		{"no share", "GET", "sample=0", "yes", 400},
		{"not a share", "GET", "sample=NaN", "yes", 400},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://"+addr+"/api/tap?"+tc.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.header != "" {
			req.Header.Set(TapHeader, tc.header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, resp.StatusCode, tc.want)
		}
	}
	for range maxTaps {
		_, end := openTap(t, addr, "")
		defer end()
	}
	err := Tap(t.Context(), addr, secret.Value{}, TapWish{}, nil)
	if err == nil || !strings.Contains(err.Error(), "429") || !strings.Contains(err.Error(), "two taps are open already") {
		t.Errorf("a third tap: %v, want that there are two", err)
	}
	guarded := New(Options{Token: secret.New(canary)})
	addr, stopGuarded := serve(t, guarded)
	defer func() { _ = stopGuarded() }()
	if err := Tap(t.Context(), addr, secret.Value{}, TapWish{}, nil); err == nil || !strings.Contains(err.Error(), "SLUICE_ADMIN_TOKEN") {
		t.Errorf("without the token: %v, want that it is asked for", err)
	}
}

func TestATapThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	m := New(Options{})
	one, err := m.taps.add(stageRead, 1)
	if err != nil {
		t.Fatal(err)
	}
	parse := m.TapParser(func(item []byte) ([]transport.Record, error) { return []transport.Record{{Body: item}}, nil })
	item := bytes.Repeat([]byte("x"), 1<<20)
	for range 1000 {
		if _, err := parse(item); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, dropped := len(one.waiting), one.dropped.Load(); waiting != tapRoom || dropped != 1000-tapRoom {
		t.Errorf("%d wait and %d were dropped, want %d and the others", waiting, dropped, tapRoom)
	}
	if s := <-one.waiting; cap(s.item) > 2*tapBytes || s.size != len(item) {
		t.Errorf("a waiting item keeps %d bytes of its %d, want at most %d", cap(s.item), s.size, 2*tapBytes)
	}
	for len(one.waiting) > 0 {
		<-one.waiting
	}
	shown := 0
	for range 1000 { // and a reader that is quick gets no more than the rate
		_, _ = parse(item[:1])
		for len(one.waiting) > 0 {
			<-one.waiting
			shown++
		}
	}
	if shown > 2*tapRate {
		t.Errorf("%d at once, want about %d a second", shown, tapRate)
	}
}

func TestWhileNobodyTapsNothingIsDone(t *testing.T) {
	m := New(Options{})
	one := make([]transport.Record, 1)
	parse := m.TapParser(func([]byte) ([]transport.Record, error) { return one, nil })
	item := []byte(`{}`)
	if n := testing.AllocsPerRun(100, func() { _, _ = parse(item) }); n != 0 {
		t.Errorf("%v allocations for a record that nobody looks at, want none", n)
	}
}

func TestASampleIsAShare(t *testing.T) {
	t.Parallel()
	m := New(Options{})
	one, err := m.taps.add("", 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		m.taps.show(sighting{stage: stageRead})
	}
	if n := int64(len(one.waiting)) + one.dropped.Load(); n < 3 || n > 120 { // the chance of less or more is below 1e-9
		t.Errorf("%d of 300 with a share of a tenth", n)
	}
}

// TestHalfASecretIsNotShown: a body that is cut in the middle of a secret.
func TestHalfASecretIsNotShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s3cret-", 700) // longer than what is shown
	m := New(Options{Secrets: func() []string { return []string{tapCanary, long} }})
	for _, body := range []string{
		strings.Repeat("x", tapShown-5) + tapCanary + tapCanary,
		strings.Repeat("x", tapBytes-5) + tapCanary,
		long + long + long + strings.Repeat("x", tapBytes-3*len(long)-9) + tapCanary,
		`{"a":"` + strings.Repeat("x", tapBytes-20) + `","b":"` + tapCanary + `"}`,
		`{"password":"` + strings.Repeat("hunter22", tapBytes) + `"}`,
	} {
		s := sighting{stage: stageRead, item: []byte(body), at: time.Now()}
		s.keep()
		line, err := s.line(m.hiding(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var l TapLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if !l.Cut || l.Bytes != len(body) || len(l.Data) > tapShown {
			t.Errorf("%.20s…: %d bytes shown of %d, cut %v; want at most %d, cut", body, len(l.Data), l.Bytes, l.Cut, tapShown)
		}
		for _, part := range []string{tapCanary[:4], long[:7], "hunter22"} {
			if strings.Contains(l.Data, part) {
				t.Errorf("%.20s…: a part of a secret is shown: %q", body, part)
			}
		}
	}
}

func TestTapReadsUntilItHasEnough(t *testing.T) {
	m := New(Options{})
	addr, stop := serve(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // somebody sends, for as long as it takes
		for again := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-again.C {
			m.taps.show(sighting{stage: stageRead, item: []byte("1")})
		}
	}()
	n := 0
	count := func([]byte, TapLine) error { n++; return nil }
	if err := Tap(t.Context(), addr, secret.Value{}, TapWish{Limit: 3, Stage: "read"}, count); err != nil || n != 3 {
		t.Errorf("%d lines, %v; want 3", n, err)
	}
	enough := errors.New("enough")
	if err := Tap(t.Context(), addr, secret.Value{}, TapWish{}, func([]byte, TapLine) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a reader that fails: %v, want its error", err)
	}
	cancelled, end := context.WithCancel(t.Context())
	if err := Tap(cancelled, addr, secret.Value{}, TapWish{}, func([]byte, TapLine) error { end(); return nil }); err != nil {
		t.Errorf("interrupted: %v, want nil", err)
	}
	var once sync.Once
	err := Tap(t.Context(), addr, secret.Value{}, TapWish{}, func([]byte, TapLine) error {
		once.Do(func() { go func() { _ = stop() }() })
		return nil
	})
	if err != ErrTapEnded { //nolint:errorlint // wrapped it would tell of a connection that broke
		t.Errorf("the daemon stops: %v, want that it has ended the tap", err)
	}
}
