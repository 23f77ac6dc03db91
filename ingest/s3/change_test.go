package s3_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/s3"
	"sluice/internal/fault"
)

// wantFault fails the test unless err has the class and the reason, and says each of the words.
func wantFault(t *testing.T, err error, class fault.Class, reason string, words ...string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Class != class || f.Reason != reason {
		t.Fatalf("got %v, want %v %s", err, class, reason)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "Signature=") {
		t.Errorf("%q shows how the request was signed", err)
	}
}

func wantTexts(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

// middle reads two records of six, and returns the cursor behind them.
func middle(t *testing.T, s *server) ingest.Cursor {
	t.Helper()
	s.put(t, "a", "a1\na2\na3\na4\na5\na6\n")
	s.put(t, "b", "b1\n")
	b := read(t, open(t, s.address, two), "")
	wantTexts(t, "first read", texts(b), "a1", "a2")
	return b.Next
}

func two(c *s3.Config) { c.Batch = 2 }

// TestAnObjectThatIsOverwrittenInItsMiddle is told once, and read from its beginning: nothing of the new one is lost, however
// long it is.
func TestAnObjectThatIsOverwrittenInItsMiddle(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"shorter": "x\n", "as long": "x1\nx2\nx3\nx4\nx5\nx6\n", "longer": strings.Repeat("x\n", 40), "empty": "", "packed": gz(t, "x\ny\n")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			c := middle(t, s)
			s.put(t, "a", text)
			source := open(t, s.address, two)
			_, err := source.Read(t.Context(), c)
			wantFault(t, err, fault.Transient, "object_changed", "s3://my-bucket/a", "6 bytes")
			want := append(strings.Fields(text), "b1")
			if name == "packed" {
				want = []string{"x", "y", "b1"}
			}
			got, next := drain(t, source, c)
			wantTexts(t, "after that", got, want...)
			if again, _ := drain(t, open(t, s.address, two), next); len(again) > 0 {
				t.Errorf("behind all of it there is %q, want nothing", again)
			}
		})
	}
}

// TestTheConditionIsSent, so that S3 itself says that an object has changed, and sends nothing of it.
func TestTheConditionIsSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := middle(t, s)
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-Match") != `"`+md5sum("a1\na2\na3\na4\na5\na6\n")+`"` {
			return false
		}
		answer(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return true
	})
	_, err := open(t, s.address, two).Read(t.Context(), c)
	wantFault(t, err, fault.Transient, "object_changed")
}

// TestAnAnswerThatIsOpenIsReadOn: what is overwritten meanwhile comes to its end first.
func TestAnAnswerThatIsOpenIsReadOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.put(t, "a", "a1\na2\na3\na4\n")
	source := open(t, s.address, two)
	first := read(t, source, "")
	s.put(t, "a", "x\n")
	got, _ := drain(t, source, first.Next)
	wantTexts(t, "the rest", got, "a3", "a4")
	wantTexts(t, "requests", s.asked(), "list", "get a", "list a")
}

func TestAnObjectThatIsDeletedInItsMiddle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := middle(t, s)
	s.remove(t, "a")
	source := open(t, s.address, two)
	for range 2 {
		_, err := source.Read(t.Context(), c)
		wantFault(t, err, fault.Blocked, "cursor_gone", "s3://my-bucket/a", "6 bytes", "put it back")
		if !errors.Is(err, ingest.ErrCursorGone) {
			t.Fatalf("%v is not ErrCursorGone", err)
		}
	}
	s.put(t, "a", "") // as the message says
	if _, err := source.Read(t.Context(), c); !fault.Is(err, fault.Transient) {
		t.Fatalf("with an empty object in its place: %v, want object_changed", err)
	}
	got, _ := drain(t, source, c)
	wantTexts(t, "after that", got, "b1")
}

// TestAnObjectThatIsDeletedBeforeItIsBegun is left out; one that is listed again is not.
func TestAnObjectThatIsDeletedBeforeItIsBegun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, key := range []string{"a", "b", "c"} {
		s.put(t, key, key+"\n")
	}
	s.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/b") {
			s.remove(t, "b")
		}
		return false
	})
	got, _ := drain(t, open(t, s.address, nil), "")
	wantTexts(t, "without the one that was deleted", got, "a", "c")

	s.put(t, "b", "b\n")
	s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/b") {
			answer(w, http.StatusNotFound, "NoSuchKey")
			return true
		}
		return false
	})
	source := open(t, s.address, nil)
	b := read(t, source, "")
	wantTexts(t, "what is before it", texts(b), "a")
	_, err := source.Read(t.Context(), b.Next)
	wantFault(t, err, fault.Transient, "object_missing", "s3://my-bucket/b")
	s.meddle(nil)
	got, _ = drain(t, source, b.Next)
	wantTexts(t, "when it is there", got, "b", "c")
}

// answer writes an error as S3 does.
func answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>what S3 says</Message></Error>`))
}

// TestWritersThatAreLate: nothing passes an object that is younger than Lag, so that one with a smaller key may still come.
func TestWritersThatAreLate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	now := time.Now()
	put := func(key string, age time.Duration) {
		s.clock.set(now.Add(-age))
		s.put(t, key, key+"\n")
	}
	put("1", 3*time.Hour)
	put("3", time.Minute)
	put("4", 3*time.Hour)
	source := open(t, s.address, func(c *s3.Config) { c.Lag = time.Hour })
	b := read(t, source, "")
	wantTexts(t, "first read", texts(b), "1")
	if again := read(t, source, b.Next); len(again.Items) > 0 || again.Next != b.Next || !again.CaughtUp {
		t.Errorf("then %q, next %s, caught up %v; want nothing before the next look", texts(again), again.Next, again.CaughtUp)
	}
	put("2", 2*time.Hour) // late, and old enough when the others are
	put("3", 2*time.Hour)
	got, _ := drain(t, source, b.Next)
	wantTexts(t, "when they are old enough", got, "2", "3", "4")
}

// TestAYoungObjectIsAwaited by the Read that finds it.
func TestAYoungObjectIsAwaited(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.clock.set(time.Now())
	s.put(t, "a", "a\n")
	source := open(t, s.address, func(c *s3.Config) { c.Lag = 100 * time.Millisecond })
	wantTexts(t, "one read", texts(read(t, source, "")), "a")

	s.clock.set(time.Now())
	s.put(t, "b", "b\n")
	source = open(t, s.address, func(c *s3.Config) { c.Lag = 20 * time.Second })
	ctx, cancel := context.WithCancel(t.Context())
	s.meddle(func(http.ResponseWriter, *http.Request) bool {
		time.AfterFunc(50*time.Millisecond, cancel) // while it waits
		return false
	})
	_, err := source.Read(ctx, `{"v":1,"k":"a"}`)
	wantFault(t, err, fault.Transient, "stopped")
}

// TestAnObjectThatFailsBehindAnother is the next one to be read, whatever fails: what is before it comes first, and it is not
// passed over.
func TestAnObjectThatFailsBehindAnother(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fail   func(w http.ResponseWriter)
		reason string
	}{
		"an error of S3": {func(w http.ResponseWriter) { answer(w, http.StatusInternalServerError, "InternalError") }, "server_error"},
		"access denied":  {func(w http.ResponseWriter) { answer(w, http.StatusForbidden, "AccessDenied") }, "forbidden"},
		"a break":        {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "network"},
		"damage": {func(w http.ResponseWriter) {
			w.Header().Set("ETag", `"x"`)
			_, _ = w.Write([]byte("\x1f\x8b no gzip"))
		}, "object_damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			for _, key := range []string{"a", "b", "c"} {
				s.put(t, key, key+"\n")
			}
			s.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/b") {
					return false
				}
				tc.fail(w)
				return true
			})
			source := open(t, s.address, nil)
			b := read(t, source, "")
			wantTexts(t, "what is before it", texts(b), "a")
			_, err := source.Read(t.Context(), b.Next)
			if got := fault.From(err).Reason; got != tc.reason {
				t.Fatalf("then %v, want %s", err, tc.reason)
			}
			s.meddle(nil)
			got, _ := drain(t, source, b.Next)
			wantTexts(t, "when it passes", got, "b", "c")
		})
	}
}
